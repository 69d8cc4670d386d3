import ClozeCompute
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

/// A fine-tuning run that is interrupted after any of its steps and goes on is the run that was never interrupted.
@Suite struct InterruptedFinetuningTests {
  private static let steps = 9

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let pairs: [TranslationPair] = {
    let words = ["the", "dog", "cat", "sees", "bird", "house", "tree", "water"]
    return (0..<40).map { number in
      let tokens = RandomValues.tokens(5, below: words.count, seed: number).map { words[Int($0)] }
      return TranslationPair(
        source: tokens.joined(separator: " "), target: tokens.reversed().joined(separator: " "))
    }
  }()

  private func run(
    _ name: String, workers: Int, resume: ResumeMode, average: Double = 0,
    change: (inout FinetuneConfiguration) -> Void = { _ in }
  ) throws
    -> TrainingRun<TranslationTask>
  {
    var configuration = FinetuneConfiguration()
    configuration.decoder.layerCount = 1
    configuration.batch.maximumLength = 32
    configuration.batch.tokensPerMicrobatch = 64
    configuration.batch.microbatches = 2
    configuration.wordDropout = WordDropout(source: 0.2, target: 0.1)
    configuration.noise = SourceNoise(shuffleDistance: 2, deletionRate: 0.1)
    configuration.pieceDropout = PieceDropout(source: 0.3, target: 0.2)
    configuration.average.lastShare = average
    configuration.optimizer.learningRate = 2e-3
    configuration.optimizer.schedule.warmupSteps = 2
    configuration.stop.steps = Self.steps
    configuration.validation.pairs = 6
    configuration.cadence.validationSteps = 3
    configuration.cadence.checkpointSteps = 4
    configuration.cadence.logSteps = 1
    configuration.compute.workers = workers
    change(&configuration)
    try configuration.validate()
    let task = try TranslationTask(
      configuration: configuration, start: .pretrained(Fixtures.url("bert")),
      training: TranslationPairs(Array(Self.pairs.dropLast(8))),
      validation: TranslationPairs(Array(Self.pairs.suffix(8))))
    return try TrainingRun(task, output: folder.file(name), resume: resume)
  }

  /// The steps that were validated, each with its figures, and where the run ended.
  private func finish(_ run: TrainingRun<TranslationTask>) throws -> (
    validations: [Int: ValidationReport], end: RunOutcome
  ) {
    var validations: [Int: ValidationReport] = [:]
    let outcome = try run.run(
      isInterrupted: { false },
      report: { if case .validated(let step, let report) = $0 { validations[step] = report } })
    return (validations, outcome)
  }

  private func files(_ name: String) throws -> [Data] {
    try ["model.safetensors", "optimizer.safetensors"].map {
      try Data(contentsOf: folder.file("\(name)/latest/\($0)"))
    }
  }

  /// Before the first validation, where one is due, between two, and at a checkpoint of the run's own; without an average of
  /// the weights and with one that begins at step 4; with nothing frozen, and with an encoder that thaws after step 5.
  @Test(arguments: 1...8, [(average: 0, thaws: false), (0.7, false), (0, true), (0.7, true)])
  func anInterruptionLeavesNoTrace(step: Int, _ kind: (average: Double, thaws: Bool)) throws {
    try expectNoTrace(step, average: kind.average, thaws: kind.thaws)
  }

  /// The same with a decoder that has states in place of self-attention.
  @Test(arguments: [2, 5], ["recurrent", "recurrent/none"])
  func anInterruptionOfARecurrentDecoderLeavesNoTrace(step: Int, blocks: String) throws {
    try expectNoTrace(step, average: 0, thaws: false, blocks: blocks)
  }

  /// - Parameter blocks: of the decoder.
  private func expectNoTrace(
    _ step: Int, average: Double, thaws: Bool, blocks: String = "attention"
  ) throws {
    func run(_ name: String, workers: Int, resume: ResumeMode) throws -> TrainingRun<TranslationTask> {
      try self.run(name, workers: workers, resume: resume, average: average) {
        $0.decoder.blocks = BlockPattern(blocks)
        if thaws { ($0.optimizer.freeze, $0.optimizer.freezeShare) = ("encoder", 0.5) }
      }
    }
    let straight = try finish(run("straight", workers: 2, resume: .never))
    #expect(straight.end.cursor.thawStep == (thaws ? 5 : nil))
    #expect(straight.validations.keys.sorted() == [3, 6, 9])
    #expect(straight.end.reason == .limitReached)

    var taken = 0
    var before: [Int: ValidationReport] = [:]
    let stopped = try run("stopped", workers: 1, resume: .never).run(
      isInterrupted: {
        taken += 1
        return taken == step
      },
      report: { if case .validated(let step, let report) = $0 { before[step] = report } })
    #expect(stopped.reason == .interrupted)
    #expect(stopped.cursor.step == step)
    let resumed = try finish(run("stopped", workers: 3, resume: .required))

    #expect(try files("stopped") == files("straight"))
    #expect(before.merging(resumed.validations) { $1 } == straight.validations)
    #expect(resumed.end.reason == .limitReached)
    #expect(resumed.end.cursor.step == Self.steps)
    #expect(resumed.end.cursor.tokens == straight.end.cursor.tokens)
    #expect(resumed.end.cursor.bestStep == straight.end.cursor.bestStep)
    #expect(resumed.end.cursor.bestScore == straight.end.cursor.bestScore)
    #expect(resumed.end.cursor.validationsSinceBest == straight.end.cursor.validationsSinceBest)
  }

  /// Each kind of noise is drawn in training, and without all of them the pairs are as they are.
  @Test func noiseChangesTraining() throws {
    func weights(_ name: String, _ change: (inout FinetuneConfiguration) -> Void) throws -> Data {
      _ = try run(name, workers: 2, resume: .never) { settings in
        (settings.wordDropout, settings.noise, settings.pieceDropout) = (.init(), .init(), .init())
        settings.stop.steps = 2
        change(&settings)
      }.run(isInterrupted: { false }, report: { _ in })
      return try files(name)[0]
    }
    let made = try [
      weights("plain") { _ in },
      weights("shuffled") { $0.noise.shuffleDistance = 3 },
      weights("deleted") { $0.noise.deletionRate = 0.2 },
      weights("sources") { $0.pieceDropout.source = 0.5 },
      weights("targets") { $0.pieceDropout.target = 0.5 },
    ]
    #expect(Set(made).count == 5)
    #expect(try made[0] == weights("again") { _ in })
  }
}
