import Foundation

/// The result of a case.
struct TrainingTiming: Encodable {
  let name: String
  let precision: String
  let workers: Int
  let tokensPerSecond: Double
  /// Useful ones.
  let operationsPerSecond: Double
  let steps: Int
  let profile: [StepMeter.Share]
  let peakMemoryBytes: Int
}
