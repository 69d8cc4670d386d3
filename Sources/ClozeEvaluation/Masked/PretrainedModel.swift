package import ClozeCore
package import ClozeData
package import ClozeModel
package import ClozeText
package import Foundation

/// A model and the text to score or fill do not fit.
package enum EvaluationError: Failure {
  case tokenizerDiffers(model: String, tokenizer: Digest, data: String, dataTokenizer: Digest)
  case foreignTokenizer(model: String, trainedWith: String, found: Digest)
  case vocabularyDiffers(model: String, modelSize: Int, tokenizerSize: Int)
  case windowTooLong(length: Int, positionCount: Int)
  case noMask(text: String)
  case notFinite
  case nothingToPredict(text: String)
  case promptTooLong(tokens: Int, positionCount: Int)
  case tooManyRows(text: String, rows: Int, limit: Int)
  case tooFewPositions(model: String, positions: Int)
  case minimumTooLong(length: Int, longest: Int)

  package var exitStatus: ExitStatus {
    switch self {
    case .tokenizerDiffers, .foreignTokenizer, .vocabularyDiffers: .data
    case .nothingToPredict, .tooFewPositions, .notFinite: .data
    case .windowTooLong, .noMask, .promptTooLong, .tooManyRows, .minimumTooLong: .usage
    }
  }

  package var description: String {
    switch self {
    case .notFinite: "the model gives numbers that are not finite; its weights are damaged, use another model"
    case .tokenizerDiffers(let model, let tokenizer, let data, let dataTokenizer):
      "\(data): its shards were made with the tokenizer \(dataTokenizer.short), but the model in \(model) has the "
        + "tokenizer \(tokenizer.short); evaluate on the data it was trained on, or make new shards with "
        + "tokenize --tokenizer \(model)"
    case .foreignTokenizer(let model, let trainedWith, let found):
      "\(model): was trained with the tokenizer \(trainedWith.prefix(8)), but the one beside it is \(found.short); "
        + "copy the folder anew with the tokenizer's files of its own"
    case .vocabularyDiffers(let model, let modelSize, let tokenizerSize):
      "\(model): the model has \(modelSize) rows for tokens and the tokenizer beside it \(tokenizerSize) tokens; "
        + "put the tokenizer that the model was trained with into the folder"
    case .windowTooLong(let length, let positionCount):
      "--window-length: is \(length); choose 3 to \(positionCount), the model's positions"
    case .nothingToPredict(let text):
      "\(text): no token of it is selected for prediction; give more text, or raise --selection-rate"
    case .noMask(let text): "--fill: '\(text)' has no [MASK]; write [MASK] where a token is to be filled in"
    case .promptTooLong(let tokens, let positionCount):
      "--fill: the text has \(tokens) tokens with [CLS] and [SEP], and the model \(positionCount) positions; shorten it"
    case .tooManyRows(let text, let rows, let limit):
      "\(text): has \(rows) documents, and logits are written for \(limit) at most; give a shorter text"
    case .tooFewPositions(let model, let positions):
      "\(model): has \(positions) positions, which do not hold its texts; use another model"
    case .minimumTooLong(let length, let longest):
      "--minimum-length: is \(length); choose 0 to \(longest), the longest that the model can write"
    }
  }
}

/// A masked-language model and its tokenizer from one folder, checked to belong together.
package struct PretrainedModel: Sendable {
  package let folder: URL
  package let model: MaskedLanguageModel
  package let tokenizer: Tokenizer
  /// Warnings about parts of the folder that are not used.
  package let warnings: [String]

  /// - Throws: `ArchiveError`, `TensorFileError`, `TokenizerError`, `VocabularyError`, `FileError`, and
  ///   `EvaluationError` if model and tokenizer do not belong together.
  package init(_ folder: URL, precision: ComputeConfiguration.Precision) throws {
    let (model, metadata) = try ModelArchive.loadMaskedLanguageModel(folder, precision: precision.elementType)
    tokenizer = try Tokenizer(
      besideModel: folder, vocabularySize: model.configuration.vocabularySize, metadata: metadata)
    warnings = try ModelArchive.unreadWarning(folder).map { [$0] } ?? []
    self.folder = folder
    self.model = model
  }

  package var positionCount: Int { model.configuration.positionCount }

  /// Refuses data that were made with another tokenizer.
  /// - Throws: `EvaluationError.tokenizerDiffers`
  package func check(_ dataset: TokenDataset) throws {
    guard dataset.index.tokenizer == tokenizer.digest else {
      throw EvaluationError.tokenizerDiffers(
        model: folder.path, tokenizer: tokenizer.digest, data: dataset.folder.path,
        dataTokenizer: dataset.index.tokenizer)
    }
  }

  /// The window length to evaluate with: the requested one, or 128, or the model's positions if they are fewer.
  /// - Throws: `EvaluationError.windowTooLong`
  package func windowLength(_ requested: Int?) throws -> Int {
    let length = requested ?? min(128, positionCount)
    guard length >= 3, length <= positionCount else {
      throw EvaluationError.windowTooLong(length: length, positionCount: positionCount)
    }
    return length
  }
}

extension ModelArchive {
  /// A warning that names the tensors of other heads; nil if there are none.
  package static func unreadWarning(_ folder: URL) throws -> String? {
    let names = try unreadTensors(folder)
    guard let first = names.first else { return nil }
    return "\(folder.path): \(names.count) tensors of another head are not used, \(first) among them"
  }
}

extension Vocabulary {
  /// The ids that are never predicted: the special tokens, and the rows of a model with `rowCount` rows that have no
  /// token. Embedding tables are often padded to a round number of rows.
  package func unanswerable(rowCount: Int) -> Set<TokenID> {
    Set(specials.ids).union(TokenID(count)..<TokenID(max(count, rowCount)))
  }
}

extension Tokenizer {
  /// The tokenizer in a model folder, checked to be the one that the model was trained with.
  ///
  /// - Parameters:
  ///   - vocabularySize: of the model, which may have more rows than the tokenizer has tokens.
  ///   - metadata: of the model's weights.
  /// - Throws: `EvaluationError.vocabularyDiffers`, `.foreignTokenizer`, `TokenizerError`, `VocabularyError`, `FileError`
  package init(besideModel folder: URL, vocabularySize: Int, metadata: [String: String]) throws {
    let tokenizer = try Tokenizer(folder)
    guard vocabularySize >= tokenizer.vocabulary.count else {
      throw EvaluationError.vocabularyDiffers(
        model: folder.path, modelSize: vocabularySize, tokenizerSize: tokenizer.vocabulary.count)
    }
    // The metadata of a folder that Cloze wrote contain the tokenizer's digest; those of other folders do not.
    if let trainedWith = metadata["tokenizer"], trainedWith != tokenizer.digest.hex {
      throw EvaluationError.foreignTokenizer(
        model: folder.path, trainedWith: trainedWith, found: tokenizer.digest)
    }
    self = tokenizer
  }
}
