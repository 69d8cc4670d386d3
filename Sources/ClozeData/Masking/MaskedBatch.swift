internal import ClozeCore
package import ClozeText

/// Masked windows one after another, without padding: N = B T positions, of which M are predicted.
package struct MaskedBatch: Sendable, Equatable {
  /// B
  package private(set) var windowCount = 0
  /// T
  package let windowLength: Int
  /// The ids that the model reads: `[N]`.
  package private(set) var inputIDs: [TokenID] = []
  /// The position of each token in its document's part of the window: `[N]`, in 0 ..< T.
  package private(set) var positionIDs: [Int32] = []
  /// The first position of each of the S parts of documents, and N at the end: ascending, `[S + 1]`. Attention stays
  /// within a part.
  package private(set) var sequenceOffsets: [Int] = [0]
  /// The selected positions, ascending: `[M]`, in 0 ..< N.
  package private(set) var selectedPositions: [Int] = []
  /// The true tokens there: `[M]`.
  package private(set) var labels: [TokenID] = []
  /// `[M]`
  package private(set) var outcomes: [MaskingOutcome] = []

  package init(windowLength: Int) {
    self.windowLength = windowLength
  }

  /// - Parameter window: T positions; the last window of a text may have fewer.
  package mutating func append(_ window: MaskedWindow, documentStarts: [Int]) {
    let base = windowCount * windowLength
    precondition(
      window.inputIDs.count <= windowLength && inputIDs.count == base,
      "MaskedBatch: a window of \(window.inputIDs.count) positions after \(inputIDs.count) of windows of \(windowLength)"
    )
    windowCount += 1
    inputIDs += window.inputIDs
    for (start, end) in zip(documentStarts, documentStarts.dropFirst() + [window.inputIDs.count]) {
      positionIDs += (0..<Int32(end - start))
      sequenceOffsets.append(base + end)
    }
    selectedPositions += window.positions.map { base + $0 }
    labels += window.labels
    outcomes += window.outcomes
  }
}

/// Makes masked batches from sample numbers. A sample is a function of the data, the seed and its number alone (and of the length of
/// the run, if the share of masked tokens changes in it), so it is the same in any batch, on any thread and after any interruption.
package struct MaskedBatchSource: Sendable {
  package let windows: PackedWindows
  package let masking: Masking
  private let seed: UInt64
  /// Those of the whole run; nil if it is not known, or does not matter.
  private let sampleCount: Int?

  package init(windows: PackedWindows, masking: Masking, seed: UInt64, sampleCount: Int? = nil) {
    self.windows = windows
    self.masking = masking
    self.seed = seed
    self.sampleCount = sampleCount
  }

  /// Samples of a run, for training. Every epoch has other masks.
  /// - Throws: `ShardError`, `FileError`
  package func batch(samples: Range<Int>) throws -> MaskedBatch {
    var batch = MaskedBatch(windowLength: windows.windowLength)
    for sample in samples {
      let place = windows.place(ofSample: sample)
      let window = try windows.window(at: place)
      let random = CounterRandom(seed: seed, purpose: .masking, epoch: place.epoch, index: sample)
      let done = sampleCount.map { min(1, Double(sample) / Double(max($0 - 1, 1))) } ?? 0
      batch.append(masking.mask(window, random: random, done: done), documentStarts: window.documentStarts)
    }
    return batch
  }

  /// The windows with these numbers, in the order of the text, under frozen masks.
  /// - Throws: `ShardError`, `FileError`
  package func evaluationBatch(windows numbers: some Sequence<Int>) throws -> MaskedBatch {
    var batch = MaskedBatch(windowLength: windows.windowLength)
    for number in numbers {
      let window = try windows.evaluationWindow(number)
      batch.append(
        masking.frozenMask(window, number: number, seed: seed), documentStarts: window.documentStarts)
    }
    return batch
  }
}
