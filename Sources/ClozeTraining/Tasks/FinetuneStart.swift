package import ClozeCore
package import ClozeData
package import ClozeEvaluation
package import ClozeModel
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

/// The folder that a fine-tuning run starts from, found and checked, with its tokenizer.
package struct FinetuneOrigin: Sendable {
  package let folder: URL
  package let isPretrained: Bool
  /// Of the starting weights, or what stands for random ones.
  package let digest: String
  /// The one that the start was trained with; of a start from scratch, the one that is named.
  package let tokenizer: Tokenizer
  /// Model folders that were damaged and passed over.
  package let damaged: [CheckpointError]

  /// - Throws: `CheckpointError`, `ArchiveError`, `TokenizerError`, `FileError`
  package init(_ start: FinetuneStart) throws {
    var damaged: [CheckpointError] = []
    switch start {
    case .pretrained(let url):
      folder = try RunFolder.model(at: url) { damaged.append($0) }
      isPretrained = true
      digest = try ModelArchive.weightsDigest(folder).hex
      tokenizer = try Tokenizer(
        besideModel: folder, vocabularySize: ModelArchive.encoderConfiguration(folder).vocabularySize,
        metadata: ModelArchive.metadata(folder))
    case .scratch(let url):
      folder = try RunFolder.model(at: url) { damaged.append($0) }
      (isPretrained, digest) = (false, "scratch")
      tokenizer = try Tokenizer(folder)
    }
    self.damaged = damaged
  }

  /// Allocates a new model and fills it with what the start has, and with initial values.
  /// - Throws: `ArchiveError`, `TensorFileError`, `FileError`
  package func start(_ model: some ArchivedModel, seed: UInt64) throws -> TensorOrigins {
    if isPretrained { return try ModelArchive.start(model, from: folder, seed: seed) }
    model.store.allocate(seed: seed)
    return model.archiveEntries.map { ($0, $0.isShared ? .shared : .new) }
  }

  /// The model's sizes, with the rates of the settings.
  /// - Throws: `FinetuneError`, `ArchiveError`, `FileError`
  package func sizes(_ settings: EncoderConfiguration) throws -> EncoderConfiguration {
    let holdsModel = FileManager.default.fileExists(
      atPath: folder.appendingPathComponent("config.json").path)
    var sizes = settings
    if isPretrained || holdsModel {
      sizes = try ModelArchive.encoderConfiguration(folder)
      sizes.dropout = settings.dropout
      sizes.attentionDropout = settings.attentionDropout
      var standard = EncoderConfiguration()
      standard.dropout = settings.dropout
      standard.attentionDropout = settings.attentionDropout
      guard settings == standard || settings == sizes else {
        throw FinetuneError.sizesDiffer(model: folder.path)
      }
    } else if sizes.vocabularySize == 0 {
      sizes.vocabularySize = tokenizer.vocabulary.count
    }
    guard sizes.vocabularySize >= tokenizer.vocabulary.count else {
      throw FinetuneError.tokenizerDiffers(
        model: folder.path, tokens: tokenizer.vocabulary.count, vocabulary: sizes.vocabularySize)
    }
    return sizes
  }
}

extension EncoderConfiguration {
  /// Checks a length against the model that is trained, whose sizes may be a checkpoint's and not those of the settings.
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
  /// What is odd about the rows.
  var findings: RowFindings { get }
  /// What else a person should hear of before the run.
  var warnings: [String] { get }
  /// Model folders that were damaged and passed over.
  var damaged: [CheckpointError] { get }
  /// What the run learns from: `8,000 pairs`.
  var sampleText: String { get }
}
