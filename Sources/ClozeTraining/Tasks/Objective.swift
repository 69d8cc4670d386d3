package import ClozeCompute

/// The sums over the predictions of one loss. The sums of micro-batches add up to those of a step, which are divided once.
package struct PredictionStatistics: Sendable, Equatable, Codable {
  /// In nats.
  package var lossSum = 0.0
  package var predictionCount = 0
  package var correctCount = 0
  /// Tokens that the model has read.
  package var tokenCount = 0

  package init() {}

  /// - Parameter rowWeights: what the loss of each row is multiplied by; nil for 1.
  package init(_ result: PredictionResult, rowWeights: [Float]? = nil, tokenCount: Int) {
    for (row, (loss, rank)) in zip(result.losses, result.ranks).enumerated() where rank >= 0 {
      lossSum += Double(loss) * Double(rowWeights?[row] ?? 1)
      predictionCount += 1
      correctCount += rank == 0 ? 1 : 0
    }
    self.tokenCount = tokenCount
  }

  package static func += (left: inout PredictionStatistics, right: PredictionStatistics) {
    left.lossSum += right.lossSum
    left.predictionCount += right.predictionCount
    left.correctCount += right.correctCount
    left.tokenCount += right.tokenCount
  }

  /// In nats per prediction.
  package var loss: Double { predictionCount > 0 ? lossSum / Double(predictionCount) : .nan }
  package var accuracy: Double { predictionCount > 0 ? Double(correctCount) / Double(predictionCount) : .nan }
}

/// One of the losses that a step minimises.
package struct WeightedLoss: Sendable, Equatable {
  /// As the log calls it.
  package let name: String
  package let weight: Double

  package init(_ name: String, weight: Double = 1) {
    self.name = name
    self.weight = weight
  }
}

/// The losses of one step or several, each with the sums over its own predictions.
package struct StepStatistics: Sendable, Equatable {
  private let losses: [WeightedLoss]
  private var sums: [PredictionStatistics]

  /// No predictions yet.
  init(_ losses: [WeightedLoss]) {
    self.losses = losses
    sums = losses.map { _ in PredictionStatistics() }
  }

  /// Nats: the weighted sum of the losses that have predictions.
  package var loss: Double {
    let parts = zip(losses, sums).filter { $1.predictionCount > 0 }
    return parts.isEmpty ? .nan : parts.reduce(0) { $0 + $1.0.weight * $1.1.loss }
  }
  /// Nats a prediction of each loss, by name and without weights.
  package var lossByName: [String: Double] {
    Dictionary(uniqueKeysWithValues: zip(losses.map(\.name), sums.map(\.loss)))
  }
  package var isFinite: Bool { sums.allSatisfy(\.lossSum.isFinite) }
  // What follows is the first loss's.
  /// Nats a prediction, without weight.
  package var firstLoss: Double { sums[0].loss }
  package var accuracy: Double { sums[0].accuracy }
  package var predictionCount: Int { sums[0].predictionCount }
  package var correctCount: Int { sums[0].correctCount }
  package var tokenCount: Int { sums[0].tokenCount }

  package static func += (left: inout StepStatistics, right: StepStatistics) { left.add(right.sums) }

  mutating func add(_ sums: [PredictionStatistics]) {
    precondition(sums.count == losses.count, "StepStatistics: \(sums.count) sums for \(losses.count) losses")
    for index in sums.indices { self.sums[index] += sums[index] }
  }

  /// The tokens alone, without the losses.
  var withoutLosses: StepStatistics {
    var statistics = StepStatistics(losses)
    statistics.sums[0].tokenCount = tokenCount
    return statistics
  }

  /// The number of predictions of each loss.
  var predictionCounts: [Int] { sums.map(\.predictionCount) }
}

/// What a run minimises: where the left rail's batches meet the right rail's tensors.
///
///     Σ weight · (sum of the loss / number of its predictions), over the losses
///
/// Each loss is summed over all micro-batches of a step and divided once, by its own number of predictions in the step.
/// A micro-batch is a pure function of its step and its number in the step, so a run resumes at any step without
/// computing an earlier one again.
package protocol Objective: Sendable {
  var store: ParameterStore { get }
  /// The same in every step.
  var microbatchCount: Int { get }
  var losses: [WeightedLoss] { get }
  /// How many predictions each loss has in all micro-batches of a step. All micro-batches add to one gradient, so with
  /// several losses the divisor of each must be known before the first micro-batch is computed. With one loss it may be
  /// nil: the predictions are then counted as the micro-batches are computed.
  func predictionCounts(step: Int) throws -> [Int]?
  /// Runs one micro-batch forward and leaves on the tape the gradient of its summed losses, each multiplied by its scale.
  ///
  /// - Parameters:
  ///   - step: the number of the step's batch, which differs from the number of the step if the run has skipped batches.
  ///   - gradientScales: one for each loss.
  /// - Returns: the sums of the losses, without weights and scales.
  func forward(_ tape: Tape, step: Int, microbatch: Int, gradientScales: [Float]) throws
    -> [PredictionStatistics]
  /// The samples of the micro-batch in words, for a message: `samples 64 to 71`.
  func samples(step: Int, microbatch: Int) -> String
}

extension Objective {
  package func samples(step: Int, microbatch: Int) -> String { "micro-batch \(microbatch) of batch \(step)" }

  /// What the gradient of each summed loss is multiplied by, so that the sum of all, divided by the predictions of the
  /// first loss, is the gradient of the step's loss: weight · predictions of the first / predictions of the loss.
  ///
  /// - Parameter counts: those of `predictionCounts`.
  func gradientScales(_ counts: [Int]?) -> [Float] {
    guard let counts else {
      precondition(losses.count == 1, "predictionCounts: nil for \(losses.count) losses")
      return [Float(losses[0].weight)]
    }
    return zip(losses, counts).map { loss, count in
      count > 0 ? Float(loss.weight * Double(max(counts[0], 1)) / Double(count)) : 0
    }
  }
}

/// An objective of one loss. It is divided by the predictions that its micro-batches turn out to have.
package protocol SingleLossObjective: Objective {
  /// Runs one micro-batch forward and leaves the gradient of its summed loss on the tape.
  func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics
}

extension SingleLossObjective {
  package var losses: [WeightedLoss] { [WeightedLoss("loss")] }

  package func predictionCounts(step: Int) throws -> [Int]? { nil }

  package func forward(_ tape: Tape, step: Int, microbatch: Int, gradientScales: [Float]) throws
    -> [PredictionStatistics]
  {
    [try forward(tape, step: step, microbatch: microbatch)]
  }
}
