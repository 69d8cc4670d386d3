internal import Foundation

/// Scores of masked-token prediction over a group of predictions, kept as sums.
package struct MaskedScores: Sendable, Equatable {
  /// Predictions.
  package private(set) var count = 0
  /// Predictions whose likeliest token is the label.
  package private(set) var top1 = 0
  /// Predictions with the label among the five likeliest tokens.
  package private(set) var top5 = 0
  /// Nats, summed.
  package private(set) var lossSum = 0.0

  package init() {}

  /// - Parameters:
  ///   - rank: the number of tokens with a higher logit than the label.
  ///   - loss: -ln p(label), nats.
  package mutating func add(rank: Int32, loss: Double) {
    count += 1
    if rank == 0 { top1 += 1 }
    if rank < 5 { top5 += 1 }
    lossSum += loss
  }

  /// In 0...1; NaN without predictions, like the scores below.
  package var accuracy: Double { count > 0 ? Double(top1) / Double(count) : .nan }
  package var top5Accuracy: Double { count > 0 ? Double(top5) / Double(count) : .nan }
  /// Nats a prediction.
  package var loss: Double { count > 0 ? lossSum / Double(count) : .nan }
  /// exp(loss): the number of equally likely tokens with the same loss.
  package var perplexity: Double { exp(loss) }
}
