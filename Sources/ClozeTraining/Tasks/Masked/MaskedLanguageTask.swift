package import ClozeCompute
package import ClozeCore
package import ClozeData
package import ClozeEvaluation
internal import ClozeModel
package import ClozeText
package import Foundation

/// A model or settings that do not fit the data.
package enum PretrainError: Failure {
  case vocabularyDiffers(configured: Int, data: String, found: Int)
  case noValidation(data: String)
  case nothingToLearn(data: String, split: Split)

  package var exitStatus: ExitStatus {
    switch self {
    case .vocabularyDiffers: .usage
    case .noValidation, .nothingToLearn: .data
    }
  }

  package var description: String {
    switch self {
    case .vocabularyDiffers(let configured, let data, let found):
      "model.vocabularySize: is \(configured), but the shards in \(data) were made with \(found) tokens; "
        + "set it to 0 to take theirs"
    case .noValidation(let data):
      "\(data): holds too little validation text for one window; tokenize with a larger --validation-rate, or each line as "
        + "a document with --documents lines"
    case .nothingToLearn(let data, .train):
      "\(data): every token of the train split is [UNK] or another special token, so there is nothing to predict; "
        + "tokenize with a vocabulary of this text"
    case .nothingToLearn(let data, .validation):
      "\(data): the validation windows hold nothing but [UNK] and other special tokens, so there is nothing to "
        + "predict; tokenize with a vocabulary of this text or a larger --validation-rate"
    }
  }
}

/// The weights from which pretraining starts, instead of random ones.
package struct PretrainStart: Sendable {
  /// A model folder, or a run that holds one.
  package let url: URL
  /// Whether the data's vocabulary may lack tokens of the model's.
  package let allowsLostTokens: Bool

  package init(_ url: URL, allowsLostTokens: Bool = false) {
    self.url = url
    self.allowsLostTokens = allowsLostTokens
  }
}

/// Masked-language pretraining of an encoder on a data folder, from random weights or from those of another model.
package struct MaskedLanguageTask: TrainingTask {
  package static let purpose = "pretrain"

  package let configuration: PretrainConfiguration
  package let identities: CheckpointManifest.Identities
  package let tokenizer: Tokenizer
  package let training: PackedWindows
  let validation: TokenDataset
  let unigrams: UnigramCounts
  /// The unigram entropy of the train split's ordinary tokens, in nats.
  package let unigramEntropy: Double
  /// nil if the weights start random.
  private let start: StartFolder?
  /// nil if the start has the tokens of the data.
  private let rows: TokenRows?
  /// What is worth knowing of the start: damaged checkpoints, heads that are not used, tokens that are new or lost.
  package let warnings: [String]
  /// Validation uses the standard masks whatever the masks of training, so that runs with different masking can be
  /// compared with each other and with `evaluate`.
  private let evaluation: MaskedEvaluation

  package var identityMend: String {
    "resume with the data folder it was made from, and with the --model that it started from, or none where it had none"
  }

  /// Opens the data and the start, and checks that the settings fit them.
  /// - Throws: `PretrainError`, `StartError`, `ConfigurationError`, `ShardError`, `FileError`, and what opening the start
  ///   throws
  package init(configuration: PretrainConfiguration, data: URL, start: PretrainStart? = nil) throws {
    let dataset = try TokenDataset(folder: data, split: .train)
    validation = try TokenDataset(folder: data, split: .validation)
    tokenizer = try dataset.tokenizer()
    var configuration = configuration
    if let start {
      let folder = try StartFolder(start.url)
      let other = try folder.rows(
        for: tokenizer, source: data.path, allowsLostTokens: start.allowsLostTokens)
      // With the same tokens, a table that was padded stays so.
      configuration.model = try folder.configuration.sizes(
        configuration.model, rowCount: other?.rows.sources.count ?? folder.configuration.vocabularySize,
        of: folder.folder.path)
      try configuration.validate()
      warnings = folder.damaged.map { "\($0)" } + folder.warnings + (other.map { $0.tokens.messages } ?? [])
      (self.start, rows) = (folder, other?.rows)
    } else {
      (self.start, rows, warnings) = (nil, nil, [])
      guard [0, dataset.vocabularySize].contains(configuration.model.vocabularySize) else {
        throw PretrainError.vocabularyDiffers(
          configured: configuration.model.vocabularySize, data: data.path, found: dataset.vocabularySize)
      }
      configuration.model.vocabularySize = dataset.vocabularySize
    }
    configuration.compute = configuration.compute.resolved
    self.configuration = configuration
    let specials = tokenizer.vocabulary.specials
    training = try PackedWindows(
      dataset, windowLength: configuration.batch.windowLength, specials: specials,
      seed: UInt64(configuration.seed))
    do {
      evaluation = try MaskedQuestions(
        validation, scheme: EvaluationScheme(windowLength: configuration.batch.windowLength),
        vocabulary: tokenizer.vocabulary
      ).evaluation(windows: configuration.validation.windows)
    } catch is ShardError {
      throw PretrainError.noValidation(data: data.path)
    }
    guard try evaluation.asksAnything() else {
      throw PretrainError.nothingToLearn(data: data.path, split: .validation)
    }
    unigrams = try dataset.unigramCounts()
    let ordinary = unigrams.without(specials.ids)
    guard ordinary.total > 0 else { throw PretrainError.nothingToLearn(data: data.path, split: .train) }
    unigramEntropy = ordinary.entropy
    var identities = [
      "data": dataset.identity.hex, "tokenizer": tokenizer.digest.hex, "corpus": dataset.index.corpus.hex,
    ]
    identities["start"] = self.start?.digest.hex
    self.identities = identities
  }

  package var contextFreeLoss: Double? {
    configuration.masking.contextFreeLoss(unigramEntropy: unigramEntropy)
  }

  /// The unknown text of the data; nil in folders of earlier versions, which did not count it.
  package var unknownText: UnknownText? { training.dataset.index.unknownText }

  package var dataBytes: Int { training.dataset.cacheBytes + validation.cacheBytes }

  /// The epochs that the limits allow; nil if the run is limited by minutes.
  package var epochs: Epochs? {
    let stop = configuration.stop
    guard stop.minutes == 0 else { return nil }
    var windows = Double.infinity
    if stop.steps > 0 { windows = Double(stop.steps) * Double(configuration.batch.windows) }
    if stop.tokens > 0 {
      windows = min(windows, Double(stop.tokens) / Double(configuration.batch.windowLength))
    }
    return Epochs(windows / Double(training.windowCount))
  }

  package func start(from checkpoint: URL?) throws -> TrainingStart<MaskedObjective> {
    let precision = configuration.compute.elementType
    let seed = UInt64(configuration.seed)
    var origins: TensorOrigins = []
    let model: MaskedLanguageModel
    if let checkpoint {
      model = try ModelArchive.loadMaskedLanguageModel(checkpoint, precision: precision).model
    } else {
      model = try declaredModel(precision)
      if let start {
        origins = try ModelArchive.start(model, from: start.folder, seed: seed, rows: rows)
      } else {
        model.store.allocate(seed: seed)
      }
    }
    let masking = try Masking(configuration.masking, vocabulary: tokenizer.vocabulary)
    return TrainingStart(
      MaskedObjective(
        model: model, source: MaskedBatchSource(windows: training, masking: masking, seed: seed),
        batch: configuration.batch), origins: origins)
  }

  /// The model without its memory.
  func declaredModel(_ precision: ElementType) throws -> MaskedLanguageModel {
    MaskedLanguageModel(
      declaring: configuration.model, precision: precision,
      tiesOutput: try start.map { try ModelArchive.tiesOutput($0.folder) } ?? true)
  }

  package func validate(_ training: MaskedObjective, tapes: [Tape]) throws -> ValidationReport {
    let report = try evaluation.run(training.model, tapes: tapes)
    return ValidationReport(
      figures: ["validationLoss": report.all.loss, "validationAccuracy": report.all.accuracy],
      score: -report.all.loss)
  }

  package func write(_ training: MaskedObjective, to folder: URL) throws {
    try ModelArchive.write(
      training.model, to: folder, metadata: identities, padding: tokenizer.vocabulary.specials.padding)
    try tokenizer.write(to: folder, positionCount: configuration.model.positionCount)
  }
}
