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

/// A translator learns from the rewards of its own samples.
@Suite struct PolicyGradientTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let words = ["the", "dog", "cat", "sees", "bird", "house", "tree", "water"]

  private static func sentence(_ seed: Int) -> String {
    RandomValues.tokens(3, below: words.count, seed: seed).map { words[Int($0)] }.joined(separator: " ")
  }

  /// Pairs whose sides have nothing to do with each other: what learns from them draws every word alike.
  private static func pairs(_ numbers: Range<Int>) -> TranslationPairs {
    TranslationPairs(
      numbers.map { TranslationPair(source: sentence($0), target: sentence(10_000 + $0)) })
  }

  private func configuration(steps: Int) -> FinetuneConfiguration {
    var configuration = FinetuneConfiguration()
    configuration.decoder.layerCount = 1
    configuration.batch.maximumLength = 48
    configuration.batch.tokensPerMicrobatch = 256
    configuration.batch.microbatches = 1
    configuration.model.dropout = 0
    configuration.model.attentionDropout = 0
    configuration.optimizer.learningRate = 4e-3
    configuration.optimizer.schedule.warmupSteps = 10
    configuration.stop.steps = steps
    configuration.cadence.logSteps = 10
    configuration.cadence.validationSteps = steps
    configuration.cadence.checkpointSteps = steps
    configuration.validation.rankBy = .loss
    return configuration
  }

  private func task(_ configuration: FinetuneConfiguration, start: URL, rewards: URL? = nil) throws
    -> TranslationTask
  {
    try TranslationTask(
      configuration: configuration, start: .pretrained(start), training: Self.pairs(0..<400),
      validation: Self.pairs(5000..<5020), rewards: rewards)
  }

  private func run(
    _ task: TranslationTask, _ name: String, resume: ResumeMode = .never, stopAfter: Int? = nil
  ) throws {
    var count = 0
    _ = try TrainingRun(task, output: folder.file(name), resume: resume).run(
      isInterrupted: {
        count += 1
        return count == stopAfter
      }, report: { _ in })
  }

  /// The model to teach: a translator that has seen each word equally often.
  private func makeGenerator(steps: Int = 60) throws -> URL {
    try run(task(configuration(steps: steps), start: Fixtures.url("bert")), "generator")
    return try RunFolder.model(at: folder.file("generator")) { _ in }
  }

  private func draw(_ model: URL, _ lines: [String], seed: UInt64) throws -> [String] {
    let (model, _) = try ModelArchive.loadTranslationModel(model, precision: .float32)
    let translator = try Translator(
      model, tokenizer: Tokenizer(Fixtures.url("bert")),
      beam: BeamConfiguration(beamSize: 1, sampling: SamplingConfiguration(seed: seed)))
    return try translator.translate(lines, tapes: [Tape(store: model.store)]).map { $0[0].text }
  }

  /// A file as `augment --discriminate` writes it, of `count` draws of the model.
  private func write(
    _ generator: URL, count: Int = 0, lines: [String]? = nil, reward: (String) -> Double
  ) throws -> URL {
    let url = folder.file("judged-\(UUID().uuidString).tsv")
    let lines = lines ?? (0..<count).map { Self.sentence(20_000 + $0) }
    let digest = try ModelArchive.weightsDigest(generator)
    var settings = SyntheticManifest.Settings(
      model: digest, tokenizer: try Tokenizer(Fixtures.url("bert")).digest, precision: "float32",
      beam: nil, sampling: SamplingConfiguration(seed: 7), lengthRatio: 3, limit: nil)
    settings.discriminator = SyntheticManifest.DiscriminatorSettings(
      file: digest, pairs: digest, start: digest, settings: digest, folds: PairFolds(count: 2, seed: 1),
      keep: 1)
    let file = try SyntheticFile(url, settings: settings, resumes: false)
    let sources = try draw(generator, lines, seed: 7)
    try file.append(
      lines,
      zip(lines, sources).map {
        .success(SyntheticRow(TranslationPair(source: $1, target: $0), score: reward($1)))
      })
    _ = try file.finish()
    return url
  }

  /// The samples of a file that have no source of the validation pairs and are not too long, which a young model often draws.
  private func samples(in file: URL) throws -> [SyntheticRow] {
    var encoder = TokenEncoder(try Tokenizer(Fixtures.url("bert")))
    let held = Set(Self.pairs(5000..<5020).pairs.map(\.source))
    return try SyntheticPairs(file, tokenizer: nil).rows.filter {
      !held.contains($0.pair.target) && (1...46).contains(encoder.encode($0.pair.source).count)
    }
  }

  private static func isCat(_ text: String) -> Double { text.contains("cat") ? 0.9 : 0.1 }

  /// What is rewarded becomes more frequent among new draws, and what is not does not.
  @Test func rewardedSamplesBecomeMoreProbable() throws {
    let generator = try makeGenerator(steps: 150)
    let rewards = try write(generator, count: 600, reward: Self.isCat)
    let lines = (0..<600).map { Self.sentence(30_000 + $0) }
    func share(_ model: URL) throws -> Double {
      let texts = try draw(model, lines, seed: 8)
      return Double(texts.count { $0.contains("cat") }) / Double(texts.count)
    }
    func taught(weight: Double) throws -> Double {
      var settings = configuration(steps: 200)
      settings.optimizer.learningRate = 1e-3
      settings.policy.weight = weight
      try run(task(settings, start: generator, rewards: rewards), "taught-\(weight)")
      return try share(folder.file("taught-\(weight)/latest"))
    }
    let before = try share(generator)
    let (without, with) = (try taught(weight: 0), try taught(weight: 1))
    #expect(before > 0.15 && before < 0.5, "\(before)")
    #expect(abs(without - before) < 0.12, "\(before), \(without)")
    #expect(with > without + 0.25, "\(without), \(with)")
  }

  /// The log has both losses, and the start names the mean reward.
  @Test func lossesAndMeanRewardAreTold() throws {
    let generator = try makeGenerator()
    let rewards = try write(generator, count: 60, reward: Self.isCat)
    var settings = configuration(steps: 10)
    settings.policy.weight = 0.25
    let task = try task(settings, start: generator, rewards: rewards)
    let rows = try samples(in: rewards)
    let mean = rows.reduce(0) { $0 + $1.score } / Double(rows.count)
    #expect(
      task.sampleText
        == "400 pairs and \(rows.count) samples of the model with a mean reward of \(Figure.decimal(mean, 4))"
    )
    try run(task, "run")
    let line = String(decoding: try Data(contentsOf: folder.file("run/metrics.jsonl")), as: UTF8.self).split(
      separator: "\n")[0]
    let event = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    let losses = try #require(event["losses"] as? [String: Double])
    #expect(Set(losses.keys) == ["loss", "policy"])
    let total = try #require(event["loss"] as? Double)
    #expect(
      abs(total - (try #require(losses["loss"]) + 0.25 * (try #require(losses["policy"])))) < 1e-9)
    #expect(losses["policy"] != 0)
  }

  /// With weight 0 a run is the run without rewards, bit for bit where one lane sums all micro-batches.
  @Test func withoutWeightRewardsChangeNothing() throws {
    let generator = try makeGenerator()
    var settings = configuration(steps: 8)
    settings.policy.weight = 0
    settings.compute.gradientLanes = 1
    let rewards = try write(generator, count: 80, reward: Self.isCat)
    try run(task(settings, start: generator, rewards: rewards), "weightless")
    try run(task(settings, start: generator), "plain")
    #expect(try bytes("weightless", "model.safetensors") != bytes("generator", "model.safetensors"))
    let values = try ["weightless", "plain"].map {
      let model = try ModelArchive.loadTranslationModel(folder.file("\($0)/latest"), precision: .float32)
        .model
      return Array(UnsafeBufferPointer(start: model.store.values, count: model.store.elementCount))
    }
    #expect(values[0] == values[1])
  }

  private func bytes(_ run: String, _ name: String) throws -> Data {
    try Data(contentsOf: folder.file("\(run)/latest/\(name)"))
  }

  /// Interrupted at any step, and with any number of workers, a run has the same bits; with other rewards it does not resume.
  @Test func aRunResumesAndWorkersChangeNoBit() throws {
    let generator = try makeGenerator()
    let rewards = try write(generator, count: 90, reward: Self.isCat)
    func settings(workers: Int) -> FinetuneConfiguration {
      var settings = configuration(steps: 9)
      settings.batch.tokensPerMicrobatch = 128
      settings.batch.microbatches = 2
      settings.model.dropout = 0.1
      settings.wordDropout = WordDropout(source: 0.1, target: 0.1)
      settings.pieceDropout = PieceDropout(source: 0.2, target: 0.2)
      settings.compute.workers = workers
      return settings
    }
    try run(task(settings(workers: 1), start: generator, rewards: rewards), "whole")
    for (step, workers) in [(1, 2), (4, 3), (8, 1)] {
      let name = "cut-\(step)"
      try run(task(settings(workers: workers), start: generator, rewards: rewards), name, stopAfter: step)
      #expect(FileManager.default.fileExists(atPath: folder.file("\(name)/step-0000000\(step)").path))
      try run(
        task(settings(workers: 4 - workers), start: generator, rewards: rewards), name, resume: .required)
      for file in ["model.safetensors", "optimizer.safetensors"] {
        #expect(try bytes(name, file) == bytes("whole", file))
      }
    }
    let other = try write(generator, count: 91, reward: Self.isCat)
    for file in [other, nil] {
      #expect(
        failureMessage {
          try run(task(settings(workers: 1), start: generator, rewards: file), "whole", resume: .required)
        }.contains("was made with another rewards"))
    }
    var heavier = settings(workers: 1)
    heavier.policy.weight = 2
    #expect(
      failureMessage {
        try run(task(heavier, start: generator, rewards: rewards), "whole", resume: .required)
      }.contains("weight: 0.5 there, 2.0 here"))
  }

  /// Samples of validation sources are left out, a run that is too long is warned of, and samples of another model are refused.
  @Test func samplesThatDoNotFit() throws {
    let generator = try makeGenerator()
    let sources = Set(Self.pairs(5000..<5020).pairs.map(\.source))
    let lines = sources.sorted() + (0..<50).map { Self.sentence(20_000 + $0) }
    let held = lines.count { sources.contains($0) }
    #expect(held >= sources.count && held < lines.count)
    let rewards = try write(generator, lines: lines, reward: Self.isCat)
    let task = try task(configuration(steps: 300), start: generator, rewards: rewards)
    #expect(task.sampleText.contains(" and \(try samples(in: rewards).count) samples"))
    #expect(
      task.warnings.contains {
        $0.contains("\(held) samples have a source of the validation pairs and are left out")
      })
    #expect(
      task.warnings.contains { $0.contains("stop.steps: 300 steps read each sample ") },
      "\(task.warnings)")
    #expect(
      failureMessage {
        _ = try self.task(configuration(steps: 10), start: Fixtures.url("bert"), rewards: rewards)
      }.contains("has drawn its sources, and --model is"))
  }
}
