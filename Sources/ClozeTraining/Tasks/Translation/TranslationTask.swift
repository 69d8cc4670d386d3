package import ClozeCompute
package import ClozeCore
package import ClozeData
package import ClozeEvaluation
internal import ClozeModel
package import ClozeText
package import Foundation

/// Where a fine-tuning run starts.
package enum FinetuneStart: Sendable {
  /// A pretrained model folder, or a run that holds one.
  case pretrained(URL)
  /// Random weights. Sizes come from the tokenizer's folder where it is a model folder, so that the same network is
  /// compared; else from the settings.
  case scratch(tokenizer: URL)
}

/// The start and the settings of fine-tuning do not fit.
package enum FinetuneError: Failure {
  case sizesDiffer(model: String)
  case tokenizerDiffers(model: String, tokens: Int, vocabulary: Int)

  package var exitStatus: ExitStatus {
    switch self {
    case .sizesDiffer: .usage
    default: .data
    }
  }

  package var description: String {
    switch self {
    case .sizesDiffer(let model):
      "model: the settings give other sizes than \(model); leave them out, a start from a checkpoint takes the checkpoint's"
    case .tokenizerDiffers(let model, let tokens, let vocabulary):
      "\(model): its tokenizer has \(tokens) tokens and its model \(vocabulary); the folder is a mixture, use another"
    }
  }
}

/// Fine-tuning into a translator, on labelled pairs.
package struct TranslationTask: TrainingTask {
  package static let purpose = "finetune"

  package let configuration: FinetuneConfiguration
  package let identities: CheckpointManifest.Identities
  package let tokenizer: Tokenizer
  package let trainingPairCount: Int
  /// What is odd about the pairs.
  package let findings: PairFindings
  /// Model folders that were damaged and passed over.
  package let damaged: [CheckpointError]
  /// What of the start is not used.
  package let warnings: [String]
  private let origin: Origin
  private let trainingBatches: TranslationBatches
  private let validationPairs: PairSelection
  private let validationBatches: TranslationBatches

  package var patience: Int { configuration.validation.patience }

  /// Finds the start, and checks that settings and pairs fit it.
  /// - Throws: `FinetuneError`, `ConfigurationError`, `TranslationError`, and what reading the start's folder throws
  package init(
    configuration: FinetuneConfiguration, start: FinetuneStart, training: TranslationPairs,
    validation: TranslationPairs
  ) throws {
    var damaged: [CheckpointError] = []
    let origin = try TranslationTask.origin(start) { damaged.append($0) }
    let tokenizer = try TranslationTask.tokenizer(origin)
    var settings = configuration
    settings.model = try TranslationTask.sizes(configuration.model, origin: origin, tokenizer: tokenizer)
    settings.compute = settings.compute.resolved
    // The checkpoint's sizes may allow less, or more, than those of the settings.
    try settings.validateLengths()
    let configuration = settings
    self.tokenizer = tokenizer
    self.configuration = configuration

    let specials = tokenizer.vocabulary.specials
    let seed = UInt64(configuration.seed)
    let maximumLength = configuration.batch.maximumLength
    let usable = try PairSelection(training, tokenizer: tokenizer, maximumLength: maximumLength)
    let held = try PairSelection(validation, tokenizer: tokenizer, maximumLength: maximumLength)
    validationPairs = held.sample(
      configuration.validation.pairs > 0 ? configuration.validation.pairs : held.pairs.count,
      seed: EvaluationScheme.standardSeed)
    func batches(_ pairs: PairSelection) -> TranslationBatches {
      TranslationBatches(
        pairs.encoded, specials: specials, tokensPerMicrobatch: configuration.batch.tokensPerMicrobatch,
        seed: seed)
    }
    trainingBatches = batches(usable)
    trainingPairCount = usable.pairs.count
    validationBatches = batches(validationPairs)
    var findings = PairFindings()
    findings.describe(training, usable, maximumLength: maximumLength)
    findings.describe(validation, held, maximumLength: maximumLength)
    findings.describeOverlap(of: validation, with: training.pairs)
    self.findings = findings

    identities = [
      "tokenizer": tokenizer.digest.hex, "pairs": training.digest.hex,
      "validation": TranslationPairs(validationPairs.pairs).digest.hex, "start": origin.digest,
    ]
    self.origin = origin
    self.damaged = damaged
    warnings = try origin.isPretrained ? ModelArchive.unreadWarning(origin.folder).map { [$0] } ?? [] : []
  }

  package func start(from checkpoint: URL?) throws -> TrainingStart<TranslationObjective> {
    let precision = configuration.compute.elementType
    let model: TranslationModel
    let origins: TensorOrigins
    if let checkpoint {
      model = try ModelArchive.loadTranslationModel(checkpoint, precision: precision).model
      origins = model.archiveEntries.map { ($0, $0.isShared ? .shared : .loaded(from: $0.name)) }
    } else {
      let seed = UInt64(configuration.seed)
      model = TranslationModel(
        declaring: configuration.model, decoder: configuration.decoder, precision: precision)
      if origin.isPretrained {
        origins = try ModelArchive.start(model, from: origin.folder, seed: seed)
      } else {
        model.store.allocate(seed: seed)
        origins = model.archiveEntries.map { ($0, $0.isShared ? .shared : .new) }
      }
    }
    let objective = TranslationObjective(
      model: model, batches: trainingBatches, microbatchCount: configuration.batch.microbatches,
      specials: tokenizer.vocabulary.specials, labelSmoothing: configuration.labelSmoothing)
    return TrainingStart(objective, origins: origins)
  }

  private struct Origin {
    let folder: URL
    let isPretrained: Bool
    /// Of the starting weights, or what stands for random ones.
    let digest: String
  }

  private static func origin(_ start: FinetuneStart, report: (CheckpointError) -> Void) throws -> Origin {
    switch start {
    case .pretrained(let url):
      let folder = try RunFolder.model(at: url, report: report)
      return Origin(folder: folder, isPretrained: true, digest: try ModelArchive.weightsDigest(folder).hex)
    case .scratch(let url):
      return Origin(
        folder: try RunFolder.model(at: url, report: report), isPretrained: false, digest: "scratch")
    }
  }

  /// The tokenizer that the start was trained with; of a start from scratch, the one that is named.
  private static func tokenizer(_ origin: Origin) throws -> Tokenizer {
    guard origin.isPretrained else { return try Tokenizer(origin.folder) }
    return try Tokenizer(
      besideModel: origin.folder,
      vocabularySize: ModelArchive.encoderConfiguration(origin.folder).vocabularySize,
      metadata: ModelArchive.metadata(origin.folder))
  }

  /// The model's sizes, with the rates of the settings.
  private static func sizes(
    _ settings: EncoderConfiguration, origin: Origin, tokenizer: Tokenizer
  ) throws -> EncoderConfiguration {
    let holdsModel = FileManager.default.fileExists(
      atPath: origin.folder.appendingPathComponent("config.json").path)
    var sizes = settings
    if origin.isPretrained || holdsModel {
      sizes = try ModelArchive.encoderConfiguration(origin.folder)
      sizes.dropout = settings.dropout
      sizes.attentionDropout = settings.attentionDropout
      var standard = EncoderConfiguration()
      standard.dropout = settings.dropout
      standard.attentionDropout = settings.attentionDropout
      guard settings == standard || settings == sizes else {
        throw FinetuneError.sizesDiffer(model: origin.folder.path)
      }
    } else if sizes.vocabularySize == 0 {
      sizes.vocabularySize = tokenizer.vocabulary.count
    }
    guard sizes.vocabularySize >= tokenizer.vocabulary.count else {
      throw FinetuneError.tokenizerDiffers(
        model: origin.folder.path, tokens: tokenizer.vocabulary.count, vocabulary: sizes.vocabularySize)
    }
    return sizes
  }

  package func write(_ training: TranslationObjective, to folder: URL) throws {
    try ModelArchive.write(
      training.model, to: folder, metadata: identities,
      generation: tokenizer.generation(rowCount: configuration.model.vocabularySize))
    try tokenizer.write(to: folder, positionCount: configuration.model.positionCount)
  }

  package func validate(_ training: TranslationObjective, tapes: [Tape]) throws -> ValidationReport {
    let model = training.model
    let plan = validationBatches.evaluationPlan
    let statistics = try WorkerGroup(count: tapes.count).map(plan.count, tapes: tapes) { index, tape in
      let batch = validationBatches.batch(plan[index])
      tape.begin()
      return PredictionStatistics(model.predict(tape, batch), tokenCount: batch.targetIDs.count)
    }.reduce(into: PredictionStatistics()) { $0 += $1 }
    let translator = Translator(
      model, tokenizer: tokenizer, beam: BeamConfiguration(beamSize: configuration.validation.beamSize))
    let report = try TranslationEvaluation(validationPairs.pairs).run(translator, tapes: tapes)
    return ValidationReport(
      figures: [
        "validationLoss": statistics.loss, "BLEU": report.bleu.value, "chrF": report.chrF.value,
      ], score: score(report, loss: statistics.loss), warnings: report.warnings)
  }

  /// What checkpoints are compared by, larger being better. One translation for all sentences has a BLEU and a chrF that
  /// say nothing, often higher ones than the first real translations; so it comes below all others, and goes by its loss.
  private func score(_ report: TranslationEvaluation.Report, loss: Double) -> Double {
    switch configuration.validation.rankBy {
    case .loss: -loss
    case .chrF where report.ignoresSource, .bleu where report.ignoresSource: -1 - loss
    case .chrF: report.chrF.value
    case .bleu: report.bleu.value
    }
  }
}

extension Tokenizer {
  /// How `transformers` is to search for translations.
  /// - Parameter rowCount: of the model's token table.
  fileprivate func generation(rowCount: Int) -> GenerationSettings {
    let specials = vocabulary.specials
    let suppressed = vocabulary.unanswerable(rowCount: rowCount).subtracting([specials.separator])
    return GenerationSettings(
      tokens: .init(
        start: specials.classification, end: specials.separator, padding: specials.padding,
        suppressed: Array(suppressed)))
  }
}
