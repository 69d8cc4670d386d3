internal import ClozeCore
package import Foundation

// Reads a tokenizer that Hugging Face's libraries wrote: `tokenizer.json`, or `vocab.txt` with `tokenizer_config.json`.
// A setting that Cloze does not support is refused by its name.

extension Tokenizer {
  /// Reads a tokenizer from a folder, a `tokenizer.json` or a `vocab.txt`.
  ///
  /// - Parameters:
  ///   - url: a folder with one of the files, or the file itself.
  ///   - lowercases: whether text is lower-cased, for a `vocab.txt` without a `tokenizer_config.json` beside it.
  /// - Throws: `FileError`, `TokenizerError`, `VocabularyError`
  package init(_ url: URL, lowercases: Bool? = nil) throws {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
      throw FileError.missing(path: url.path)
    }
    var file = url
    if isDirectory.boolValue {
      let candidates = ["tokenizer.json", "vocab.txt"].map { url.appendingPathComponent($0) }
      guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
        throw TokenizerError.noTokenizer(folder: url.path)
      }
      file = found
    }
    let configuration = try TokenizerConfiguration(beside: file)
    if file.pathExtension.lowercased() == "json" {
      self = try TokenizerFile(file).tokenizer(configuration)
    } else {
      // A configuration without a case setting means BERT's default, which lower-cases.
      guard let lowercases = configuration.lowercases ?? lowercases ?? (configuration.isThere ? true : nil)
      else {
        throw TokenizerError.unknownCase(path: file.path)
      }
      let pieces = try Tokenizer.lines(of: file).enumerated().map { (text: $1, id: $0) }
      self.init(
        vocabulary: try Vocabulary(
          pieces: pieces, added: configuration.addedTokens(beside: []), source: file.path),
        normalizer: configuration.normalizer(lowercases: lowercases))
    }
  }

  /// The lines of a `vocab.txt`. Only a line feed ends a line, since a token may contain any other white space.
  private static func lines(of file: URL) throws -> [String] {
    let bytes = try Data(textFile: file)
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return try lines.enumerated().map { index, line in
      guard
        let text = String(validating: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
      else { throw TokenizerError.malformed(path: "\(file.path):\(index + 1)", reason: "is not UTF-8") }
      return text
    }
  }
}

/// Reads and checks a `tokenizer.json` part by part.
private struct TokenizerFile {
  private let path: String
  private let json: JSONValue

  init(_ url: URL) throws {
    path = url.path
    json = try JSONValue(file: url)
  }

  func tokenizer(_ configuration: TokenizerConfiguration) throws -> Tokenizer {
    if json["model"]?["type"]?.string == "BPE", json["decoder"]?["type"]?.string == "ByteLevel" {
      throw TokenizerError.byteLevelPairs(path: path)
    }
    let normalizer = try normalizer()
    _ = try part("pre_tokenizer", kind: "BertPreTokenizer")
    try checkOptionalPart("post_processor", kinds: ["TemplateProcessing", "BertProcessing"])
    try checkOptionalPart("decoder", kinds: ["WordPiece"])
    // Settings of an earlier call, which do not change the ids of a text.
    for name in ["truncation", "padding"] {
      switch json[name] {
      case nil, .null, .object: break
      default: throw TokenizerError.missingField(path: path, field: name)
      }
    }
    // BertTokenizer of transformers uses BERT's longest word, whatever the file says.
    let followsConfiguration = configuration.decidesNormalization
    let longestWord = try longestWord()
    return Tokenizer(
      vocabulary: try vocabulary(configuration),
      normalizer: followsConfiguration
        ? configuration.normalizer(lowercases: configuration.lowercases ?? true) : normalizer,
      longestWord: followsConfiguration ? Tokenizer.standardLongestWord : longestWord)
  }

  private func part(_ name: String, kind supported: String) throws -> JSONValue {
    guard let part = json[name], let kind = part.isNull ? "null" : part["type"]?.string else {
      throw TokenizerError.missingField(path: path, field: name)
    }
    guard kind == supported else {
      throw TokenizerError.unsupportedKind(path: path, part: name, kind: kind, supported: supported)
    }
    return part
  }

  /// Checks a part that a file may lack. Cloze adds `[CLS]` and `[SEP]` and joins pieces as these kinds do; a part of
  /// any other kind means another tokenizer.
  private func checkOptionalPart(_ name: String, kinds: [String]) throws {
    guard let part = json[name], !part.isNull else { return }
    guard let kind = part["type"]?.string else {
      throw TokenizerError.missingField(path: path, field: "\(name).type")
    }
    guard kinds.contains(kind) else {
      throw TokenizerError.unsupportedKind(
        path: path, part: name, kind: kind, supported: kinds.joined(separator: "' or '"))
    }
  }

  private func normalizer() throws -> TextNormalizer {
    let part = try part("normalizer", kind: "BertNormalizer")
    func flag(_ name: String) throws -> Bool {
      guard let value = part[name]?.boolean else {
        throw TokenizerError.missingField(path: path, field: "normalizer.\(name)")
      }
      return value
    }
    return TextNormalizer(
      lowercases: try flag("lowercase"),
      stripsAccents: try part.optional("strip_accents", of: "normalizer.", path: path, \.boolean),
      cleansText: try flag("clean_text"), isolatesChineseCharacters: try flag("handle_chinese_chars"))
  }

  private func longestWord() throws -> Int {
    guard let length = json["model"]?["max_input_chars_per_word"]?.integer else {
      throw TokenizerError.missingField(path: path, field: "model.max_input_chars_per_word")
    }
    let supported = Tokenizer.longestWordRange
    guard supported.contains(length) else {
      throw TokenizerError.unsupportedSetting(
        path: path, setting: "model.max_input_chars_per_word", value: "\(length)",
        supported: "\(supported.lowerBound) to \(supported.upperBound)")
    }
    return length
  }

  private func vocabulary(_ configuration: TokenizerConfiguration) throws -> Vocabulary {
    let model = try part("model", kind: "WordPiece")
    try check(model["unk_token"]?.string, "model.unk_token", is: "[UNK]")
    try check(
      model["continuing_subword_prefix"]?.string, "model.continuing_subword_prefix",
      is: Vocabulary.continuationPrefix)
    // WordPiece has no dropout. Other models have it, and it makes ids random.
    if let dropout = model["dropout"], !dropout.isNull {
      throw TokenizerError.unsupportedSetting(
        path: path, setting: "model.dropout", value: dropout.number.map { "\($0)" } ?? "set",
        supported: "null")
    }
    guard case .object(let members)? = model["vocab"] else {
      throw TokenizerError.missingField(path: path, field: "model.vocab")
    }
    let pieces = try members.map { token, value in
      guard let id = value.integer, id >= 0 else {
        throw TokenizerError.missingField(path: path, field: "model.vocab.\(token)")
      }
      return (text: token, id: id)
    }
    let added = configuration.addedTokens(beside: try addedTokens())
    return try Vocabulary(pieces: pieces, added: added, source: path)
  }

  private func check(_ value: String?, _ setting: String, is supported: String) throws {
    guard let value else { throw TokenizerError.missingField(path: path, field: setting) }
    guard value == supported else {
      throw TokenizerError.unsupportedSetting(
        path: path, setting: setting, value: value, supported: supported)
    }
  }

  private func addedTokens() throws -> [TokenizerConfiguration.Token] {
    guard let list = json["added_tokens"] else { return [] }
    guard case .array(let added) = list else {
      throw TokenizerError.missingField(path: path, field: "added_tokens")
    }
    return try added.map { token in
      guard let id = token["id"]?.integer, id >= 0 else {
        throw TokenizerError.missingField(path: path, field: "added_tokens")
      }
      return .init(added: try AddedToken(token, "added_tokens", path: path), id: id, path: path)
    }
  }
}
