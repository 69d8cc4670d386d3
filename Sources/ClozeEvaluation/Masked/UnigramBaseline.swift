package import ClozeData
package import ClozeText
internal import Foundation

/// The scores of a model that knows the frequency of each token and nothing of the context. It always predicts the most
/// frequent token, and gives the token x the probability
///
///     p(x) = (c(x) + s) / (N + s V),
///
/// with c(x) occurrences of x among N tokens and V tokens in the vocabulary. All three leave out special tokens, which
/// are never selected. Counts of the training text are smoothed with s = 1, since a held-out token may not occur in it.
/// Counts of the evaluated text need no smoothing (s = 0); that baseline has seen the answers.
package struct UnigramBaseline: Sendable {
  /// The text that the frequencies are from.
  package enum Origin: String, Sendable {
    case training
    case text
  }

  /// Bands of frequency: each has the tokens with at least this share of all N tokens that are not in an earlier band.
  package static let bands: [(name: String, share: Double)] = [
    ("over 1 in 1,000", 1e-3), ("1 in 1,000 to 10,000", 1e-4), ("1 in 10,000 to 100,000", 1e-5), ("rarer", 0),
  ]

  package let origin: Origin
  private let counts: UnigramCounts
  private let smoothing: Double
  /// V
  private let tokenCount: Int
  private let answer: Int?

  /// - Parameters:
  ///   - counts: of the training text.
  ///   - unasked: tokens that are never masked: the special ones.
  package init(trainingText counts: UnigramCounts, unasked: [TokenID]) {
    self.init(counts, unasked, origin: .training, smoothing: 1)
  }

  /// - Parameters:
  ///   - counts: of the evaluated text.
  ///   - unasked: tokens that are never masked: the special ones.
  package init(evaluatedText counts: UnigramCounts, unasked: [TokenID]) {
    self.init(counts, unasked, origin: .text, smoothing: 0)
  }

  private init(_ counts: UnigramCounts, _ unasked: [TokenID], origin: Origin, smoothing: Double) {
    self.origin = origin
    self.counts = counts.without(unasked)
    self.smoothing = smoothing
    tokenCount = counts.counts.count - Set(unasked).count
    answer = self.counts.mostFrequent
  }

  /// Whether the baseline predicts this label.
  package func answers(_ label: TokenID) -> Bool { answer == Int(label) }

  /// -ln p(label), nats.
  package func loss(of label: TokenID) -> Double {
    let total = Double(counts.total) + smoothing * Double(tokenCount)
    return log(total) - log(Double(counts.counts[Int(label)]) + smoothing)
  }

  /// The index in `bands`.
  package func band(of label: TokenID) -> Int {
    let share = Double(counts.counts[Int(label)]) / Double(max(counts.total, 1))
    return Self.bands.firstIndex { share >= $0.share } ?? Self.bands.count - 1
  }
}
