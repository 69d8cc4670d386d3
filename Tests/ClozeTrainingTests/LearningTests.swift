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

/// Whether what is computed is also learnt.
@Suite struct LearningTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A loss far below chance on a batch seen over and over, which a broken gradient or update would not reach.
  @Test(arguments: Machine.precisions)
  func oneBatchIsMemorised(precision: ElementType) throws {
    var optimizer = OptimizerConfiguration()
    optimizer.learningRate = 2e-3
    let stepper = Stepper(
      OneBatch(try ReferenceObjective(precision: precision)), optimizer: optimizer,
      compute: ComputeConfiguration(),
      seed: 1)
    let first = try stepper.take(step: 0, fraction: 0).statistics
    var last = first
    for step in 1..<150 { last = try stepper.take(step: step, fraction: 0).statistics }
    #expect(first.loss > 6)
    #expect(last.loss < 0.05)
    #expect(last.correctCount == last.predictionCount)
  }

  /// Reversing words needs every part of the translation model: what the source says, in the decoder's order, by position.
  /// The test pairs were never trained on.
  @Test func wordsAreReversed() throws {
    let tokenizerFolder = try tokenizer()
    let pairs = reversals(6_300)
    var configuration = FinetuneConfiguration()
    configuration.model.layerCount = 1
    configuration.model.hiddenSize = 64
    configuration.model.feedForwardSize = 128
    configuration.model.positionCount = 16
    configuration.model.dropout = 0
    configuration.model.attentionDropout = 0
    configuration.decoder.layerCount = 1
    configuration.batch.maximumLength = 16
    configuration.labelSmoothing = 0
    configuration.optimizer.learningRate = 3e-3
    configuration.stop.steps = 400
    configuration.validation.pairs = 100
    configuration.cadence.validationSteps = 200
    configuration.cadence.checkpointSteps = 400
    try configuration.validate()
    let task = try TranslationTask(
      configuration: configuration, start: .scratch(tokenizer: tokenizerFolder),
      training: TranslationPairs(Array(pairs.dropLast(300))),
      validation: TranslationPairs(Array(pairs.suffix(300))))
    let run = try TrainingRun(task, output: folder.file("run"), resume: .never)
    try run.run(isInterrupted: { false }, report: { _ in })

    let tapes = WorkerGroup(count: 2).tapes(for: run.training.store)
    let translator = Translator(
      run.training.model, tokenizer: task.tokenizer, beam: BeamConfiguration(beamSize: 1))
    let report = try TranslationEvaluation(Array(pairs.suffix(300))).run(translator, tapes: tapes)
    let right = zip(report.hypotheses, pairs.suffix(300)).count { $0 == $1.target }
    #expect(right > 285, "\(right) of 300 reversed")
    #expect(report.warnings.isEmpty)
  }

  /// A run that no longer improves ends by itself, and says so.
  @Test func patienceEndsARun() throws {
    let tokenizerFolder = try tokenizer()
    let pairs = reversals(120)
    var configuration = FinetuneConfiguration()
    configuration.model.layerCount = 1
    configuration.model.hiddenSize = 16
    configuration.model.feedForwardSize = 16
    configuration.model.positionCount = 16
    configuration.decoder.layerCount = 1
    configuration.batch.maximumLength = 16
    // Nothing is learnt at this rate.
    configuration.optimizer.learningRate = 1e-12
    configuration.validation.patience = 2
    configuration.cadence.validationSteps = 3
    let task = try TranslationTask(
      configuration: configuration, start: .scratch(tokenizer: tokenizerFolder),
      training: TranslationPairs(pairs),
      validation: TranslationPairs(Array(pairs.prefix(20))))
    let run = try TrainingRun(task, output: folder.file("run"), resume: .never)
    let outcome = try run.run(isInterrupted: { false }, report: { _ in })
    #expect(outcome.reason == .noImprovement)
    #expect(outcome.cursor.step == 9)
    #expect(outcome.cursor.bestStep == 3)
    #expect(
      try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("run/best").path)
        == "step-00000003")
  }

  private static let letters = "abcdefghijklmnop".map(String.init)

  private func tokenizer() throws -> URL {
    let url = folder.file("tokenizer")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    let vocabulary = try Vocabulary(tokens: SpecialTokens.texts + Self.letters)
    try Tokenizer(vocabulary: vocabulary, normalizer: .cased).write(to: url, positionCount: 16)
    return url
  }

  /// Different rows of 3 to 6 letters, and each backwards.
  private func reversals(_ count: Int) -> [TranslationPair] {
    var random = CounterRandom(seed: 3, purpose: .initialWeights, index: 0)
    var sources: Set<[String]> = []
    var pairs: [TranslationPair] = []
    while pairs.count < count {
      let length = 3 + Int(random.uniform() * 4)
      let words = (0..<length).map { _ in Self.letters[Int(random.uniform() * Double(Self.letters.count))] }
      guard sources.insert(words).inserted else { continue }
      pairs.append(
        TranslationPair(
          source: words.joined(separator: " "), target: words.reversed().joined(separator: " ")))
    }
    return pairs
  }
}

/// The reference's first batch at every step.
private struct OneBatch: SingleLossObjective {
  let reference: ReferenceObjective
  var store: ParameterStore { reference.store }
  var microbatchCount: Int { reference.microbatchCount }

  init(_ reference: ReferenceObjective) { self.reference = reference }

  func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics {
    try reference.forward(tape, step: 0, microbatch: microbatch)
  }
}
