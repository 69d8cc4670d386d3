package import ClozeCore
package import ClozeEvaluation
package import ClozeModel
package import ClozeText
package import Foundation

/// A model folder and a new model that do not fit.
package enum StartError: Failure {
  case sizesDiffer(model: String, keys: [String])
  case normalizationDiffers(model: String, tokenizer: String, differences: [String])
  case tokensLost(model: String, tokenizer: String, tokens: [String], count: Int)

  package var exitStatus: ExitStatus {
    switch self {
    case .sizesDiffer: .usage
    case .normalizationDiffers, .tokensLost: .data
    }
  }

  package var description: String {
    switch self {
    case .sizesDiffer(let model, let keys):
      "model: the settings give other sizes than \(model) (\(keys.joined(separator: "; "))); leave them out, a start from "
        + "a checkpoint takes the checkpoint's"
    case .normalizationDiffers(let model, let tokenizer, let differences):
      "\(tokenizer): its tokenizer reads text otherwise than the model's in \(model) "
        + "(\(differences.joined(separator: "; "))), so the same token stands for different text; make the shards with "
        + "tokenize --tokenizer \(model), or with a vocabulary of the same settings"
    case .tokensLost(let model, let tokenizer, let tokens, let count):
      "\(tokenizer): its vocabulary lacks \(Figure.count(tokens.count)) of the \(Figure.count(count)) tokens of \(model), "
        + "\(tokens.prefix(5).map { "'\($0)'" }.joined(separator: " ")) among them; use a vocabulary that holds them all, or "
        + "--allow-lost-tokens, which drops their rows and keeps those of the others"
    }
  }
}

extension VocabularyExtension {
  /// A warning about new and lost tokens.
  var messages: [String] {
    var messages: [String] = []
    if newCount > 0 {
      messages.append(
        "the vocabulary has \(Figure.count(newCount)) new tokens, whose rows start from the means of their pieces' rows"
          + (unspelledCount > 0
            ? "; of \(Figure.count(unspelledCount)) no piece is known, they start from the mean of all rows"
            : ""))
    }
    if !lost.isEmpty {
      messages.append(
        "tokens of the model that the vocabulary lacks: \(Figure.count(lost.count)); their rows are dropped")
    }
    return messages
  }
}

/// The model folder from which a new model starts: checked, and described without reading its weights.
package struct StartFolder: Sendable {
  package let folder: URL
  /// The digest of the weights.
  package let digest: Digest
  package let tokenizer: Tokenizer
  package let configuration: EncoderConfiguration
  /// nil if the model of the folder has no decoder.
  package let decoder: DecoderConfiguration?
  /// Damaged checkpoints of a run that were skipped.
  package let damaged: [CheckpointError]
  /// Warnings about parts of the folder that are not used.
  package let warnings: [String]

  /// - Parameter url: a model folder, or a run folder, which means its best checkpoint.
  /// - Throws: `CheckpointError`, `ArchiveError`, `EvaluationError`, `TokenizerError`, `VocabularyError`, `FileError`
  package init(_ url: URL) throws {
    var damaged: [CheckpointError] = []
    folder = try RunFolder.model(at: url) { damaged.append($0) }
    self.damaged = damaged
    configuration = try ModelArchive.encoderConfiguration(folder)
    decoder = try ModelArchive.decoderConfiguration(folder)
    digest = try ModelArchive.weightsDigest(folder)
    tokenizer = try Tokenizer(
      besideModel: folder, vocabularySize: configuration.vocabularySize,
      metadata: ModelArchive.metadata(folder))
    warnings = decoder == nil ? try ModelArchive.unreadWarning(folder).map { [$0] } ?? [] : []
  }

  /// Maps the token rows of this model to those of a model with another tokenizer; nil if the tokens are the same.
  ///
  /// A token without known pieces starts from the mean of all rows. Then its logits are average, and the predictions of
  /// other tokens hardly change (Hewitt 2021, "Initializing new word embeddings for pretrained language models").
  ///
  /// - Parameters:
  ///   - new: the tokenizer of the training text.
  ///   - source: its folder, for errors.
  ///   - allowsLostTokens: whether it may lack tokens of this model.
  /// - Throws: `StartError.normalizationDiffers`, `.tokensLost`
  package func rows(
    for new: Tokenizer, source: String, allowsLostTokens: Bool
  ) throws -> (rows: TokenRows, tokens: VocabularyExtension)? {
    let differences = new.normalizer.differences(fromModel: tokenizer.normalizer)
    guard differences.isEmpty else {
      throw StartError.normalizationDiffers(model: folder.path, tokenizer: source, differences: differences)
    }
    guard tokenizer.vocabulary != new.vocabulary else { return nil }
    let tokens = VocabularyExtension(from: tokenizer, to: new)
    guard tokens.lost.isEmpty || allowsLostTokens else {
      throw StartError.tokensLost(
        model: folder.path, tokenizer: source, tokens: tokens.lost, count: tokenizer.vocabulary.count)
    }
    let ordinary = (0..<TokenID(tokenizer.vocabulary.count)).filter {
      !tokenizer.vocabulary.isSpecial[Int($0)]
    }
    return (TokenRows(sources: tokens.sources, all: ordinary, newCount: tokens.newCount), tokens)
  }
}

extension EncoderConfiguration {
  /// The sizes of a model that starts from one of this configuration, with the rates of the settings. A size in the settings
  /// must be the default or this model's.
  ///
  /// - Parameters:
  ///   - rowCount: of its token table.
  ///   - path: the model's folder, for errors.
  /// - Throws: `StartError.sizesDiffer`
  func sizes(_ settings: EncoderConfiguration, rowCount: Int, of path: String) throws -> EncoderConfiguration
  {
    let standard = EncoderConfiguration.standard
    var keys = zip(fixedSettings, zip(settings.fixedSettings, standard.fixedSettings)).compactMap {
      model, others in
      [model.value, others.1.value].contains(others.0.value)
        ? nil : "\(model.key): \(model.value) in the model, \(others.0.value) here"
    }
    if ![0, vocabularySize, rowCount].contains(settings.vocabularySize) {
      keys.append("vocabularySize: \(vocabularySize) in the model, \(settings.vocabularySize) here")
    }
    guard keys.isEmpty else { throw StartError.sizesDiffer(model: path, keys: keys) }
    var result = self
    result.vocabularySize = rowCount
    result.dropout = settings.dropout
    result.attentionDropout = settings.attentionDropout
    return result
  }
}

extension DecoderConfiguration {
  /// The sizes of a decoder that starts from `start`: those of the start if it has a decoder, else these settings. A size in
  /// the settings must be the default or the start's.
  ///
  /// - Parameter path: the start's folder, for errors.
  /// - Throws: `StartError.sizesDiffer`
  func orThose(of start: DecoderConfiguration?, in path: String) throws -> DecoderConfiguration {
    guard let start else { return self }
    let standard = DecoderConfiguration()
    var keys: [String] = []
    if ![standard.layerCount, start.layerCount].contains(layerCount) {
      keys.append("decoder.layerCount: \(start.layerCount) in the model, \(layerCount) here")
    }
    if ![standard.blocks, start.blocks].contains(blocks) {
      keys.append("decoder.blocks: \(start.blocks) in the model, \(blocks) here")
    }
    guard keys.isEmpty else { throw StartError.sizesDiffer(model: path, keys: keys) }
    return start
  }
}
