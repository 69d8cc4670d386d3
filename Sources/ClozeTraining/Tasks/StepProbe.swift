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
    activationBytes = stepper.tapes.reduce(0) { $0 + $1.arena.capacity }
  }

  /// Estimates whether the activations of all workers fit, with micro-batches of 1, 2, 4… windows. Memory grows in
  /// proportion to the windows, so a size is tried only if twice the memory of the last one fits.
  ///
  /// - Parameters:
  ///   - workers: the number of workers.
  ///   - room: the bytes available for activations.
  /// - Returns: the bytes that the activations would need if they do not fit; nil if they fit.
  static func activationShortage(_ run: TrainingRun<some PretrainingTask>, workers: Int, room: Int) throws
    -> Int?
  {
    let windows = run.task.configuration.batch.microbatchWindows
    let tape = Tape(store: run.training.store)
    let lane = GradientLane(run.training.store)
    var batch = run.task.configuration.batch
    var size = 1
    while size < windows {
      (batch.windows, batch.microbatchWindows) = (size, size)
      lane.begin()
      tape.begin(lane: lane, dropout: DropoutStream(seed: 0, step: 0, microbatch: 0))
      let objective = run.training.with(batch)
      _ = try objective.forward(
        tape, step: 0, microbatch: 0, gradientScales: objective.gradientScales(step: 0))
      tape.backward()
      let next = min(2 * size, windows)
      guard workers * tape.arena.peak * next / size <= room else {
        return workers * tape.arena.peak * windows / size
      }
      size = next
    }
    return nil
  }
}
