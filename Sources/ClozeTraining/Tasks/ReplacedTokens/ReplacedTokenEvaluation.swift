internal import ClozeCompute
internal import ClozeCore
internal import ClozeData
internal import ClozeEvaluation
internal import ClozeModel
internal import ClozeText

/// Sums over validation windows: what the generator predicts, and how well the encoder finds what it has put in.
struct ReplacedTokenReport: Sendable, Equatable {
  var generator = PredictionStatistics()
  var discriminator = PredictionStatistics()
  /// Tokens that were replaced, those that the encoder takes for replaced, and those that are both.
  var replaced = 0
  var reported = 0
  var found = 0
  /// The encoder's losses at the selected positions, in nats.
  var rewardSum = 0.0

  /// The share of the reported tokens that were replaced, and of the replaced ones that are reported. Not a number without any.
  var precision: Double { reported > 0 ? Double(found) / Double(reported) : .nan }
  var recall: Double { replaced > 0 ? Double(found) / Double(replaced) : .nan }

  /// Nats a draw.
  var reward: Double { rewardSum / Double(max(generator.predictionCount, 1)) }

  static func += (left: inout ReplacedTokenReport, right: ReplacedTokenReport) {
    left.generator += right.generator
    left.discriminator += right.discriminator
    left.replaced += right.replaced
    left.reported += right.reported
    left.found += right.found
    left.rewardSum += right.rewardSum
  }
}

/// Scores both models on validation windows: always the same ones, with the same masks and the same random numbers.
struct ReplacedTokenEvaluation: Sendable {
  private let source: MaskedBatchSource
  private let draw: ReplacementDraw
  /// The numbers of the windows of each forward pass.
  private let batches: [[Int]]

  /// - Throws: `PretrainError` if the validation split has no window, or nothing to predict; `ShardError`, `FileError`
  init(_ text: PretrainingText) throws {
    let scheme = EvaluationScheme(windowLength: text.configuration.batch.windowLength)
    let vocabulary = text.tokenizer.vocabulary
    let (windows, passes) = try text.validationWindows()
    source = MaskedBatchSource(
      windows: windows, masking: try Masking(scheme.masking, vocabulary: vocabulary), seed: scheme.seed)
    draw = ReplacementDraw(
      temperature: text.configuration.replacedTokens.temperature, vocabulary: vocabulary,
      rowCount: text.configuration.model.vocabularySize, seed: scheme.seed)
    batches = try passes.filter { [source] in try !source.evaluationBatch(windows: $0).labels.isEmpty }
    guard !batches.isEmpty else {
      throw PretrainError.nothingToLearn(data: text.folder, split: .validation)
    }
  }

  /// The report has the same bits for any number of tapes, each of which is a worker's.
  func run(_ model: ReplacedTokenModel, tapes: [Tape]) throws -> ReplacedTokenReport {
    try WorkerGroup(count: tapes.count).map(batches.count, tapes: tapes) { [self] index, tape in
      try report(model, tape, windows: batches[index])
    }.reduce(into: ReplacedTokenReport()) { $0 += $1 }
  }

  private func report(_ model: ReplacedTokenModel, _ tape: Tape, windows: [Int]) throws -> ReplacedTokenReport
  {
    let masked = try source.evaluationBatch(windows: windows)
    tape.begin()
    let pass = GeneratorPass(model.generator, tape, masked, draw: draw, numbers: windows)
    let result = pass.crossEntropy(model.generator, tape, labels: masked.labels)
    let detected = DetectionResult(model, tape, masked, ReplacedTokens(masked, drawn: pass.drawn))
    var report = ReplacedTokenReport()
    report.generator = PredictionStatistics(result, tokenCount: masked.inputIDs.count)
    report.discriminator = detected.statistics
    report.rewardSum = GeneratorRewards(masked, losses: detected.losses).sum
    for (answer, target) in zip(detected.answers, detected.targets) {
      report.replaced += target == 1 ? 1 : 0
      report.reported += answer ? 1 : 0
      report.found += answer && target == 1 ? 1 : 0
    }
    return report
  }
}
