internal import ClozeCompute
internal import ClozeData

/// Measures speed and memory in a few steps of a run, with everything that it trains at its end. They change the run's
/// parameters.
package struct StepProbe {
  let workers: Int
  let steps: Int
  package let secondsPerStep: Double
  let tokensPerSecond: Double
  /// Of all workers together.
  let activationBytes: Int

  /// The first steps prepare products and grow the arenas.
  private static let untimedSteps = 2
  private static let leastSteps = 3
  private static let seconds = 3.0

  package init(_ run: TrainingRun<some TrainingTask>) throws {
    self = try run.task.configuration.optimizer.atItsEnd(run.training.store) {
      try StepProbe(measuring: run)
    }
  }

  private init(measuring run: TrainingRun<some TrainingTask>) throws {
    let stepper = Stepper(
      run.training, optimizer: run.task.configuration.optimizer, compute: run.task.configuration.compute,
      seed: UInt64(run.task.configuration.seed))
    for step in 0..<StepProbe.untimedSteps { _ = try stepper.take(step: step, fraction: 0) }
    let start = ContinuousClock.now
    var steps = 0
    var tokens = 0
    var seconds = 0.0
    while steps < StepProbe.leastSteps || seconds < StepProbe.seconds {
      tokens += try stepper.take(step: StepProbe.untimedSteps + steps, fraction: 0).statistics.tokenCount
      steps += 1
      seconds = (ContinuousClock.now - start) / .seconds(1)
    }
    workers = stepper.workers.count
    self.steps = steps
    secondsPerStep = seconds / Double(steps)
    tokensPerSecond = Double(tokens) / max(seconds, 1e-9)
    activationBytes = stepper.tapes.reduce(0) { $0 + $1.capacity }
  }
}
