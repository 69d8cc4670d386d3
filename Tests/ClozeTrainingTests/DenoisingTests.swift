import ClozeCompute
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeText
import ClozeTraining
import Foundation
import Testing

/// Pretraining of a whole translator on raw text.
@Suite struct DenoisingTests {
  private let folder: TemporaryFolder
  private let data: URL
  private static let steps = 6

  init() throws {
    folder = try TemporaryFolder()
    data = folder.file("data")
    let words = (0..<40).map { "w\($0)" }
    let tokenizer = Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + ["."] + words), normalizer: .cased)
    let writer = try DatasetWriter(
      folder: data,
      source: .init(tokenizer: tokenizer.digest, vocabularySize: 46, seed: 1, validationRate: 0.5),
      layout: ShardLayout(), pool: WorkerPool(workerCount: 1))
    try writer.stage(tokenizer)
    for number in 0..<120 {
      let text = RandomValues.tokens(11, below: 40, seed: number).map { 6 + $0 } + [5]
      try writer.append(
        text[...], to: number < 100 ? .train : .validation, counts: TokenCounts(words: 12), bytes: 40)
    }
    _ = try writer.finish(corpus: Digest(of: "corpus"))
  }

  private func settings(workers: Int = 1, steps: Int = Self.steps) -> PretrainConfiguration {
    var settings = PretrainConfiguration()
    settings.objective = .denoising
    (settings.model.layerCount, settings.decoder.layerCount) = (1, 1)
    (settings.model.hiddenSize, settings.model.headCount, settings.model.feedForwardSize) = (32, 2, 64)
    (settings.model.dropout, settings.model.attentionDropout) = (0, 0)
    (settings.batch.windowLength, settings.batch.windows, settings.batch.microbatchWindows) = (26, 8, 4)
    settings.masking = .forDenoising
    settings.optimizer.learningRate = 5e-3
    settings.optimizer.schedule.warmupSteps = 5
    settings.stop.steps = steps
    settings.cadence.checkpointSteps = 2
    settings.cadence.validationSteps = 1000
    settings.compute.workers = workers
    settings.compute.precision = .float32
    return settings
  }

  private func run(
    _ name: String, _ settings: PretrainConfiguration, start: PretrainStart? = nil, until: Int? = nil
  )
    throws -> RunOutcome
  {
    try run(settings.task(data: data, start: start), name, resume: .ifPresent, until: until)
  }

  private func run(_ task: some PretrainingTask, _ name: String, resume: ResumeMode, until: Int?) throws
    -> RunOutcome
  {
    var steps = 0
    return try TrainingRun(task, output: folder.file(name), resume: resume).run(
      isInterrupted: {
        steps += 1
        return steps == until
      }, report: { _ in })
  }

  private func files(_ name: String) throws -> [Data] {
    try ["model.safetensors", "optimizer.safetensors"].map {
      try Data(contentsOf: folder.file("\(name)/latest/\($0)"))
    }
  }

  @Test(arguments: [1, 3, 5]) func anInterruptionAndTheWorkersLeaveNoTrace(step: Int) throws {
    _ = try run("straight", settings(workers: 2))
    #expect(try run("broken", settings(workers: 1), until: step).reason == .interrupted)
    _ = try run("broken", settings(workers: 2))
    #expect(try files("broken") == files("straight"))
  }

  /// Random text can be learnt only by reading the source, so the loss falls below the unigram entropy with it alone.
  @Test func theDecoderReadsItsSource() throws {
    var settings = settings(workers: 2, steps: 600)
    settings.corruption.shuffleDistance = 0
    let outcome = try run("long", settings)
    let figures = try #require(outcome.cursor.bestFigures)
    let text = try PretrainingText(configuration: settings, data: data)
    #expect(try #require(figures["validationLoss"]) < text.unigramEntropy - 0.3)
    #expect(try #require(figures["sourceGain"]) > 1)
  }

  /// A run folder is a translator's, of which fine-tuning loads every tensor.
  @Test func finetuningLoadsEverything() throws {
    _ = try run("denoiser", settings())
    var finetuning = FinetuneConfiguration()
    finetuning.stop.steps = 1
    let pairs = TranslationPairs([TranslationPair(source: "w1 w2 .", target: "w3 w4 .")])
    let task = try TranslationTask(
      configuration: finetuning, start: .pretrained(folder.file("denoiser")), training: pairs,
      validation: pairs)
    #expect(task.configuration.decoder.layerCount == 1)
    let origins = try task.start(from: nil).origins
    #expect(!origins.isEmpty)
    #expect(!origins.contains { $0.origin == .new })
  }

  /// From a masked-language model come the encoder and the decoder's embeddings, from a denoiser everything.
  @Test func itStartsFromAnEncoderOrADenoiser() throws {
    var masked = settings()
    masked.objective = .masked
    _ = try run("encoder", masked)
    for (start, hasNew) in [("encoder", true), ("denoiser", false)] {
      let task = try DenoisingTask(
        PretrainingText(configuration: settings(), data: data, start: PretrainStart(folder.file(start))))
      let origins = try task.start(from: nil).origins
      #expect(origins.contains { $0.origin == .new } == hasNew)
      if hasNew { _ = try run("denoiser", settings(), start: PretrainStart(folder.file("encoder"))) }
    }
    // And an encoder starts from a denoiser's.
    let origins = try MaskedLanguageTask(
      PretrainingText(configuration: masked, data: data, start: PretrainStart(folder.file("denoiser")))
    ).start(from: nil).origins
    #expect(origins.contains { $0.origin != .new && $0.entry.name.hasPrefix("bert.encoder.layer.0") })
  }

  @Test func aRunDoesNotChangeItsObjective() throws {
    _ = try run("run", settings(steps: 2))
    var other = settings(steps: 4)
    other.objective = .masked
    #expect(failureMessage { _ = try run("run", other) }.contains("objective"))
  }

  @Test func aPlanCountsTheDecoder() throws {
    let plan = try PretrainPlan(
      configuration: settings(), data: data, output: folder.file("planned"), resume: .never)
    #expect(plan.shortage == nil)
    var masked = settings()
    masked.objective = .masked
    let smaller = try PretrainPlan(
      configuration: masked, data: data, output: folder.file("planned"), resume: .never)
    func parameters(_ plan: PretrainPlan) throws -> Double {
      let memory = try #require(plan.findings.first { $0.name == "memory" }?.text)
      let figure = try #require(memory.split(separator: "parameters ").last?.split(separator: " ").first)
      return try #require(Double(figure))
    }
    #expect(try parameters(plan) > parameters(smaller))
    #expect(!FileManager.default.fileExists(atPath: folder.file("planned").path))
  }

  /// Of all objectives; with an average of the weights the stop lies within it.
  @Test(arguments: PretrainConfiguration.Objective.allCases, [(0, 2), (0.5, 3), (0.1, 3), (1, 2)])
  func resumingIsProven(objective: PretrainConfiguration.Objective, average: (share: Double, stop: Int))
    throws
  {
    var settings = settings(workers: 2)
    settings.objective = objective
    settings.average.lastShare = average.share
    let proof = ResumeProof(steps: 4, configuration: settings, data: data)
    let outcome = try proof.run(beside: folder.file("proof"), isInterrupted: { false }, report: { _ in })
    // A generator has weights of its own.
    #expect(outcome?.digests.count == (objective == .replacedTokens ? 3 : 2))
    #expect(outcome?.stoppedStep == average.stop)
  }
}
