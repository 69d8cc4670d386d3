import ClozeCompute
import ClozeEvaluation
import ClozeTraining
import Foundation

/// Times optimizer steps, and the operations in them.
final class StepMeter {
  /// The share of an operation in the workers' time.
  struct Share: Encodable {
    let operation: String
    let millisecondsPerStep: Double
    /// 0...1
    let share: Double
  }

  private let stepper: Stepper
  private(set) var steps = 0
  private(set) var seconds = 0.0
  private(set) var tokenCount = 0
  private(set) var predictionCount = 0
  private var profile = OperationProfile()

  init(_ stepper: Stepper) {
    self.stepper = stepper
  }

  /// Takes two steps, which prepare products and memory, then steps for about `seconds`, at least three.
  func run(seconds limit: Double) throws {
    for step in 0..<2 { _ = try stepper.take(step: step, fraction: 0) }
    for tape in stepper.tapes { tape.profile = OperationProfile() }
    let start = ContinuousClock.now
    while seconds < limit || steps < 3 {
      let statistics = try stepper.take(step: 2 + steps, fraction: 0).statistics
      tokenCount += statistics.tokenCount
      predictionCount += statistics.predictionCount
      steps += 1
      seconds = (ContinuousClock.now - start).inSeconds
    }
    for tape in stepper.tapes {
      if let part = tape.profile { profile += part }
      tape.profile = nil
    }
  }

  /// By time, largest first; what is left of the workers' time is `waiting`.
  var shares: [Share] {
    let whole = seconds * Double(stepper.tapes.count)
    var parts = profile.seconds.map { entry, seconds in
      (entry.operation + (entry.isBackward ? " backward" : ""), seconds)
    }
    parts.append(("waiting", whole - parts.reduce(0) { $0 + $1.1 }))
    return parts.sorted { $0.1 > $1.1 }.map { name, seconds in
      Share(
        operation: name, millisecondsPerStep: 1000 * seconds / Double(steps * stepper.tapes.count),
        share: seconds / whole)
    }
  }
}

extension Duration {
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
