internal import ClozeEvaluation

/// The result of a validation: figures to log, and one score that ranks checkpoints.
package struct ValidationReport: Sendable, Equatable {
  /// By their names in `metrics.jsonl` and in the progress.
  package let figures: [String: Double]
  /// Larger is better.
  package let score: Double
  /// Nats a prediction: what the first loss of training is on held-out samples. nil if the two cannot be compared.
  package let firstLoss: Double?
  /// Warnings about the validation itself.
  package var warnings: [String] = []

  package init(
    figures: [String: Double], score: Double, firstLoss: Double? = nil, warnings: [String] = []
  ) {
    self.figures = figures
    self.score = score
    self.firstLoss = firstLoss
    self.warnings = warnings
  }
}

extension RunCursor {
  /// Updates the best score with a validation.
  mutating func record(_ report: ValidationReport) {
    validationsSinceBest += 1
    guard report.score > bestScore ?? -.infinity else { return }
    bestScore = report.score
    bestStep = step
    // JSON has no NaN.
    bestFigures = report.figures.filter { $0.value.isFinite }
    validationsSinceBest = 0
  }
}
