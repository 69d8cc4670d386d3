package import ClozeCompute

/// The statistics of a forward pass, as sums, so that the sums of micro-batches add up to those of a step.
package struct PredictionStatistics: Sendable, Equatable, Codable {
  /// In nats.
  package var lossSum = 0.0
  package var predictionCount = 0
  package var correctCount = 0
  /// Tokens that the model has read.
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

  /// In nats per prediction.
  package var loss: Double { predictionCount > 0 ? lossSum / Double(predictionCount) : .nan }
  package var accuracy: Double { predictionCount > 0 ? Double(correctCount) / Double(predictionCount) : .nan }
}

/// Turns batches of data into losses and gradients: here the two rails meet.
///
/// A micro-batch is a pure function of its step and its number in the step, so a run resumes at any step without
/// replaying anything.
package protocol Objective: Sendable {
  var store: ParameterStore { get }
  /// The same in every step.
  var microbatchCount: Int { get }
  /// Runs one micro-batch forward and leaves the gradient of its summed loss on the tape.
  ///
  /// - Parameter step: the number of the step's batch, which differs from the number of the step if the run has skipped
  ///   batches.
  func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics
  /// The samples of the micro-batch in words, for a message: `samples 64 to 71`.
  func samples(step: Int, microbatch: Int) -> String
}

extension Objective {
  package func samples(step: Int, microbatch: Int) -> String { "micro-batch \(microbatch) of batch \(step)" }
}
