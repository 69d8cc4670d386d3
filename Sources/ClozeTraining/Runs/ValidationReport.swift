internal import ClozeEvaluation

/// What a validation says: figures to log, and one score to compare checkpoints by.
package struct ValidationReport: Sendable, Equatable {
  /// By name, as they appear in `metrics.jsonl` and in the progress.
  package let figures: [String: Double]
  /// Larger is better.
  package let score: Double
  /// Warnings that the validation itself gives rise to.
  package var warnings: [String] = []

  package init(figures: [String: Double], score: Double, warnings: [String] = []) {
    self.figures = figures
    self.score = score
    self.warnings = warnings
  }
}

extension RunCursor {
  /// Takes a validation into account.
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
