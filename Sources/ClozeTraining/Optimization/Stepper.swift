package import ClozeCompute
package import ClozeCore
package import ClozeEvaluation
internal import Dispatch
internal import Foundation

/// Takes optimizer steps: computes the micro-batches on the workers, adds the lanes, and updates the parameters once.
package final class Stepper {
  /// The result of one step.
  package struct Outcome: Sendable {
    package let statistics: StepStatistics
    /// The norm of the mean gradient before clipping. If it is not finite, the step changed nothing.
    package let gradientNorm: Double
    package let learningRate: Double
    /// If the step changed nothing: the micro-batches whose loss or gradient is not finite.
    package let faultyMicrobatches: [Int]

    /// Whether the step changed the parameters.
    package var isTaken: Bool { gradientNorm.isFinite }
  }

  private let objective: any Objective
  private let seed: UInt64
  package let optimizer: Optimizer
  package let workers: WorkerGroup
  package let tapes: [Tape]
  private let lanes: [GradientLane]

  package init(
    _ objective: any Objective, optimizer configuration: OptimizerConfiguration,
    compute: ComputeConfiguration,
    seed: UInt64
  ) {
    self.objective = objective
    self.seed = seed
    optimizer = Optimizer(objective.store, configuration: configuration)
    workers = WorkerGroup(count: compute.workers)
    lanes = (0..<min(compute.gradientLanes, objective.microbatchCount)).map { _ in
      GradientLane(objective.store)
    }
    tapes = (0..<workers.count).map { _ in Tape(store: objective.store) }
  }

  /// Runs a micro-batch of step `step` on every tape that has a gradient lane, which allocates memory and prepares products
  /// and changes nothing else. So the memory of a run is known before its first step, which allocates nothing.
  package func prepare(step: Int) throws {
    nonisolated(unsafe) let tapes = tapes
    let failures = Guarded<[any Error]>([])
    let scales = try objective.gradientScales(objective.predictionCounts(step: step))
    DispatchQueue.concurrentPerform(iterations: min(tapes.count, lanes.count)) {
      [objective, lanes, seed] index in
      let (tape, lane) = (tapes[index], lanes[index])
      lane.begin()
      tape.begin(lane: lane, dropout: DropoutStream(seed: seed, step: step, microbatch: index))
      do {
        _ = try objective.forward(tape, step: step, microbatch: index, gradientScales: scales)
        tape.backward()
      } catch {
        failures.withLock { $0.append(error) }
      }
    }
    if let error = failures.withLock({ $0.first }) { throw error }
  }

  /// Takes step `step`, from 0, before which `fraction` of the run is done.
  ///
  /// - Parameter batch: the number of the batch to train on; nil means `step`.
  package func take(step: Int, batch: Int? = nil, fraction: Double) throws -> Outcome {
    let batch = batch ?? step
    let count = objective.microbatchCount
    let counts = try objective.predictionCounts(step: batch)
    let scales = objective.gradientScales(counts)
    let laneStatistics = try workers.map(lanes.count, tapes: tapes) {
      [objective, lanes, seed] laneIndex, tape in
      let lane = lanes[laneIndex]
      lane.begin()
      var statistics = StepStatistics(objective.losses)
      for microbatch in stride(from: laneIndex, to: count, by: lanes.count) {
        tape.begin(lane: lane, dropout: DropoutStream(seed: seed, step: step, microbatch: microbatch))
        statistics.add(
          try objective.forward(tape, step: batch, microbatch: microbatch, gradientScales: scales))
        tape.backward()
      }
      lane.end()
      return statistics
    }
    let statistics = laneStatistics.reduce(into: StepStatistics(objective.losses)) { $0 += $1 }
    if let counts {
      precondition(
        counts == statistics.predictionCounts, "Stepper: \(statistics.predictionCounts) for \(counts)")
    }
    let factor = optimizer.rateFactor(step: step, fraction: fraction)
    for tape in tapes { tape.profile?.restart() }
    let norm =
      statistics.isFinite
      ? optimizer.step(
        step, lanes: lanes, predictionCount: max(statistics.predictionCount, 1), rateFactor: factor,
        workers: workers)
      : .nan
    for tape in tapes { tape.lap("optimizer") }
    return Outcome(
      statistics: statistics, gradientNorm: norm, learningRate: optimizer.configuration.learningRate * factor,
      faultyMicrobatches: norm.isFinite ? [] : try faultyMicrobatches(step: step, batch: batch, scales))
  }

  /// The micro-batches whose loss or gradient is not finite. Each is computed again by itself, with the unchanged
  /// parameters. If only the sum is not finite, all are returned.
  private func faultyMicrobatches(step: Int, batch: Int, _ scales: [Float]) throws -> [Int] {
    let count = objective.microbatchCount
    let faulty = try workers.map(lanes.count, tapes: tapes) { [objective, lanes, seed] laneIndex, tape in
      let lane = lanes[laneIndex]
      return try stride(from: laneIndex, to: count, by: lanes.count).filter { microbatch in
        lane.begin()
        tape.begin(lane: lane, dropout: DropoutStream(seed: seed, step: step, microbatch: microbatch))
        let sums = try objective.forward(tape, step: batch, microbatch: microbatch, gradientScales: scales)
        tape.backward()
        lane.end()
        return !sums.allSatisfy(\.lossSum.isFinite)
          || !lane.sumOfSquares(range: 0..<objective.store.elementCount).isFinite
      }
    }.flatMap { $0 }.sorted()
    return faulty.isEmpty ? Array(0..<count) : faulty
  }
}
