package import ClozeCompute
package import ClozeData
package import ClozeModel
package import ClozeText

/// Scores masked-token prediction under frozen masks. The masks are a function of the text, the seed and the scheme
/// alone, so two models with the same tokenizer predict exactly the same tokens.
package struct MaskedEvaluation: Sendable {
  /// Returns the masked windows with these numbers.
  package typealias Source = @Sendable (ArraySlice<Int>) throws -> MaskedBatch

  private let windows: [Int]
  private let baseline: UnigramBaseline?
  private let source: Source
  private let microbatchWindows: Int

  /// - Parameters:
  ///   - windows: the numbers of the windows to score, ascending.
  ///   - baseline: the baseline to compare with; nil for none.
  ///   - microbatchWindows: windows of a forward pass. It does not change the masks, and changes scores only by the
  ///     rounding of products of another shape.
  package init(
    windows: [Int], baseline: UnigramBaseline?, microbatchWindows: Int = 8, source: @escaping Source
  ) {
    precondition(microbatchWindows > 0, "MaskedEvaluation: \(microbatchWindows) windows a forward pass")
    self.windows = windows
    self.baseline = baseline
    self.source = source
    self.microbatchWindows = microbatchWindows
  }

  /// Whether any window has a selected position.
  /// - Throws: what the source throws.
  package func asksAnything() throws -> Bool {
    try windows.indices.contains { try !source(windows[$0...$0]).labels.isEmpty }
  }

  /// The tokens that are to be predicted, in the order of the text.
  /// - Throws: what the source throws.
  package func labels() throws -> [TokenID] {
    try windows.indices.flatMap { try source(windows[$0...$0]).labels }
  }

  /// Scores `model` on a worker for each tape. The report has the same bits for any number of workers.
  ///
  /// - Parameter progress: is called, on any worker, with the number of windows of each finished batch.
  /// - Throws: what the source throws.
  package func run(
    _ model: MaskedLanguageModel, tapes: [Tape], progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> MaskedReport {
    let partCount = (windows.count + microbatchWindows - 1) / microbatchWindows
    let parts = try WorkerGroup(count: tapes.count).map(partCount, tapes: tapes) { part, tape in
      let first = part * microbatchWindows
      let batch = try source(windows[first..<min(first + microbatchWindows, windows.count)])
      let predictions = MaskedEvaluation.predictions(of: model, on: batch, tape)
      progress(batch.windowCount)
      return predictions
    }
    return MaskedReport(windows: parts.flatMap { $0 }, baseline: baseline)
  }

  /// The same with `workers` new threads; 0 for one a core.
  package func run(
    _ model: MaskedLanguageModel, workers: Int, progress: @Sendable (Int) -> Void = { _ in }
  ) throws -> MaskedReport {
    try run(model, tapes: WorkerGroup(count: workers).tapes(for: model.store), progress: progress)
  }

  /// The predictions of a batch, by window.
  private static func predictions(
    of model: MaskedLanguageModel, on batch: MaskedBatch, _ tape: Tape
  ) -> [[MaskedPrediction]] {
    var windows = [[MaskedPrediction]](repeating: [], count: batch.windowCount)
    // The last window of a text may be a [SEP] alone, without a prediction.
    guard !batch.labels.isEmpty else { return windows }
    tape.begin()
    let result = model.predict(tape, batch)
    for (index, label) in batch.labels.enumerated() {
      windows[batch.selectedPositions[index] / batch.windowLength].append(
        MaskedPrediction(
          label: label, outcome: batch.outcomes[index], rank: result.ranks[index], loss: result.losses[index])
      )
    }
    return windows
  }
}
