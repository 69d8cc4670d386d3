internal import ClozeCore
package import ClozeText

/// Windows of equal length over a split: parts of one packed stream, without padding.
///
/// Each document becomes `[CLS] tokens [SEP]`, and all documents one after another are the stream. With t_i tokens
/// before document i, the document begins at position t_i + 2 i, so positions are computed and nothing is stored.
/// Window w of epoch e is the T positions from w T + o_e, modulo the length L of the stream. The offset o_e in 0 ..< T
/// is drawn for each epoch, so that borders differ between epochs. A document that a border cuts continues in the next
/// window, without a `[CLS]` of its own. L mod T positions are not in any window, other ones in each epoch.
///
/// Sample s of a run, 0, 1, 2…, is window π_e(s mod n) of epoch e = s / n, where n = L / T and π_e permutes the windows
/// of the epoch. All of it is a function of the seed and s, so a run resumes after sample s with s alone.
package struct PackedWindows: Sendable {
  /// The epoch and the window of a sample.
  package struct Place: Sendable, Equatable {
    package var epoch: Int
    package var window: Int

    package init(epoch: Int, window: Int) {
      self.epoch = epoch
      self.window = window
    }
  }

  package let dataset: TokenDataset
  /// T, positions.
  package let windowLength: Int
  /// n, the number of windows of an epoch.
  package let windowCount: Int
  /// L, the number of positions.
  package let streamLength: Int

  private let specials: SpecialTokens
  private let seed: UInt64
  /// By frame: the position of its first token, or of the `[CLS]` before it if a document begins there.
  private let frameStarts: [Int]

  /// - Parameter specials: of the data's tokenizer.
  /// - Throws: `ShardError.splitTooShort` if the split is shorter than one window.
  package init(_ dataset: TokenDataset, windowLength: Int, specials: SpecialTokens, seed: UInt64) throws {
    precondition(windowLength > 0, "PackedWindows: windows of \(windowLength) positions")
    self.dataset = dataset
    self.windowLength = windowLength
    self.specials = specials
    self.seed = seed
    streamLength = dataset.tokenCount + 2 * dataset.documentCount
    windowCount = streamLength / windowLength
    guard windowCount > 0 else {
      throw ShardError.splitTooShort(
        path: dataset.folder.path, split: dataset.split, positions: streamLength, windowLength: windowLength)
    }
    // Before a frame that begins inside a document, there is one [CLS] more than [SEP].
    frameStarts = (0..<dataset.frameCount).map {
      dataset.tokenStarts[$0] + 2 * dataset.documentStarts[$0] + (dataset.beginsInsideDocument($0) ? 1 : 0)
    }
  }

  /// The place of sample `number` of the run.
  package func place(ofSample number: Int) -> Place {
    precondition(number >= 0, "PackedWindows: sample \(number)")
    let epoch = number / windowCount
    let order = Permutation(
      count: windowCount, random: CounterRandom(seed: seed, purpose: .order, epoch: epoch))
    return Place(epoch: epoch, window: order[number % windowCount])
  }

  /// The window at `place`, for training.
  /// - Throws: `ShardError`, `FileError`
  package func window(at place: Place) throws -> TokenWindow {
    var random = CounterRandom(seed: seed, purpose: .windowOffset, epoch: place.epoch)
    return try window(from: place.window * windowLength + random.below(windowLength))
  }

  /// Window `number` in the order of the text and without an offset, for evaluation.
  /// - Throws: `ShardError`, `FileError`
  package func evaluationWindow(_ number: Int) throws -> TokenWindow {
    precondition(number >= 0 && number < windowCount, "PackedWindows: window \(number) of \(windowCount)")
    return try window(from: number * windowLength)
  }

  /// The T positions from `start`, modulo the stream's length.
  private func window(from start: Int) throws -> TokenWindow {
    var tokens: [TokenID] = []
    tokens.reserveCapacity(windowLength)
    var documentStarts = [0]
    var position = start % streamLength
    while tokens.count < windowLength {
      let number = frameStarts.lastIndex(notAfter: position)
      let frame = try dataset.frame(number)
      let isInside = dataset.beginsInsideDocument(number)
      position +=
        append(frame, from: position - frameStarts[number], isInside: isInside, to: &tokens, &documentStarts)
      if position == streamLength { position = 0 }
    }
    return TokenWindow(tokens: tokens, documentStarts: documentStarts)
  }

  /// Appends the positions that the window still lacks from a frame.
  /// - Parameters:
  ///   - offset: the first position to append, counted from the first of the frame.
  ///   - isInside: whether the frame begins inside a document.
  /// - Returns: the number of positions appended.
  private func append(
    _ frame: ShardFrame, from offset: Int, isInside: Bool, to tokens: inout [TokenID],
    _ documentStarts: inout [Int]
  ) -> Int {
    let before = tokens.count
    let ends = frame.documentEnds
    let pieceCount = ends.count + (frame.continues ? 1 : 0)
    let skippedMark = isInside ? 1 : 0
    func firstToken(_ piece: Int) -> Int { piece == 0 ? 0 : Int(ends[piece - 1]) }
    func firstPosition(_ piece: Int) -> Int {
      piece == 0 ? 0 : firstToken(piece) + 2 * piece - skippedMark
    }
    var low = 0
    var high = pieceCount
    while high - low > 1 {
      let middle = (low + high) / 2
      if firstPosition(middle) <= offset { low = middle } else { high = middle }
    }
    var skip = offset - firstPosition(low)
    for piece in low..<pieceCount {
      guard tokens.count < windowLength else { break }
      let opens = piece > 0 || !isInside
      let first = firstToken(piece)
      let end = piece < ends.count ? Int(ends[piece]) : frame.tokens.count
      if opens {
        if skip > 0 {
          skip -= 1
        } else {
          if !tokens.isEmpty { documentStarts.append(tokens.count) }
          tokens.append(specials.classification)
        }
      }
      let taken = min(end - first - skip, windowLength - tokens.count)
      if taken > 0 { tokens += frame.tokens[first + skip..<first + skip + taken] }
      if piece < ends.count, tokens.count < windowLength { tokens.append(specials.separator) }
      skip = 0
    }
    return tokens.count - before
  }
}
