import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeStudies
import ClozeTestSupport
import ClozeText
import ClozeTraining
import Foundation
import Testing

/// A run with synthetic pairs against the same run without them.
@Suite struct SyntheticVerdictTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let words = ["the", "dog", "cat", "sees", "bird", "house", "tree", "water"]

  /// Pairs whose targets copy their sources, or have nothing to do with them.
  private func pairs(_ numbers: Range<Int>, areRight: Bool = true) -> [TranslationPair] {
    numbers.map { number in
      func words(_ seed: Int) -> String {
        RandomValues.tokens(3, below: Self.words.count, seed: seed).map { Self.words[Int($0)] }.joined(
          separator: " ")
      }
      return TranslationPair(source: words(number), target: words(areRight ? number : 10_000 + number))
    }
  }

  private func configuration(steps: Int) -> FinetuneConfiguration {
    var configuration = FinetuneConfiguration()
    configuration.decoder.layerCount = 1
    configuration.batch.maximumLength = 16
    configuration.batch.tokensPerMicrobatch = 256
    configuration.batch.microbatches = 1
    configuration.model.dropout = 0
    configuration.model.attentionDropout = 0
    configuration.optimizer.learningRate = 2e-3
    configuration.optimizer.schedule.warmupSteps = 10
    configuration.stop.steps = steps
    configuration.cadence.validationSteps = steps
    configuration.cadence.checkpointSteps = steps
    return configuration
  }

  private func write(_ pairs: [TranslationPair], tokenizer: Digest? = nil) throws -> URL {
    let url = folder.file("synthetic.tsv")
    let settings = SyntheticManifest.Settings(
      model: Digest(of: "model"), tokenizer: try tokenizer ?? Tokenizer(Fixtures.url("bert")).digest,
      precision: "float32", beam: 5, sampling: nil, lengthRatio: 3, limit: nil)
    let file = try SyntheticFile(url, settings: settings, resumes: false)
    try file.append(pairs.map(\.target), pairs.map { .success(SyntheticRow($0, score: -1)) })
    _ = try file.finish()
    return url
  }

  private func task(_ configuration: FinetuneConfiguration, real: Int, synthetic: URL? = nil) throws
    -> TranslationTask
  {
    try TranslationTask(
      configuration: configuration, start: .pretrained(Fixtures.url("bert")),
      training: TranslationPairs(pairs(0..<real)), validation: validation, synthetic: synthetic)
  }

  private var validation: TranslationPairs { TranslationPairs(pairs(5000..<5120)) }

  /// With few real pairs, right synthetic ones are kept and wrong ones are refused.
  @Test(arguments: [true, false]) func onlyPairsThatHelpAreKept(areRight: Bool) throws {
    var configuration = configuration(steps: 600)
    configuration.synthetic.share = 0.9
    let synthetic = try write(pairs(100..<600, areRight: areRight))
    let runs = ComparedRuns(folder.file("out"))
    let second = try task(configuration, real: 12, synthetic: synthetic)
    for (task, url) in [(try task(configuration, real: 12), runs.control), (second, runs.synthetic)] {
      _ = try TrainingRun(task, output: url, resume: .never).run(isInterrupted: { false }, report: { _ in })
    }
    let verdict = try runs.judge(second, validation: validation)
    let score = try #require(verdict.scores.first { $0.name == "chrF" })
    #expect(verdict.decision == (areRight ? .kept : .refused), "\(verdict.sentence)")
    #expect(verdict.sentence.hasPrefix(areRight ? "kept: chrF +" : "refused: "), "\(verdict.sentence)")
    #expect(abs(score.difference - (score.synthetic - score.control)) < 1e-9)
    #expect(
      score.differenceInterval[0] <= score.difference && score.difference <= score.differenceInterval[1])
    #expect(verdict.pairs == 120 && verdict.decidedBy == "chrF")
    let best = try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("out/best").path)
    #expect(best == (areRight ? "synthetic/best" : "control/best"))
    // The folder stands for the better model.
    let model = try RunFolder.model(at: runs.url) { _ in }
    #expect(model.path.contains(areRight ? "/synthetic/step-" : "/control/step-"))
    let written = try JSONDecoder().decode(
      SyntheticVerdict.self, from: Data(contentsOf: folder.file("out/verdict.json")))
    #expect(written == verdict)
  }

  /// Half of the steps read synthetic pairs, tagged with [MASK], the others real ones; targets of the validation pairs are
  /// left out.
  @Test func syntheticPairsComeFirst() throws {
    let synthetic = try write(pairs(100..<140) + pairs(5000..<5003))
    let task = try task(configuration(steps: 10), real: 30, synthetic: synthetic)
    #expect(
      task.warnings.contains {
        $0.contains("synthetic pairs have a target of the validation pairs and are left out")
      })
    let objective = try task.start(from: nil).training
    for step in 0..<10 {
      let samples = objective.samples(step: step, microbatch: 0)
      #expect(samples.hasPrefix(step < 5 ? "synthetic pairs " : "pairs "))
    }
    // The real pairs are read in the order of a run that has no others.
    let plain = try self.task(configuration(steps: 10), real: 30).start(from: nil).training
    #expect(
      (5..<10).map { objective.samples(step: $0, microbatch: 0) }
        == (0..<5).map { plain.samples(step: $0, microbatch: 0) })
    #expect(task.identities["synthetic"] != nil)
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let other = try write(pairs(100..<110), tokenizer: Digest(of: "other"))
    #expect(
      failureMessage { _ = try task(configuration(steps: 10), real: 6, synthetic: other) }.contains(
        "were made with tokenizer"))
    try FileManager.default.removeItem(at: other)
    let url = try write(pairs(100..<110))
    var settings = configuration(steps: 10)
    settings.validation.patience = 2
    #expect(
      failureMessage { _ = try task(settings, real: 6, synthetic: url) }.contains("validation.patience"))
    settings = configuration(steps: 10)
    settings.stop = StopConfiguration(minutes: 1)
    #expect(failureMessage { _ = try task(settings, real: 6, synthetic: url) }.contains("stop.steps"))
    settings = configuration(steps: 10)
    settings.synthetic.share = 1
    #expect(failureMessage { try settings.validate() }.contains("synthetic.share: is 1.0"))
  }

  /// Interrupted among the synthetic pairs, a run resumes to the same bits.
  @Test(arguments: [2, 5, 7]) func aRunResumes(steps: Int) throws {
    let synthetic = try write(pairs(100..<160))
    func run(_ name: String, stopAfter: Int? = nil) throws {
      var count = 0
      _ = try TrainingRun(
        task(configuration(steps: 10), real: 20, synthetic: synthetic), output: folder.file(name),
        resume: .ifPresent
      ).run(
        isInterrupted: {
          count += 1
          return count == stopAfter
        }, report: { _ in })
    }
    try run("whole")
    try run("cut", stopAfter: steps)
    #expect(FileManager.default.fileExists(atPath: folder.file("cut/step-0000000\(steps)").path))
    try run("cut")
    for name in ["model.safetensors", "optimizer.safetensors"] {
      let bytes = try ["whole", "cut"].map { try Data(contentsOf: folder.file("\($0)/latest/\(name)")) }
      #expect(bytes[0] == bytes[1])
    }
  }
}
