package import ClozeCompute
package import ClozeCore
internal import ClozeEvaluation
package import Foundation

/// A task whose runs can be measured before they are made.
package protocol PlannedTask: TrainingTask {
  /// The micro-batches of a step.
  var microbatchCount: Int { get }
  /// The parameters of a new model, without memory.
  func declaredStore(_ precision: ElementType) throws -> ParameterStore
  /// In windows or tokens: the smallest micro-batch that the memory can be estimated from, and that of the run.
  var microbatchSizes: ClosedRange<Int> { get }
  /// The same objective with micro-batches of another size.
  func objective(_ training: Training, microbatchSize: Int) -> Training
}

extension PlannedTask {
  /// Refuses a run whose parameters, and what training keeps for each of them, do not fit: allocating them would end the process.
  ///
  /// - Parameter available: bytes of memory; nil if the system does not tell.
  /// - Throws: `PlanError.memory`
  func checkMemory(available: Int? = SystemMemory.available()) throws {
    let compute = configuration.compute
    let parts = RunNeeds<Self>.stateParts(
      configuration, try declaredStore(compute.elementType),
      lanes: min(compute.gradientLanes, microbatchCount), workers: WorkerGroup(count: compute.workers).count)
    let bytes = parts.reduce(0) { $0 + $1.bytes }
    if let available, bytes > available { throw PlanError.memory(bytes: bytes, available: available) }
  }
}

/// The memory of a run, part by part, and the time of its steps: computed where possible, otherwise measured in a few steps.
/// Nothing is written.
package struct RunNeeds<Task: PlannedTask> {
  package typealias Part = (name: String, bytes: Int)

  package private(set) var parts: [Part]
  /// Of a checkpoint.
  let checkpointBytes: Int
  let lanes: Int
  /// The run and what its first steps took; nil if it does not fit into the room, so that they were not made.
  let measured: (run: TrainingRun<Task>, probe: StepProbe)?

  /// Of memory. If the run does not fit, those that are known.
  package var bytes: Int { parts.reduce(0) { $0 + $1.bytes } }
  /// nil if the run does not fit.
  package var secondsPerStep: Double? { measured?.probe.secondsPerStep }

  /// - Parameters:
  ///   - room: the bytes that the run may take; nil for any number. What surely takes more is not made.
  ///   - programBytes: the memory of the process without any run; nil: what it has now, less the model of this run.
  /// - Throws: the errors of opening the run, which checks data, settings and folder
  package init(_ task: Task, output: URL, resume: ResumeMode, room: Int?, programBytes: Int? = nil) throws {
    let configuration = task.configuration
    // The model is declared and not allocated, since it may not fit.
    let store = try task.declaredStore(configuration.compute.elementType)
    let workers = WorkerGroup(count: configuration.compute.workers).count
    let lanes = min(configuration.compute.gradientLanes, task.microbatchCount)
    self.lanes = lanes
    checkpointBytes = configuration.average.checkpointBytes(store, configuration.optimizer)
    parts = RunNeeds.stateParts(configuration, store, lanes: lanes, workers: workers)
    guard parts.reduce(0, { $0 + $1.bytes }) <= room ?? .max else {
      measured = nil
      return
    }
    let run = try TrainingRun(task, output: output, resume: resume, plansOnly: true)
    let modelBytes = (store.precision == .bfloat16 ? 6 : 4) * store.elementCount
    parts += [
      ("text", run.task.dataBytes),
      ("program", programBytes ?? max(0, ProcessMemory.resident - modelBytes)),
    ]
    if let room {
      let left = room - parts.reduce(0) { $0 + $1.bytes }
      let shortage = try configuration.optimizer.atItsEnd(run.training.store) {
        try RunNeeds.activationShortage(run, workers: min(workers, lanes), room: left)
      }
      if let shortage {
        parts.append(("activations of \(workers) workers about", shortage))
        measured = nil
        return
      }
    }
    let probe = try StepProbe(run)
    parts.append(("activations of \(workers) workers", probe.activationBytes))
    measured = (run, probe)
  }

  /// Estimates whether the activations of all workers fit, with micro-batches of which each is twice the last one. Memory grows
  /// in proportion to their size, so a size is tried only if twice the memory of the last one fits.
  ///
  /// - Parameter room: the bytes available for activations.
  /// - Returns: the bytes that the activations would need if they do not fit; nil if they fit.
  private static func activationShortage(_ run: TrainingRun<Task>, workers: Int, room: Int) throws -> Int? {
    let sizes = run.task.microbatchSizes
    let tape = Tape(store: run.training.store)
    let lane = GradientLane(run.training.store)
    var size = sizes.lowerBound
    while size < sizes.upperBound {
      lane.begin()
      tape.begin(lane: lane, dropout: DropoutStream(seed: 0, step: 0, microbatch: 0))
      let objective = run.task.objective(run.training, microbatchSize: size)
      _ = try objective.forward(
        tape, step: 0, microbatch: 0,
        gradientScales: objective.gradientScales(objective.predictionCounts(step: 0)))
      tape.backward()
      let next = min(2 * size, sizes.upperBound)
      guard workers * tape.peakBytes * next / size <= room else {
        return workers * tape.peakBytes * sizes.upperBound / size
      }
      size = next
    }
    return nil
  }

  /// Of the parameters, and of what training keeps for each of them.
  fileprivate static func stateParts(
    _ configuration: Task.Settings, _ store: ParameterStore, lanes: Int, workers: Int
  ) -> [Part] {
    [
      ("parameters", 4 * store.elementCount),
      ("bfloat16 copies", store.precision == .bfloat16 ? 2 * store.elementCount : 0),
      ("\(lanes) gradient lanes", 4 * lanes * store.elementCount),
      ("moments", 4 * configuration.optimizer.momentCount(store)),
      ("Muon's matrices", configuration.optimizer.updateBytes(store, workers: workers)),
      ("average", configuration.average.isActive ? 4 * store.elementCount : 0),
    ].filter { $0.1 > 0 }
  }
}
