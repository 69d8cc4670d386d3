import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeTestSupport
import ClozeText
import ClozeTraining
import Foundation
import Testing

/// What a plan refuses before anything that is too large is made.
@Suite struct PretrainPlanTests {
  private let folder: TemporaryFolder
  private var configuration = PretrainConfiguration()

  init() throws {
    folder = try TemporaryFolder()
    let words = (0..<95).map { "w\($0)" }
    let tokenizer = Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + words), normalizer: .cased)
    let writer = try DatasetWriter(
      folder: folder.file("data"),
      source: .init(tokenizer: tokenizer.digest, vocabularySize: 100, seed: 1, validationRate: 0.5),
      layout: ShardLayout(), pool: WorkerPool(workerCount: 1))
    try writer.stage(tokenizer)
    for number in 0..<200 {
      var document = (0..<100).map { TokenID(5 + (number * 31 + $0 * $0) % 95) }
      // Two tokens of a hundred are unknown, and one document holds a [MASK].
      (document[3], document[50]) = (1, 1)
      if number == 7 { document[20] = 4 }
      try writer.append(
        document[...], to: number < 100 ? .train : .validation, counts: TokenCounts(words: 100), bytes: 400)
    }
    _ = try writer.finish(corpus: Digest(of: "corpus"))
    configuration.model.layerCount = 1
    configuration.model.hiddenSize = 64
    configuration.model.feedForwardSize = 256
    configuration.compute.workers = 2
    configuration.batch.windows = 128
    configuration.batch.microbatchWindows = 64
  }

  private func plan(availableMemory: Int) throws -> PretrainPlan {
    try PretrainPlan(
      configuration: configuration, data: folder.file("data"), output: folder.file("run"), resume: .never,
      availableMemory: availableMemory)
  }

  /// Losses of no predictions would be no numbers.
  @Test(arguments: [
    (Split.train, "every token of the train split"), (.validation, "the validation windows hold nothing"),
  ])
  func unknownTokensAloneAreRefused(split: Split, message: String) throws {
    let tokenizer = Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + ["w"]), normalizer: .cased)
    let writer = try DatasetWriter(
      folder: folder.file("unknown"),
      source: .init(tokenizer: tokenizer.digest, vocabularySize: 6, seed: 1, validationRate: 0.5),
      layout: ShardLayout(), pool: WorkerPool(workerCount: 1))
    try writer.stage(tokenizer)
    for number in 0..<40 {
      let place: Split = number < 20 ? .train : .validation
      let document = [TokenID](repeating: place == split ? 1 : 5, count: 100)
      try writer.append(document[...], to: place, counts: TokenCounts(words: 100), bytes: 400)
    }
    _ = try writer.finish(corpus: Digest(of: "corpus"))
    var settings = configuration
    settings.stop.steps = 1
    let failure = failureMessage {
      try TrainingRun(
        MaskedLanguageTask(
          PretrainingText(configuration: settings, data: folder.file("unknown"))),
        output: folder.file("run"), resume: .never
      ).run(isInterrupted: { false }, report: { _ in })
    }
    #expect(failure.contains(message), "\(failure)")
    #expect(!FileManager.default.fileExists(atPath: folder.file("run/config.yaml").path))
  }

  /// A small model fits, 64 windows of 128 tokens beside it do not.
  @Test func activationsThatDoNotFitAreNotMade() throws {
    let plan = try plan(availableMemory: 12_000_000)
    #expect(plan.findings.map(\.name) == ["memory", "disk"])
    let memory = try #require(plan.findings.first?.text)
    #expect(
      memory.contains("of 12.0 MB available: parameters ")
        && memory.contains("activations of 2 workers about"))
    guard case .memory(let bytes, 12_000_000) = plan.shortage else {
      Issue.record("\(String(describing: plan.shortage))")
      return
    }
    #expect(bytes > 12_000_000)
  }

  @Test func parametersThatDoNotFitAreNotMade() throws {
    let plan = try plan(availableMemory: 100_000)
    #expect(plan.findings.map(\.name) == ["memory", "disk"])
    #expect(plan.findings.first?.text.contains("activations") == false)
  }

  /// The estimate from smaller micro-batches is near what the probe finds; and what the plan says of tokens.
  @Test func aPlanThatFits() throws {
    func activations(_ plan: PretrainPlan) throws -> Double {
      let text = try #require(plan.findings.first?.text)
      let match = try #require(text.firstMatch(of: /activations of 2 workers (?:about )?([0-9.]+) MB/))
      return try #require(Double(match.1))
    }
    let estimate = try activations(plan(availableMemory: 12_000_000))
    let plan = try plan(availableMemory: 24_000_000_000)
    #expect((0.5...1.5).contains(try estimate / activations(plan)))
    #expect(plan.shortage == nil)
    let findings = Dictionary(uniqueKeysWithValues: plan.findings.map { ($0.name, $0) })
    let unknown = try #require(findings["unknown tokens"])
    #expect(unknown.text == "2.00 % of the train text")
    #expect(unknown.advice?.contains("--vocabulary-size") == true)
    let specials = try #require(findings["special tokens"])
    #expect(specials.text.hasPrefix("1 in the train text; "))
    #expect(specials.text.contains("it cannot be told of [PAD] [UNK] [CLS] [SEP] [MASK]"))
    #expect(specials.advice == "the model takes them for its own marks; make the shards again with tokenize")
  }

  /// An average of the weights is a copy of the parameters in memory, and another in each checkpoint.
  @Test func anAverageIsCounted() throws {
    var settings = configuration
    settings.average.lastShare = 0.2
    let averaged = try PretrainPlan(
      configuration: settings, data: folder.file("data"), output: folder.file("run"), resume: .never,
      availableMemory: 100_000)
    let plain = try plan(availableMemory: 100_000)
    func size(_ plan: PretrainPlan, _ name: String, _ after: String) throws -> String {
      let text = try #require(plan.findings.first { $0.name == name }?.text)
      let rest = try #require(text.split(separator: after, maxSplits: 1).last)
      return rest.split(separator: " ").prefix(2).joined(separator: " ").filter { $0 != "," }
    }
    #expect(try size(averaged, "memory", "average ") == size(averaged, "memory", "parameters "))
    #expect(plain.findings.first?.text.contains("average") == false)
    let (more, less) = try (size(averaged, "disk", "checkpoints of "), size(plain, "disk", "checkpoints of "))
    let ratio = try #require(Double(more.prefix { $0 != " " })) / #require(Double(less.prefix { $0 != " " }))
    #expect((1.2...1.5).contains(ratio), "\(more) and \(less)")
  }

  @Test(arguments: [(0.5, false, 0), (4, false, 0.75), (5, true, 0.8), (100, true, 0.99)])
  func epochs(count: Double, isAdvised: Bool, readAgain: Double) {
    let epochs = Epochs(count)
    #expect((epochs.advice != nil) == isAdvised)
    #expect(epochs.readAgain == readAgain)
  }
}
