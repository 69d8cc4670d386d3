internal import ClozeCore
package import ClozeText

/// Masked windows one after another, without padding: N = B T positions, M of them to be predicted.
package struct MaskedBatch: Sendable, Equatable {
  /// B
  package private(set) var windowCount = 0
  /// T
  package let windowLength: Int
  /// What the model sees: `[N]`.
  package private(set) var inputIDs: [TokenID] = []
  /// Each token's place in its document's piece: `[N]`, in 0 ..< T.
  package private(set) var positionIDs: [Int32] = []
  /// Where each of the S documents' pieces begins, and at last N: ascending, `[S + 1]`. Attention never leaves a piece.
  package private(set) var sequenceOffsets: [Int] = [0]
  /// Where the model is asked: ascending places among the N, `[M]`.
  package private(set) var maskedPositions: [Int] = []
  /// The true tokens there: `[M]`.
  package private(set) var labels: [TokenID] = []
  /// `[M]`
  package private(set) var outcomes: [MaskingOutcome] = []

  package init(windowLength: Int) {
    self.windowLength = windowLength
  }

  /// - Parameter window: T positions, or fewer where it is the last: a text does not end at a window's border.
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
    maskedPositions += window.positions.map { base + $0 }
    labels += window.labels
    outcomes += window.outcomes
  }
}

/// Turns sample numbers into masked batches. Every sample is a function of the data, the seed and its number alone:
/// it is the same in whatever batch, on whatever thread and after whatever interruption it is made.
package struct MaskedBatchSource: Sendable {
  package let windows: PackedWindows
  package let masking: Masking
  private let seed: UInt64

  package init(windows: PackedWindows, masking: Masking, seed: UInt64) {
    self.windows = windows
    self.masking = masking
    self.seed = seed
  }

  /// Samples of a run, as training sees them: the masks are drawn anew in every epoch.
  /// - Throws: `ShardError`, `FileError`
  package func batch(samples: Range<Int>) throws -> MaskedBatch {
    var batch = MaskedBatch(windowLength: windows.windowLength)
    for sample in samples {
      let place = windows.place(ofSample: sample)
      let window = try windows.window(at: place)
      let random = CounterRandom(seed: seed, purpose: .masking, epoch: place.epoch, index: sample)
      batch.append(masking.mask(window, random: random), documentStarts: window.documentStarts)
    }
    return batch
  }

  /// Windows of these numbers, counted in natural order, under frozen masks.
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
