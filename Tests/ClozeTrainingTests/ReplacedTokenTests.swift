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

/// Pretraining by replaced-token detection.
@Suite struct ReplacedTokenTests {
  private let folder: TemporaryFolder
  private let data: URL
  private let tokenizer: Tokenizer
  private static let steps = 6

  /// A document is one word again and again, so that a replaced word is seen by its neighbours.
  init() throws {
    folder = try TemporaryFolder()
    data = folder.file("data")
    tokenizer = Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + ["."] + (0..<40).map { "w\($0)" }),
      normalizer: .cased)
    let writer = try DatasetWriter(
      folder: data,
      source: .init(tokenizer: tokenizer.digest, vocabularySize: 46, seed: 1, validationRate: 0.5),
      layout: ShardLayout(), pool: WorkerPool(workerCount: 1))
    try writer.stage(tokenizer)
    for number in 0..<120 {
      let first = RandomValues.tokens(1, below: 40, seed: number)[0]
      let text = [TokenID](repeating: 6 + first, count: 11) + [5]
      try writer.append(
        text[...], to: number < 100 ? .train : .validation, counts: TokenCounts(words: 12), bytes: 40)
    }
    _ = try writer.finish(corpus: Digest(of: "corpus"))
  }

  private func settings(workers: Int = 1, steps: Int = Self.steps) -> PretrainConfiguration {
    var settings = PretrainConfiguration()
    settings.objective = .replacedTokens
    settings.model.layerCount = 2
    // As the preset: ELECTRA has no others.
    settings.model.positions = .learned
    (settings.model.hiddenSize, settings.model.headCount, settings.model.feedForwardSize) = (32, 2, 64)
    (settings.batch.windowLength, settings.batch.windows, settings.batch.microbatchWindows) = (26, 8, 2)
    (settings.masking.maskRate, settings.masking.randomRate) = (1, 0)
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
  ) throws -> RunOutcome {
    try run(settings.task(data: data, start: start), name, until: until)
  }

  private func run(_ task: some PretrainingTask, _ name: String, until: Int?) throws -> RunOutcome {
    var steps = 0
    return try TrainingRun(task, output: folder.file(name), resume: .ifPresent).run(
      isInterrupted: {
        steps += 1
        return steps == until
      }, report: { _ in })
  }

  private func task(_ settings: PretrainConfiguration, start: PretrainStart? = nil) throws
    -> ReplacedTokenTask
  {
    try ReplacedTokenTask(PretrainingText(configuration: settings, data: data, start: start))
  }

  private func files(_ name: String) throws -> [Data] {
    try ["model.safetensors", "optimizer.safetensors", "generator/model.safetensors"].map {
      try Data(contentsOf: folder.file("\(name)/latest/\($0)"))
    }
  }

  enum Kind: CaseIterable {
    /// The defaults, with dropout.
    case plain
    /// Narrow embeddings, and positions of its own for the generator.
    case narrow
    case policyGradient
  }

  @Test(arguments: [1, 3, 5], Kind.allCases) func anInterruptionAndTheWorkersLeaveNoTrace(
    step: Int, kind: Kind
  ) throws {
    func settings(workers: Int) -> PretrainConfiguration {
      var settings = self.settings(workers: workers)
      if kind == .policyGradient { settings.replacedTokens.generatorTraining = .policyGradient }
      if kind == .narrow {
        settings.model.embeddingSize = 16
        settings.replacedTokens.sharesPositions = false
        settings.replacedTokens.generatorLayers = 0.5
        settings.replacedTokens.temperature = 0.7
      }
      return settings
    }
    _ = try run("straight", settings(workers: 3))
    #expect(try run("broken", settings(workers: 1), until: step).reason == .interrupted)
    _ = try run("broken", settings(workers: 2))
    #expect(try files("broken") == files("straight"))
  }

  /// The losses that are compared are the generator's, and not the weighted sum.
  @Test func aNewModelIsNotSaidToMemorise() throws {
    var settings = settings(workers: 1)
    settings.cadence.validationSteps = 1
    let run = try TrainingRun(task(settings), output: folder.file("new"), resume: .never)
    var warnings: [String] = []
    _ = try run.run(
      isInterrupted: { false },
      report: { if case .warning(let text) = $0 { warnings.append(text) } })
    #expect(!warnings.contains { $0.contains("memorising") }, "\(warnings)")
  }

  /// The encoder finds what it could not find by answering for every token alike. The temperature keeps a generator that knows
  /// the word from drawing it always.
  @Test func bothModelsLearn() throws {
    var settings = settings(workers: 2, steps: 200)
    (settings.model.dropout, settings.model.attentionDropout) = (0, 0)
    settings.model.layerCount = 1
    settings.replacedTokens.generatorWidth = 0.5
    settings.replacedTokens.temperature = 2
    let figures = try #require(run("long", settings).cursor.bestFigures)
    let text = try PretrainingText(configuration: settings, data: data)
    #expect(try #require(figures["generatorLoss"]) < text.unigramEntropy - 0.1)
    #expect(try #require(figures["replacedRecall"]) > 0.2)
    #expect(try #require(figures["replacedPrecision"]) > 0.6)
    #expect(try #require(figures["discriminatorLoss"]) < 0.25)
  }

  /// A generator that gains by the errors of an encoder which stays as it is learns to draw what the encoder misjudges.
  @Test func thePolicyGradientRaisesTheReward() throws {
    var settings = settings(workers: 2, steps: 100)
    settings.replacedTokens.generatorTraining = .policyGradient
    settings.replacedTokens.discriminatorWeight = 0
    settings.replacedTokens.generatorWidth = 0.5
    (settings.model.layerCount, settings.model.initializerDeviation) = (1, 0.3)
    (settings.model.dropout, settings.model.attentionDropout) = (0, 0)
    settings.optimizer.freeze = "encoder"
    settings.optimizer.weightDecay = 0
    let task = try task(settings)
    let new = try task.start(from: nil).training
    let before = try #require(
      task.validate(new, tapes: [Tape(store: new.store)]).figures["generatorReward"])
    let figures = try #require(run("rewarded", settings).cursor.bestFigures)
    let after = try #require(figures["generatorReward"])
    #expect(after > 1.2 * before, "\(before), \(after)")
    // What the run minimises is minus the reward.
    #expect(figures["validationLoss"] == -after)
  }

  /// The baseline of a draw is the mean reward of the others, so advantages are zero where all rewards are equal.
  @Test func advantagesLeaveOneOut() {
    #expect(GeneratorRewards([1, 2, 6]).advantages == [-3, -1.5, 4.5])
    #expect(GeneratorRewards([0.5, 0.5]).advantages == [0, 0])
    #expect(GeneratorRewards([0.7]).advantages == [0.7])
    #expect(GeneratorRewards([]).advantages == [])
  }

  /// What the scores count, on answers by hand: the target of a drawn token that is the text's own is 0.
  @Test func aDrawnTokenThatIsTheTextsCountsAsNotReplaced() throws {
    let masking = try Masking(settings().masking, vocabulary: tokenizer.vocabulary)
    let windows = try PackedWindows(
      TokenDataset(folder: data, split: .train), windowLength: 26, specials: tokenizer.vocabulary.specials,
      seed: 1)
    let masked = try MaskedBatchSource(windows: windows, masking: masking, seed: 1).batch(samples: 0..<2)
    let drawn = masked.labels.enumerated().map { index, label -> TokenID? in
      index == 0 ? nil : index % 2 == 0 ? label : 6 + (label - 5) % 40
    }
    let replaced = ReplacedTokens(masked, drawn: drawn)
    for (position, target) in replaced.targets.enumerated() {
      guard let index = masked.selectedPositions.firstIndex(of: position) else {
        #expect(target == 0)
        #expect(replaced.tokens[position] == masked.inputIDs[position])
        continue
      }
      #expect(target == (index % 2 == 0 ? 0 : 1))
      #expect((replaced.tokens[position] == masked.labels[index]) == (index % 2 == 0))
    }
    #expect(replaced.targets.contains(1))
    // A draw belongs to its window, whatever the batch.
    let alone = try MaskedBatchSource(windows: windows, masking: masking, seed: 1).batch(samples: 1..<2)
    let both = masked.uniforms(seed: 1, numbers: [0, 1])
    #expect(alone.uniforms(seed: 1, numbers: [1]) == Array(both.suffix(alone.labels.count)))
    #expect(Set(both).count == both.count)
  }

  /// The losses and the gradient do not depend on how a step is cut into micro-batches, but for rounding.
  @Test func microbatchesAddUp() throws {
    func outcome(microbatchWindows: Int) throws -> (Stepper.Outcome) {
      var settings = settings()
      settings.batch.microbatchWindows = microbatchWindows
      (settings.model.dropout, settings.model.attentionDropout) = (0, 0)
      let training = try task(settings).start(from: nil).training
      return try Stepper(
        training, optimizer: settings.optimizer, compute: settings.compute, seed: 1
      ).take(step: 0, fraction: 0)
    }
    let (whole, parts) = try (outcome(microbatchWindows: 8), outcome(microbatchWindows: 1))
    #expect(whole.statistics.tokenCount == 8 * 26)
    #expect(abs(whole.statistics.loss - parts.statistics.loss) < 1e-4)
    #expect(abs(whole.gradientNorm - parts.gradientNorm) < 1e-3 * whole.gradientNorm)
    let names = whole.statistics.lossByName
    let loss = try #require(names["generator"]) + 50 * #require(names["discriminator"])
    #expect(abs(whole.statistics.loss - loss) < 1e-9)
  }

  /// The folder of a run starts classifiers, translators, denoisers and further runs.
  @Test func everyTaskTakesItsEncoder() throws {
    _ = try run("run", settings())
    let url = folder.file("run")
    func loads(_ origins: TensorOrigins, _ prefix: String) -> Bool {
      let encoder = origins.filter { $0.entry.name.hasPrefix(prefix) }
      return !encoder.isEmpty && encoder.allSatisfy { $0.origin != .new }
    }
    let pairs = TranslationPairs([TranslationPair(source: "w1 w2 .", target: "w3 w4 .")])
    let translation = try TranslationTask(
      configuration: FinetuneConfiguration(), start: .pretrained(url), training: pairs, validation: pairs)
    #expect(loads(try translation.start(from: nil).origins, "encoder."))
    var denoising = settings()
    denoising.objective = .denoising
    #expect(loads(try origins(denoising, PretrainStart(url)), "encoder."))
    var masked = settings()
    masked.objective = .masked
    #expect(loads(try origins(masked, PretrainStart(url)), "bert.encoder."))
    // Again replaced tokens: the head and the generator, too; a generator of another size starts new.
    let again = try origins(settings(), PretrainStart(url))
    #expect(!again.contains { $0.origin == .new })
    #expect(again.contains { $0.entry.name == "generator.cls.predictions.bias" && $0.origin != .shared })
    var wider = settings()
    wider.replacedTokens.generatorWidth = 0.5
    let new = try origins(wider, PretrainStart(url)).filter { $0.origin == .new }
    #expect(!new.isEmpty && new.allSatisfy { $0.entry.name.hasPrefix("generator.") })
    // And from a masked-language model only the encoder.
    _ = try run("masked", masked)
    let fresh = try origins(settings(), PretrainStart(folder.file("masked")))
    #expect(loads(fresh, "bert."))
    #expect(fresh.contains { $0.entry.name.hasPrefix("discriminator_predictions.") && $0.origin == .new })
    let warnings = try PretrainingText(configuration: settings(), data: data, start: PretrainStart(url))
      .warnings
    #expect(warnings.isEmpty)
  }

  private func origins(_ settings: PretrainConfiguration, _ start: PretrainStart) throws -> TensorOrigins {
    try origins(settings.task(data: data, start: start))
  }

  private func origins(_ task: some PretrainingTask) throws -> TensorOrigins {
    try task.start(from: nil).origins
  }

  /// A start has the values of the run, of both models.
  @Test func aStartHasTheWeightsOfTheRun() throws {
    _ = try run("run", settings())
    let latest = folder.file("run/latest")
    let model = try ModelArchive.loadReplacedTokenModel(latest, sharesPositions: true, precision: .float32)
      .model
    let started = try task(settings(), start: PretrainStart(folder.file("run"))).start(from: nil).training
      .model
    for parameter in model.store.parameters {
      #expect(started.store.numbers(of: parameter) == model.store.numbers(of: parameter), "\(parameter.path)")
    }
  }

  /// The checkpoint's generator is a masked-language model, which `evaluate` scores; it is part of the digests.
  @Test func aCheckpointHoldsBothModels() throws {
    _ = try run("run", settings())
    let latest = folder.file("run/latest")
    let generator = try PretrainedModel(latest.appendingPathComponent("generator"), precision: .float32)
    #expect(generator.model.configuration.hiddenSize == 8)
    #expect(generator.tokenizer.digest == tokenizer.digest)
    let manifest = try CheckpointManifest.verified(latest)
    #expect(manifest.files["generator/model.safetensors"] != nil)
    let weights = latest.appendingPathComponent("generator/model.safetensors")
    var bytes = try Data(contentsOf: weights)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: weights)
    #expect(
      failureMessage { _ = try CheckpointManifest.verified(latest) }.contains(
        "generator/model.safetensors differs from its digest"))
    try FileManager.default.removeItem(at: latest.appendingPathComponent("generator"))
    #expect(failureMessage { _ = try CheckpointManifest.verified(latest) }.contains("generator/"))
  }

  @Test(arguments: [
    ("generatorWidth=0", "replacedTokens.generatorWidth: is 0.0; choose a share"),
    ("generatorWidth=1.5", "replacedTokens.generatorWidth: is 1.5; choose a share"),
    ("generatorLayers=-1", "replacedTokens.generatorLayers: is -1.0; choose a share"),
    ("temperature=0", "replacedTokens.temperature: is 0.0; choose 0.01 to 100"),
    ("generatorTraining=sampling", "replacedTokens.generatorTraining"),
    ("discriminatorWeight=-1", "replacedTokens.discriminatorWeight: is -1.0; choose 0 to 1000000"),
  ])
  func badSettingsAreRefusedByName(setting: String, message: String) {
    let found = failureMessage {
      _ = try PretrainConfiguration.load(file: nil, overrides: ["replacedTokens.\(setting)"])
    }
    #expect(found.hasPrefix(message), "\(found)")
  }

  @Test func thePolicyGradientIsOfTemperatureOne() {
    let found = failureMessage {
      _ = try PretrainConfiguration.load(
        file: nil,
        overrides: ["replacedTokens.generatorTraining=policyGradient", "replacedTokens.temperature=2"])
    }
    #expect(
      found.hasPrefix("replacedTokens.temperature: is 2.0; generatorTraining: policyGradient draws from"),
      "\(found)")
  }

  @Test func aRunDoesNotChangeItsSettings() throws {
    _ = try run("run", settings(steps: 2))
    var other = settings(steps: 4)
    other.replacedTokens.temperature = 2
    #expect(failureMessage { _ = try run("run", other) }.contains("temperature"))
  }

  @Test func aPlanCountsBothModels() throws {
    func bytes(_ settings: PretrainConfiguration) throws -> String {
      let plan = try PretrainPlan(
        configuration: settings, data: data, output: folder.file("planned"), resume: .never)
      #expect(plan.shortage == nil)
      return try #require(plan.findings.first { $0.name == "memory" }?.text)
    }
    var wider = settings()
    wider.replacedTokens.generatorWidth = 1
    #expect(try bytes(settings()) != bytes(wider))
    #expect(!FileManager.default.fileExists(atPath: folder.file("planned").path))
  }
}
