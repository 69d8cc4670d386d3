internal import Foundation

/// Scores of masked-token prediction over one group of predictions, as sums, so that groups add up.
package struct MaskedScores: Sendable, Equatable {
  /// Predictions.
  package private(set) var count = 0
  /// Predictions whose likeliest token was the label.
  package private(set) var top1 = 0
  /// Predictions that had the label among the five likeliest tokens.
  package private(set) var top5 = 0
  /// Nats, summed.
  package private(set) var lossSum = 0.0

  package init() {}

  /// - Parameters:
  ///   - rank: how many tokens score above the label.
  ///   - loss: -ln p(label), nats.
  package mutating func add(rank: Int32, loss: Double) {
    count += 1
    if rank == 0 { top1 += 1 }
    if rank < 5 { top5 += 1 }
    lossSum += loss
  }

  /// NaN without predictions, as are the others.
  package var accuracy: Double { count > 0 ? Double(top1) / Double(count) : .nan }
  package var top5Accuracy: Double { count > 0 ? Double(top5) / Double(count) : .nan }
  /// Nats a prediction.
  package var loss: Double { count > 0 ? lossSum / Double(count) : .nan }
  /// exp(loss): between how many equally likely tokens the model still wavers.
  package var perplexity: Double { exp(loss) }
}
