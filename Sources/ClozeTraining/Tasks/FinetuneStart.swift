package import ClozeCore
package import ClozeData
package import ClozeEvaluation
package import ClozeModel
package import ClozeText
package import Foundation

/// The start of a fine-tuning run.
package enum FinetuneStart: Sendable {
  /// A pretrained model folder, or a run folder with one.
  ///
  /// - `tokenizer`: a folder whose vocabulary extends the model's; nil for the model's own.
  /// - `allowsLostTokens`: whether that vocabulary may lack tokens of the model's.
  case pretrained(URL, tokenizer: URL? = nil, allowsLostTokens: Bool = false)
  /// Random weights. If the tokenizer's folder is a model folder, its sizes are taken, so that the same network is compared;
  /// else those of the settings.
  case scratch(tokenizer: URL)
}

/// The folder of a start does not fit.
package enum FinetuneError: Failure {
  case tokenizerDiffers(model: String, tokens: Int, vocabulary: Int)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .tokenizerDiffers(let model, let tokens, let vocabulary):
      "\(model): its tokenizer has \(tokens) tokens and its model \(vocabulary); the folder is a mixture, use another"
    }
  }
}

/// The checked folder from which a fine-tuning run starts, with its tokenizer.
package struct FinetuneOrigin: Sendable {
  package let folder: URL
  /// Digest of the starting weights, or `scratch`.
  package let digest: String
  /// The one that the model will have.
  package let tokenizer: Tokenizer
  /// Damaged model folders that were skipped.
  package let damaged: [CheckpointError]
  /// New and lost tokens of a tokenizer that is not the start's.
  package let tokenMessages: [String]
  private let start: StartFolder?
  /// Nil if the start's tokens are the model's.
  private let rows: TokenRows?

  package var isPretrained: Bool { start != nil }
  /// Tensors of the start that a model without its head does not use.
  package var unreadTensors: [String] { start?.warnings ?? [] }

  /// - Throws: `StartError`, `CheckpointError`, `ArchiveError`, `TokenizerError`, `FileError`
  package init(_ origin: FinetuneStart) throws {
    switch origin {
    case .pretrained(let url, let other, let allowsLostTokens):
      let start = try StartFolder(url)
      tokenizer = try other.map { try Tokenizer(RunFolder.model(at: $0) { _ in }) } ?? start.tokenizer
      let found = try start.rows(
        for: tokenizer, source: other?.path ?? "", allowsLostTokens: allowsLostTokens)
      (rows, tokenMessages) = (found?.rows, found?.tokens.messages ?? [])
      (self.start, folder, digest, damaged) = (start, start.folder, start.digest.hex, start.damaged)
    case .scratch(let url):
      var damaged: [CheckpointError] = []
      folder = try RunFolder.model(at: url) { damaged.append($0) }
      tokenizer = try Tokenizer(folder)
      (start, rows, digest, tokenMessages) = (nil, nil, "scratch", [])
      self.damaged = damaged
    }
  }

  /// Allocates a new model and fills it with the tensors of the start and with initial values.
  /// - Throws: `ArchiveError`, `TensorFileError`, `FileError`
  package func start(_ model: some ArchivedModel, seed: UInt64) throws -> TensorOrigins {
    if isPretrained { return try ModelArchive.start(model, from: folder, seed: seed, rows: rows) }
    model.store.allocate(seed: seed)
    return model.archiveEntries.map { ($0, $0.isShared ? .shared : .new) }
  }

  private var holdsModel: Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent("config.json").path)
  }

  /// The sizes of the model, with the dropout rates of the settings.
  /// - Throws: `FinetuneError`, `StartError`, `ArchiveError`, `FileError`
  package func sizes(_ settings: EncoderConfiguration) throws -> EncoderConfiguration {
    var sizes = settings
    if holdsModel {
      let model = try ModelArchive.encoderConfiguration(folder)
      sizes = try model.sizes(
        settings, rowCount: rows?.sources.count ?? model.vocabularySize, of: folder.path)
    } else if sizes.vocabularySize == 0 {
      sizes.vocabularySize = tokenizer.vocabulary.count
    }
    guard sizes.vocabularySize >= tokenizer.vocabulary.count else {
      guard holdsModel else {
        throw ConfigurationError.invalid(
          path: "model.vocabularySize",
          reason:
            "is \(sizes.vocabularySize), and the tokenizer in \(folder.path) has \(tokenizer.vocabulary.count) tokens; "
            + "choose at least as many, or 0 for its number")
      }
      throw FinetuneError.tokenizerDiffers(
        model: folder.path, tokens: tokenizer.vocabulary.count, vocabulary: sizes.vocabularySize)
    }
    return sizes
  }

  /// The decoder's sizes: a translator's folder gives its own.
  /// - Throws: `StartError`, `ArchiveError`, `FileError`
  package func sizes(_ settings: DecoderConfiguration) throws -> DecoderConfiguration {
    guard holdsModel else { return settings }
    return try settings.orThose(of: ModelArchive.decoderConfiguration(folder), in: folder.path)
  }
}

extension EncoderConfiguration {
  /// Checks a length against the model to train, whose sizes may come from a checkpoint and not from the settings.
  /// - Throws: `ConfigurationError`
  func checkLength(_ maximumLength: Int) throws {
    guard maximumLength <= positionCount else {
      throw ConfigurationError.invalid(
        path: "batch.maximumLength",
        reason: "is \(maximumLength); choose at most \(positionCount), the positions of the model")
    }
  }
}

/// A task that `finetune` runs: on labelled rows, from a checkpoint or from random weights.
package protocol FinetuningTask: TrainingTask {
  /// Findings about the rows.
  var findings: RowFindings { get }
  /// Further warnings before the run.
  var warnings: [String] { get }
  /// Damaged model folders that were skipped.
  var damaged: [CheckpointError] { get }
  /// The training data in words: `8,000 pairs`.
  var sampleText: String { get }
}
