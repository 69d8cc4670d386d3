internal import ClozeCore
package import Foundation

// Reading a tokenizer as Hugging Face's libraries write it: `tokenizer.json`, or `vocab.txt` with
// `tokenizer_config.json`. What Cloze does not have is refused by its name, never read as something near to it.

extension Tokenizer {
  /// Reads a tokenizer from a folder, a `tokenizer.json` or a `vocab.txt`.
  ///
  /// - Parameters:
  ///   - url: a folder that holds one of the files, or the file itself.
  ///   - lowercases: for a `vocab.txt` that has no `tokenizer_config.json` beside it: whether text is lower-cased.
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
    if file.pathExtension == "json" {
      self = try TokenizerFile(file).tokenizer()
      if let configured = configuration?.lowercases, configured != normalizer.lowercases {
        throw TokenizerError.contradiction(
          path: file.path, setting: "normalizer.lowercase", other: "do_lower_case of tokenizer_config.json")
      }
    } else {
      guard let lowercases = configuration?.lowercases ?? lowercases else {
        throw TokenizerError.unknownCase(path: file.path)
      }
      self.init(
        vocabulary: try Vocabulary(tokens: Tokenizer.lines(of: file), source: file.path),
        normalizer: TextNormalizer(
          lowercases: lowercases, stripsAccents: configuration?.stripsAccents,
          isolatesChineseCharacters: configuration?.isolatesChineseCharacters ?? true))
    }
  }

  /// The lines of a `vocab.txt`. Only line feeds end a line: a token may be any other white space.
  private static func lines(of file: URL) throws -> [String] {
    let bytes = try Data(textFile: file)
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines.map { String(decoding: $0.last == UInt8(ascii: "\r") ? $0.dropLast() : $0, as: UTF8.self) }
  }
}

/// The settings in `tokenizer_config.json` that change a BERT tokenizer's ids.
private struct TokenizerConfiguration {
  var lowercases: Bool?
  var stripsAccents: Bool?
  var isolatesChineseCharacters: Bool?

  /// Nil where `tokenizer_config.json` is not beside `file`.
  init?(beside file: URL) throws {
    let url = file.deletingLastPathComponent().appendingPathComponent("tokenizer_config.json")
    guard FileManager.default.fileExists(atPath: url.path) else { return nil }
    let json = try JSONValue(file: url)
    guard case .object = json else {
      throw TokenizerError.malformed(path: url.path, reason: "is not a JSON object")
    }
    if let kind = try json.optional("tokenizer_class", path: url.path, \.string) {
      let kinds = ["BertTokenizer", "BertTokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend"]
      guard kinds.contains(kind) else {
        throw TokenizerError.unsupportedKind(
          path: url.path, part: "tokenizer_class", kind: kind, supported: "BertTokenizer")
      }
    }
    lowercases = try json.optional("do_lower_case", path: url.path, \.boolean)
    stripsAccents = try json.optional("strip_accents", path: url.path, \.boolean)
    isolatesChineseCharacters = try json.optional("tokenize_chinese_chars", path: url.path, \.boolean)
  }
}

/// A `tokenizer.json`, checked part by part.
private struct TokenizerFile {
  private let path: String
  private let json: JSONValue

  init(_ url: URL) throws {
    path = url.path
    json = try JSONValue(file: url)
  }

  func tokenizer() throws -> Tokenizer {
    let normalizer = try normalizer()
    _ = try part("pre_tokenizer", kind: "BertPreTokenizer")
    try checkOptionalPart("post_processor", kinds: ["TemplateProcessing", "BertProcessing"])
    try checkOptionalPart("decoder", kinds: ["WordPiece"])
    let vocabulary = try vocabulary()
    try checkAddedTokens(vocabulary)
    for name in ["truncation", "padding"] {
      if let value = json[name], !value.isNull {
        throw TokenizerError.unsupportedSetting(path: path, setting: name, value: "set", supported: "null")
      }
    }
    return Tokenizer(vocabulary: vocabulary, normalizer: normalizer)
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

  /// A part that a file may lack: Cloze puts `[CLS]` and `[SEP]` around ids and joins pieces in its own way, which is
  /// that of these kinds. Any other kind belongs to another tokenizer.
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

  private func vocabulary() throws -> Vocabulary {
    let model = try part("model", kind: "WordPiece")
    try check(model["unk_token"]?.string, "model.unk_token", is: "[UNK]")
    try check(
      model["continuing_subword_prefix"]?.string, "model.continuing_subword_prefix",
      is: Vocabulary.continuationPrefix)
    try check(
      model["max_input_chars_per_word"]?.integer.map(String.init), "model.max_input_chars_per_word",
      is: String(WordSplitter.longestWord))
    // Nothing of a WordPiece model, but other models have it, and it makes ids random.
    if let dropout = model["dropout"], !dropout.isNull {
      throw TokenizerError.unsupportedSetting(
        path: path, setting: "model.dropout", value: dropout.number.map { "\($0)" } ?? "set",
        supported: "null")
    }
    guard case .object(let members)? = model["vocab"] else {
      throw TokenizerError.missingField(path: path, field: "model.vocab")
    }
    var tokens = [String?](repeating: nil, count: members.count)
    for (token, value) in members {
      guard let id = value.integer else {
        throw TokenizerError.missingField(path: path, field: "model.vocab.\(token)")
      }
      // An id beyond the count leaves a gap below it, which is found there.
      if tokens.indices.contains(id) { tokens[id] = token }
    }
    let numbered = try tokens.enumerated().map { id, token in
      guard let token else { throw TokenizerError.sparseIDs(path: path, id: id, count: members.count) }
      return token
    }
    return try Vocabulary(tokens: numbered, source: path)
  }

  private func check(_ value: String?, _ setting: String, is supported: String) throws {
    guard let value else { throw TokenizerError.missingField(path: path, field: setting) }
    guard value == supported else {
      throw TokenizerError.unsupportedSetting(
        path: path, setting: setting, value: value, supported: supported)
    }
  }

  /// Added tokens are found in raw text. Cloze finds the five special ones, spelled exactly so.
  private func checkAddedTokens(_ vocabulary: Vocabulary) throws {
    guard let list = json["added_tokens"] else { return }
    guard case .array(let added) = list else {
      throw TokenizerError.missingField(path: path, field: "added_tokens")
    }
    for token in added {
      guard let content = token["content"]?.string, let id = token["id"]?.integer else {
        throw TokenizerError.missingField(path: path, field: "added_tokens")
      }
      guard SpecialTokens.texts.contains(content) else {
        throw TokenizerError.unsupportedKind(
          path: path, part: "added token", kind: content,
          supported: SpecialTokens.texts.joined(separator: " "))
      }
      guard vocabulary.id(of: content) == TokenID(exactly: id) else {
        throw TokenizerError.contradiction(
          path: path, setting: "added_tokens: \(content)", other: "its id in model.vocab")
      }
      for name in ["single_word", "lstrip", "rstrip", "normalized"]
      where try token.optional(name, of: "added_tokens: \(content): ", path: path, \.boolean) == true {
        throw TokenizerError.unsupportedSetting(
          path: path, setting: "added_tokens: \(content): \(name)", value: "true", supported: "false")
      }
    }
  }
}

extension JSONValue {
  /// What `key` says; nil where it is absent or null. A value of another type is not taken for an absent one.
  fileprivate func optional<Value>(
    _ key: String, of part: String = "", path: String, _ read: (JSONValue) -> Value?
  ) throws -> Value? {
    guard let value = self[key], !value.isNull else { return nil }
    guard let read = read(value) else {
      throw TokenizerError.missingField(path: path, field: part + key)
    }
    return read
  }

  /// - Throws: `FileError`, `TokenizerError`
  fileprivate init(file url: URL) throws {
    let bytes = [UInt8](try Data(textFile: url))
    do {
      self = try JSONValue(bytes)
    } catch let error as JSONSyntaxError {
      throw TokenizerError.malformed(path: url.path, reason: "\(error.reason) at byte \(error.offset)")
    }
  }
}
