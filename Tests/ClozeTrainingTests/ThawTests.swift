import ClozeCompute
import ClozeCore
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

/// Parts that are frozen for the first share of a run.
@Suite struct ThawTests {
  private var compute: ComputeConfiguration {
    var compute = ComputeConfiguration()
    (compute.workers, compute.gradientLanes) = (2, 2)
    return compute
  }

  /// The first update of Adam is the learning rate itself, with the sign of the gradient: bias correction takes away that the
  /// moments begin with zeros. So the step of the thawed counts from their thaw, and so does their warm-up.
  @Test(arguments: [(warmup: 0, factor: 1.0), (4, 0.25)]) func stepsCountFromTheThaw(
    warmup: Int, factor: Double
  ) throws {
    let objective = try ReferenceObjective(microbatchCount: 2)
    let store = objective.store
    var settings = ReferenceStepsTests.optimizer()
    (settings.freeze, settings.freezeShare) = ("encoder", 0.5)
    (settings.weightDecay, settings.gradientClip, settings.schedule.warmupSteps) = (0, 0, warmup)
    settings.epsilon = 1e-15
    try settings.validate()
    try settings.freeze(store)
    let frozen = store.parameters.filter(store.isFrozen)
    #expect(frozen.count == 29)
    let stepper = Stepper(objective, optimizer: settings, compute: compute, seed: 1)
    let before = frozen.map { Array(store.numbers(of: $0)) }
    for step in 0..<4 { #expect(try stepper.take(step: step, fraction: 0).isTaken) }
    for (parameter, values) in zip(frozen, before) {
      #expect(Array(store.numbers(of: parameter)) == values, "\(parameter.path)")
    }
    stepper.optimizer.thaw(at: 4)
    #expect(!store.parameters.contains(where: store.isFrozen))
    #expect(try stepper.take(step: 4, fraction: 0).learningRate == settings.learningRate)
    let rate = Float(settings.learningRate * factor)
    var counts = (all: 0, whole: 0, larger: 0)
    for (parameter, values) in zip(frozen, before) {
      for (new, old) in zip(store.numbers(of: parameter), values) {
        counts.all += new != old ? 1 : 0
        counts.whole += abs(abs(new - old) - rate) < 0.01 * rate ? 1 : 0
        counts.larger += abs(new - old) > 1.01 * rate ? 1 : 0
      }
    }
    #expect(counts.whole > counts.all * 9 / 10 && counts.all > 1000 && counts.larger == 0, "\(counts)")
    // The parts that were never frozen go on from their own moments.
    stepper.optimizer.thaw(at: nil)
    #expect(store.parameters.filter(store.isFrozen).map(\.path) == frozen.map(\.path))
  }

  /// The memory of a run is known before its first step, though a pass through frozen layers needs less of it; and the run says
  /// at which step its parts thawed.
  @Test func theMemoryIsThatOfTheThawed() throws {
    let folder = try TemporaryFolder()
    let task = RecordingTask(freezeShare: 0.4)
    let run = try TrainingRun(task, output: folder.file("run"), resume: .never)
    #expect(run.training.store.parameters.count(where: run.training.store.isFrozen) == 29)
    var messages: [String] = []
    let outcome = try run.run(
      isInterrupted: { false }, report: { messages.append("\($0.message)") })
    #expect(outcome.cursor.thawStep == 4)
    // Frozen in the first, thawed in the second.
    let arenas = task.arenas.withLock { $0 }
    #expect(arenas.map(\.frozen) == [29, 0])
    #expect(arenas[0].bytes == arenas[1].bytes)
    #expect(messages.contains { $0.contains("trains encoder, too, from step 4 on") }, "\(messages)")
    let log = String(decoding: try Data(contentsOf: folder.file("run/metrics.jsonl")), as: UTF8.self)
    #expect(log.contains(#"{"event":"thawed","step":4}"#))
  }

  /// Once thawed, a run whose limit is raised stays so.
  @Test func aRaisedLimitFreezesNothingAgain() throws {
    let folder = try TemporaryFolder()
    func run(steps: Int, resume: ResumeMode) throws -> RunCursor {
      let task = RecordingTask(freezeShare: 0.5, steps: steps)
      return try TrainingRun(task, output: folder.file("run"), resume: resume).run(
        isInterrupted: { false }, report: { _ in }
      ).cursor
    }
    #expect(try run(steps: 6, resume: .never).thawStep == 3)
    let raised = try run(steps: 20, resume: .required)
    #expect(raised.thawStep == 3 && raised.step == 20)
  }

  @Test(arguments: [0, -0.5, 1.01, .nan]) func badSharesAreRefused(share: Double) {
    var settings = OptimizerConfiguration()
    (settings.freeze, settings.freezeShare) = ("encoder", share)
    #expect(failureMessage { try settings.validate() }.hasPrefix("optimizer.freezeShare: is "))
  }

  @Test func aShareOfNothingIsRefused() {
    var settings = OptimizerConfiguration()
    settings.freezeShare = 0.5
    #expect(
      failureMessage { try settings.validate() }
        == "optimizer.freezeShare: is 0.5, and optimizer.freeze names no part; name one, such as encoder, or leave it at 1"
    )
  }
}

/// The reference BERT with a frozen encoder. Its validations record how many parameters are frozen, and the memory of the tapes.
private struct RecordingTask: TrainingTask {
  static let purpose = "test"

  let configuration: PretrainConfiguration
  let identities: CheckpointManifest.Identities = [:]
  let arenas = Guarded<[(frozen: Int, bytes: Int)]>([])

  init(freezeShare: Double, steps: Int = 10) {
    var configuration = PretrainConfiguration()
    (configuration.optimizer.freeze, configuration.optimizer.freezeShare) = ("encoder", freezeShare)
    configuration.stop = StopConfiguration(steps: steps)
    configuration.cadence.validationSteps = steps == 10 ? 3 : 100
    configuration.cadence.checkpointSteps = 100
    configuration.compute.workers = 1
    self.configuration = configuration
  }

  func start(from checkpoint: URL?) throws -> TrainingStart<ReferenceObjective> {
    TrainingStart(try ReferenceObjective(checkpoint, microbatchCount: 2))
  }

  func validate(_ training: ReferenceObjective, tapes: [Tape]) throws -> ValidationReport {
    let store = training.store
    arenas.withLock {
      guard $0.count < 2 else { return }
      $0.append((store.parameters.count(where: store.isFrozen), tapes[0].capacity))
    }
    return ValidationReport(figures: [:], score: 0)
  }

  func write(_ training: ReferenceObjective, to folder: URL) throws {
    try ModelArchive.write(training.model, to: folder, metadata: [:])
  }
}
