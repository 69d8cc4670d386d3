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
