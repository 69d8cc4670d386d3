package import ClozeCompute

/// What a micro-batch's forward pass says, summed, never averaged: sums of micro-batches add up to a step's.
package struct PredictionStatistics: Sendable, Equatable, Codable {
  /// Nats.
  package var lossSum = 0.0
  package var predictionCount = 0
  package var correctCount = 0
  /// Tokens that went through the model.
  package var tokenCount = 0

  package init() {}

  package init(_ result: PredictionResult, tokenCount: Int) {
    for (loss, rank) in zip(result.losses, result.ranks) where rank >= 0 {
      lossSum += Double(loss)
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

  /// Nats a prediction.
  package var loss: Double { predictionCount > 0 ? lossSum / Double(predictionCount) : .nan }
  package var accuracy: Double { predictionCount > 0 ? Double(correctCount) / Double(predictionCount) : .nan }
}

/// What a run optimizes: where the left rail's batches meet the right rail's tensors.
///
/// A micro-batch is a pure function of its step and its number in the step, so a run goes on from any step without
/// replaying anything.
package protocol Objective: Sendable {
  var store: ParameterStore { get }
  /// The same in every step.
  var microbatchCount: Int { get }
  /// Runs one micro-batch forward and leaves the gradient of its summed loss on the tape.
  ///
  /// - Parameter step: the number of the step's batch, which is the step's own unless the run has passed over samples.
  func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics
  /// What the micro-batch is made of, for a person to look it up: `samples 64 to 71`.
  func samples(step: Int, microbatch: Int) -> String
}

extension Objective {
  package func samples(step: Int, microbatch: Int) -> String { "micro-batch \(microbatch) of batch \(step)" }
}
