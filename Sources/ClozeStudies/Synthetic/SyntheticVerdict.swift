internal import ClozeCore
internal import ClozeEvaluation

/// Whether synthetic pairs helped: `verdict.json` beside the two runs.
package struct SyntheticVerdict: Codable, Sendable, Equatable {
  package enum Decision: String, Codable, Sendable {
    /// BLEU, or chrF unless checkpoints are ranked by BLEU, is higher with synthetic pairs, beyond chance.
    case kept
    case refused
  }

  /// One score of both runs on the validation pairs, in points.
  package struct Score: Codable, Sendable, Equatable {
    package let name: String
    package let control: Double
    package let synthetic: Double
    /// Bootstrap 95 % intervals, as [lower, upper].
    package let controlInterval: [Double]
    package let syntheticInterval: [Double]
    /// synthetic - control
    package let difference: Double
    /// Of the difference, on the same resamples of both (paired bootstrap).
    package let differenceInterval: [Double]
    package let bootstrapP: Double
    package let randomizationP: Double

    init(_ score: SystemComparison.Score) {
      func bounds(_ range: ClosedRange<Double>) -> [Double] { [range.lowerBound, range.upperBound] }
      name = score.name
      (synthetic, control) = score.values
      (syntheticInterval, controlInterval) = (bounds(score.intervals.a), bounds(score.intervals.b))
      (difference, differenceInterval) = (score.difference, bounds(score.differenceInterval))
      (bootstrapP, randomizationP) = (score.bootstrapP, score.randomizationP)
    }
  }

  package let decision: Decision
  /// The name of the score that decides.
  package let decidedBy: String
  package let scores: [Score]
  /// Validation pairs.
  package let pairs: Int
  /// Of the search.
  package let beam: Int
  /// Whether the model that was trained with synthetic pairs gives nearly all sentences the same translation.
  package let ignoresSource: Bool
  /// The digests of what the run with synthetic pairs was made from.
  package let identities: [String: String]

  /// Decides: keeps the synthetic pairs if the interval of the difference lies above 0.
  /// - Parameter comparison: of the model with synthetic pairs (A) and the one without (B).
  init(
    _ comparison: SystemComparison, decidedBy name: String, pairs: Int, beam: Int, ignoresSource: Bool,
    identities: [String: String]
  ) {
    scores = comparison.scores.map(Score.init)
    (decidedBy, self.pairs, self.beam) = (name, pairs, beam)
    (self.ignoresSource, self.identities) = (ignoresSource, identities)
    let lower = scores.first { $0.name == name }?.differenceInterval.first ?? 0
    decision = lower > 0 && !ignoresSource ? .kept : .refused
  }

  package var sentence: String {
    guard let score = scores.first(where: { $0.name == decidedBy }) else { return decision.rawValue }
    let bounds = score.differenceInterval.map { Figure.decimal($0, 2) }.joined(separator: ", ")
    let change =
      "\(score.name) \(score.difference < 0 ? "" : "+")\(Figure.decimal(score.difference, 2)) [\(bounds)]"
    let pairs = "on \(Figure.count(pairs)) validation pairs"
    if ignoresSource { return "refused: with them, the decoder ignores its source; \(change) \(pairs)" }
    switch decision {
    case .kept: return "kept: \(change) \(pairs)"
    case .refused: return "refused: \(change) \(pairs), which is not higher beyond chance"
    }
  }
}
