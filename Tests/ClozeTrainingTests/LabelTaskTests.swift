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

/// Classifiers of texts and of words: they learn, and any interruption and any number of workers leaves no trace.
@Suite struct LabelTaskTests {
  private static let steps = 9

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Texts whose label is their first word's kind; words whose label is their own.
  private static func samples(_ kind: LabelKind, texts: Int = 1, count: Int = 120) -> [LabelledSample] {
    let words = ["the", "dog", "house", "cat", "tree", "bird", "water"]
    return (0..<count).map { number in
      let drawn = RandomValues.tokens(3 + number % 4, below: words.count, seed: number).map { words[Int($0)] }
      func label(_ word: String) -> String {
        switch word {
        case "dog", "cat", "bird": "B-ANIMAL"
        case "house", "tree": "B-THING"
        default: "O"
        }
      }
      switch kind {
      case .tagging: return LabelledSample(texts: drawn, labels: drawn.map(label))
      case .classification:
        let text = drawn.joined(separator: " ")
        return LabelledSample(texts: texts == 1 ? [text] : ["the dog", text], labels: [label(drawn[0])])
      }
    }
  }

  private func configuration(steps: Int = LabelTaskTests.steps) -> LabelConfiguration {
    var configuration = LabelConfiguration()
    configuration.batch.maximumLength = 24
    configuration.batch.tokensPerMicrobatch = 96
    configuration.batch.microbatches = 3
    configuration.optimizer.learningRate = 2e-3
    configuration.optimizer.schedule.warmupSteps = 2
    configuration.stop.steps = steps
    configuration.cadence.validationSteps = 3
    configuration.cadence.checkpointSteps = 4
    configuration.cadence.logSteps = 1
    return configuration
  }

  private func task(_ kind: LabelKind, texts: Int = 1, _ configuration: LabelConfiguration) throws
    -> LabelTask
  {
    try configuration.validate()
    let samples = Self.samples(kind, texts: texts)
    return try LabelTask(
      configuration: configuration, start: .pretrained(Fixtures.url("bert")),
      training: LabelledFile(kind, Array(samples.dropLast(16))),
      validation: LabelledFile(kind, Array(samples.suffix(16))))
  }

  private func run(_ name: String, _ kind: LabelKind, workers: Int, resume: ResumeMode) throws
    -> TrainingRun<LabelTask>
  {
    var configuration = configuration()
    configuration.compute.workers = workers
    return try TrainingRun(task(kind, configuration), output: folder.file(name), resume: resume)
  }

  private func files(_ name: String) throws -> [Data] {
    try ["model.safetensors", "optimizer.safetensors", "config.json"].map {
      try Data(contentsOf: folder.file("\(name)/latest/\($0)"))
    }
  }

  @Test(arguments: LabelKind.allCases, 1...8) func anInterruptionLeavesNoTrace(kind: LabelKind, step: Int)
    throws
  {
    let straight = try run("straight", kind, workers: 2, resume: .never).run(
      isInterrupted: { false }, report: { _ in })
    #expect(straight.reason == .limitReached)
    var taken = 0
    let stopped = try run("stopped", kind, workers: 1, resume: .never).run(
      isInterrupted: {
        taken += 1
        return taken == step
      }, report: { _ in })
    #expect(stopped.reason == .interrupted)
    let resumed = try run("stopped", kind, workers: 3, resume: .required).run(
      isInterrupted: { false }, report: { _ in })
    #expect(try files("stopped") == files("straight"))
    #expect(resumed.cursor.step == Self.steps)
    #expect(resumed.cursor.bestStep == straight.cursor.bestStep)
    #expect(resumed.cursor.bestFigures == straight.cursor.bestFigures)
  }

  /// Each kind reaches nearly all of a task that needs one word only, and the best checkpoint labels as well by itself.
  @Test(arguments: [(LabelKind.classification, 1), (.classification, 2), (.tagging, 1)])
  func itLearns(kind: LabelKind, texts: Int) throws {
    var configuration = configuration(steps: 200)
    configuration.cadence.validationSteps = 40
    configuration.cadence.checkpointSteps = 200
    let outcome = try TrainingRun(
      task(kind, texts: texts, configuration), output: folder.file("run"), resume: .never
    ).run(isInterrupted: { false }, report: { _ in })
    let best = try #require(outcome.cursor.bestFigures)
    #expect(try #require(best["F1"]) > 0.9, "\(best)")
    let labeller = try Labeller(
      RunFolder.model(at: folder.file("run"), report: { _ in }), kind: kind, precision: .automatic)
    #expect(labeller.maximumLength == 24)
    #expect(labeller.textCount == (kind == .classification ? texts : nil))
    #expect(labeller.model.labels == ["B-ANIMAL", "B-THING", "O"])
    let held = LabelledFile(kind, Array(Self.samples(kind, texts: texts).suffix(16)))
    let report = try labeller.report(
      labeller.encode(held), tapes: WorkerGroup(count: 2).tapes(for: labeller.model.store))
    #expect(report.f1 == best["F1"])
    #expect(report.accuracy == best["accuracy"])
    #expect(report.f1 > report.baseline.f1)
    let intervals = report.intervals()
    #expect(intervals.f1.contains(report.f1))
    #expect(intervals.accuracy.lowerBound <= report.accuracy)
  }

  @Test func theRankingDecidesTheBestCheckpoint() throws {
    for (ranking, figure, sign) in [
      (LabelConfiguration.Ranking.f1, "F1", 1.0), (.accuracy, "accuracy", 1), (.loss, "validationLoss", -1),
    ] {
      var configuration = configuration()
      configuration.validation.rankBy = ranking
      let outcome = try TrainingRun(
        task(.classification, configuration), output: folder.file("\(ranking)"), resume: .never
      ).run(isInterrupted: { false }, report: { _ in })
      let best = try #require(outcome.cursor.bestFigures?[figure])
      #expect(outcome.cursor.bestScore == sign * best)
    }
  }

  @Test func whatCannotBeLearntIsRefused() throws {
    func message(_ training: [LabelledSample], _ validation: [LabelledSample], length: Int = 24) -> String {
      failureMessage {
        var configuration = configuration()
        configuration.batch.maximumLength = length
        _ = try LabelTask(
          configuration: configuration, start: .pretrained(Fixtures.url("bert")),
          training: LabelledFile(.classification, training, path: "train.tsv"),
          validation: LabelledFile(.classification, validation, path: "held.tsv"))
      }
    }
    let (a, b) = (LabelledSample(texts: ["x"], labels: ["a"]), LabelledSample(texts: ["y"], labels: ["b"]))
    #expect(message([a, a], [a]).contains("train.tsv: has one label only, 'a'"))
    #expect(
      message([a, b], [LabelledSample(texts: ["z"], labels: ["c"])])
        .contains("held.tsv: has no label that the model knows, but 'c' in line 1"))
    #expect(message([a, b], [a], length: 65).contains("batch.maximumLength: is 65; choose at most 64"))
    #expect(message([a, b], [a]).isEmpty)
  }

  /// The ids, segments and first pieces that `transformers` made of the same texts.
  @Test func textsAreReadAsInTransformers() throws {
    struct Texts: Decodable {
      struct Single: Decodable { let text, label: String }
      struct Pair: Decodable { let first, second, label: String }
      struct Tagged: Decodable { let words, tags: [String] }
      let singles: [Single]
      let pairs: [Pair]
      let tagged: [Tagged]
    }
    let texts = try JSONDecoder().decode(
      Texts.self, from: Data(contentsOf: Fixtures.url("classification/texts.json")))
    for (kind, prefix, samples) in [
      (
        LabelKind.classification, "single.",
        texts.singles.map { LabelledSample(texts: [$0.text], labels: [$0.label]) }
      ),
      (
        .classification, "pair.",
        texts.pairs.map { LabelledSample(texts: [$0.first, $0.second], labels: [$0.label]) }
      ),
      (.tagging, "", texts.tagged.map { LabelledSample(texts: $0.words, labels: $0.tags) }),
    ] {
      let name = kind == .tagging ? "tokens" : "sequence"
      let url = Fixtures.url("classification/\(name)")
      let file = try TensorFile(Fixtures.url("classification/\(name).safetensors"))
      let labeller = try Labeller(url, kind: kind, precision: .float32)
      let encoded = try labeller.encode(LabelledFile(kind, samples))
      let (ids, mask) = (
        try file.integers(prefix + "input_ids"), try file.integers(prefix + "attention_mask")
      )
      let segments = try file.integers(prefix + "token_type_ids")
      let labels = try file.integers(prefix + "labels")
      let length = ids.count / samples.count
      for (row, part) in encoded.parts.enumerated() {
        let kept = (row * length..<(row + 1) * length).filter { mask[$0] == 1 }
        #expect(part.tokens == kept.map { Int32(ids[$0]) })
        #expect(LabelBatch([part]).segments == kept.map { Int32(segments[$0]) })
        if kind == .tagging {
          #expect(part.classified.map { Int($0) } == kept.indices.filter { labels[kept[$0]] >= 0 })
          #expect(part.labels == kept.filter { labels[$0] >= 0 }.map { Int32(labels[$0]) })
        } else {
          #expect(part.labels == [Int32(labels[row])])
        }
      }
    }
  }
}
