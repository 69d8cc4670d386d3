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

/// The checked text of a pretraining run, and the model that it starts from, the same for every objective.
package struct PretrainingText: Sendable {
  /// All settings, with the sizes that come from the data and the start.
  package let configuration: PretrainConfiguration
  /// The data folder, for errors.
  let folder: String
  package let tokenizer: Tokenizer
  package let training: PackedWindows
  package let validation: TokenDataset
  let unigrams: UnigramCounts
  /// The unigram entropy of the train split's ordinary tokens, in nats.
  package let unigramEntropy: Double
  package let identities: CheckpointManifest.Identities
  /// nil if the weights start random.
  let start: StartFolder?
  /// nil if the start has the tokens of the data.
  let rows: TokenRows?
  /// What is worth knowing of the start: damaged checkpoints, heads that are not used, tokens that are new or lost.
  package let warnings: [String]

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
      configuration.decoder = try configuration.decoder.orThose(of: folder.decoder, in: folder.folder.path)
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
    folder = data.path
    let specials = tokenizer.vocabulary.specials
    training = try PackedWindows(
      dataset, windowLength: configuration.batch.windowLength, specials: specials,
      seed: UInt64(configuration.seed))
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

  /// The windows of the validation split, and the numbers of those of each forward pass of a validation: always the same, drawn
  /// over the whole split.
  /// - Throws: `PretrainError.noValidation`, `ShardError`, `FileError`
  func validationWindows() throws -> (windows: PackedWindows, passes: [[Int]]) {
    let (length, seed) = (configuration.batch.windowLength, EvaluationScheme.standardSeed)
    let windows: PackedWindows
    do {
      windows = try PackedWindows(
        validation, windowLength: length, specials: tokenizer.vocabulary.specials, seed: seed)
    } catch ShardError.splitTooShort {
      throw PretrainError.noValidation(data: folder)
    }
    let sample = StratifiedSample.draw(configuration.validation.windows, of: windows.windowCount, seed: seed)
    let size = EvaluationScheme.passWindows(length: length)
    return (
      windows,
      stride(from: 0, to: sample.count, by: size).map { Array(sample[$0..<min($0 + size, sample.count)]) }
    )
  }

  /// Gives a new model the weights that the run starts from.
  /// - Returns: the origin of each tensor; empty for random weights.
  /// - Throws: `ArchiveError`, `TensorFileError`, `FileError`
  func fill(_ model: some ArchivedModel) throws -> TensorOrigins {
    let seed = UInt64(configuration.seed)
    if let start { return try ModelArchive.start(model, from: start.folder, seed: seed, rows: rows) }
    model.store.allocate(seed: seed)
    return []
  }

  /// The unknown text of the data; nil in folders of earlier versions, which did not count it.
  package var unknownText: UnknownText? { training.dataset.index.unknownText }

  /// The epochs that the limits allow; nil if the run is limited by minutes.
  package var epochs: Epochs? {
    guard configuration.stop.minutes == 0, let samples = configuration.sampleLimit else { return nil }
    return Epochs(Double(samples) / Double(training.windowCount))
  }
}
