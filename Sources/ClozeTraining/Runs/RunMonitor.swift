internal import ClozeCore

/// Watches the figures of a run for signs of common problems.
///
/// Each warning is given once. It says what is unusual and what usually causes it.
package struct RunMonitor: Sendable {
  /// The loss, in nats, of a model without context; nil if it is unknown.
  private let contextFreeLoss: Double?
  /// Whether the run learns from raw text, and not from labelled rows.
  private let readsRawText: Bool
  private var smoothedLoss: Double?
  private var reported: Set<String> = []

  package init(contextFreeLoss: Double?, readsRawText: Bool) {
    (self.contextFreeLoss, self.readsRawText) = (contextFreeLoss, readsRawText)
  }

  /// To be called when the run starts anew with other weights.
  mutating func restart() { smoothedLoss = nil }

  /// - Parameters:
  ///   - fraction: how much of the run is done, 0...1.
  ///   - pastWarmup: steps since the end of the warm-up.
  /// - Returns: warnings to print.
  package mutating func observe(
    loss: Double, accuracy: Double, gradientNorm: Double, fraction: Double, pastWarmup: Int
  ) -> [String] {
    var warnings: [String] = []
    func warn(_ key: String, _ text: String) {
      if reported.insert(key).inserted { warnings.append(text) }
    }
    guard loss.isFinite, gradientNorm.isFinite else {
      warn(
        "finite",
        "the loss or its gradient is not finite; the step was skipped. Lower optimizer.learningRate or use "
          + "compute.precision=float32")
      return warnings
    }
    let smoothed = smoothedLoss.map { 0.98 * $0 + 0.02 * loss } ?? loss
    smoothedLoss = smoothed
    if let contextFreeLoss, pastWarmup > 200, fraction > 0.1 {
      if smoothed > 1.1 * contextFreeLoss {
        warn(
          "diverged",
          "the loss is above what word frequencies alone would give "
            + "(\(Figure.decimal(contextFreeLoss, 3)) nats): the run does not learn; lower optimizer.learningRate or "
            + "lengthen the warm-up")
      } else if smoothed > 0.97 * contextFreeLoss {
        warn(
          "plateau",
          readsRawText
            ? "the loss has stayed at the unigram entropy of the corpus: "
              + "\(Figure.decimal(contextFreeLoss, 3)) nats come from word frequencies and copying visible tokens alone, so "
              + "the model has not learnt from context so far. Small models leave this plateau late; if it lasts, raise "
              + "optimizer.learningRate or batch.windows, or lower the dropout"
            : "the loss has stayed at what word frequencies alone give, \(Figure.decimal(contextFreeLoss, 3)) nats: the model "
              + "has not learnt from context so far; train longer, or change optimizer.learningRate")
      }
    }
    // A model may know all its labelled rows by heart.
    if readsRawText, accuracy > 0.98, pastWarmup > 50 {
      warn(
        "too good",
        "\(Figure.percent(accuracy)) of the predictions are right, which real text hardly allows: look for "
          + "repeated text in the corpus, or a selectionRate near 0")
    }
    return warnings
  }

  /// To be called after a validation.
  package mutating func observe(validationLoss: Double, trainingLoss: Double) -> [String] {
    guard validationLoss > 1.15 * trainingLoss + 0.1, reported.insert("overfit").inserted else { return [] }
    return [
      "the validation loss (\(Figure.decimal(validationLoss, 3))) is far above the training loss "
        + "(\(Figure.decimal(trainingLoss, 3))): the model is memorising; use more text, more dropout or fewer epochs"
    ]
  }
}
