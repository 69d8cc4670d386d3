internal import ClozeCore
internal import Foundation

/// The settings in the files beside a tokenizer that change its ids: `tokenizer_config.json`, and from older versions
/// `special_tokens_map.json`, `added_tokens.json` and the model's `config.json`.
struct TokenizerConfiguration {
  /// An added token that has no id in the vocabulary yet.
  struct Token {
    var added: AddedToken
    /// The id that the file states; nil if it states none.
    var id: Int?
    let path: String
  }

  /// Whether the folder has a `tokenizer_config.json`.
  private(set) var isThere = false
  private(set) var lowercases: Bool?
  /// Added tokens with their ids, the five special ones included.
  private var tokens: [Token] = []
  /// Special tokens besides the five. They are added if no list of added tokens contains them.
  private var specials: [Token] = []
  private var stripsAccents: Bool?
  private var isolatesChineseCharacters: Bool?
  private var cleansText: Bool?
  /// Whether the normalization in `tokenizer.json` is ignored in favour of the settings here, with BERT's defaults for
  /// missing ones. `transformers` does so for BERT's class, which it also uses for a BERT folder that names no class.
  private(set) var decidesNormalization = false

  /// BERT's class and those that equal it under another name, without the suffix `Fast`.
  private static let classes = [
    "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer", "SqueezeBertTokenizer",
    "ConvBertTokenizer", "LayoutLMTokenizer",
  ]
  /// Classes for which `tokenizer.json` counts.
  private static let generalClasses = ["PreTrainedTokenizer", "TokenizersBackend"]
  private static let specialKeys = ["pad_token", "unk_token", "cls_token", "sep_token", "mask_token"]

  /// - Throws: `TokenizerError`, `FileError`
  init(beside file: URL) throws {
    func beside(_ name: String) throws -> (json: JSONValue, path: String)? {
      let url = file.deletingLastPathComponent().appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: url.path) else { return nil }
      let json = try JSONValue(file: url)
      guard case .object = json else {
        throw TokenizerError.malformed(path: url.path, reason: "is not a JSON object")
      }
      return (json, url.path)
    }
    let model = try beside("config.json")?.json
    var kind = model?["tokenizer_class"]?.string
    var statesTokens = false
    if let (json, path) = try beside("tokenizer_config.json") {
      isThere = true
      kind = try json.optional("tokenizer_class", path: path, \.string) ?? kind
      lowercases = try json.optional("do_lower_case", path: path, \.boolean)
      stripsAccents = try json.optional("strip_accents", path: path, \.boolean)
      isolatesChineseCharacters = try json.optional("tokenize_chinese_chars", path: path, \.boolean)
      cleansText = try json.optional("clean_text", path: path, \.boolean)
      statesTokens = try readTokens(json, path)
      try check(kind, path)
    }
    decidesNormalization = kind.map(Self.isBERT) ?? (model?["model_type"]?.string == "bert")
    // If the configuration lists the added tokens, the older files are ignored.
    guard !statesTokens else { return }
    if let (json, path) = try beside("special_tokens_map.json") { _ = try readTokens(json, path) }
    if case .object(let members)?? = try beside("added_tokens.json").map(\.json) {
      let path = file.deletingLastPathComponent().appendingPathComponent("added_tokens.json").path
      for (text, value) in members {
        guard let id = value.integer, id >= 0 else {
          throw TokenizerError.missingField(path: path, field: text)
        }
        let isSpecial = SpecialTokens.texts.contains(text) || specials.contains { $0.added.text == text }
        var token = AddedToken(text: text, id: 0)
        (token.isSpecial, token.isNormalized) = (isSpecial, !isSpecial)
        tokens.append(Token(added: token, id: id, path: path))
      }
    }
  }

  private static func isBERT(_ kind: String) -> Bool {
    classes.contains(kind.hasSuffix("Fast") ? String(kind.dropLast(4)) : kind)
  }

  private func check(_ kind: String?, _ path: String) throws {
    guard let kind, !Self.isBERT(kind) else { return }
    guard Self.generalClasses.contains(kind.hasSuffix("Fast") ? String(kind.dropLast(4)) : kind) else {
      throw TokenizerError.unsupportedKind(
        path: path, part: "tokenizer_class", kind: kind, supported: "BertTokenizer")
    }
  }

  /// BERT's normalization with these settings.
  func normalizer(lowercases: Bool) -> TextNormalizer {
    TextNormalizer(
      lowercases: lowercases, stripsAccents: stripsAccents, cleansText: cleansText ?? true,
      isolatesChineseCharacters: isolatesChineseCharacters ?? true)
  }

  // MARK: Tokens

  /// - Returns: whether the file lists the added tokens with their ids.
  private mutating func readTokens(_ json: JSONValue, _ path: String) throws -> Bool {
    for (key, text) in zip(Self.specialKeys, SpecialTokens.texts) {
      guard let value = json[key], !value.isNull else { continue }
      guard let found = value.string ?? value["content"]?.string else {
        throw TokenizerError.missingField(path: path, field: key)
      }
      guard found == text else {
        throw TokenizerError.unsupportedSetting(path: path, setting: key, value: found, supported: text)
      }
    }
    for key in ["additional_special_tokens", "extra_special_tokens"] {
      let values: [JSONValue]
      switch json[key] {
      case nil, .null: continue
      case .array(let list): values = list
      case .object(let members): values = members.map(\.value)
      default: throw TokenizerError.missingField(path: path, field: key)
      }
      for value in values {
        var token = try AddedToken(value, key, path: path)
        token.isSpecial = true
        specials.append(Token(added: token, id: nil, path: path))
      }
    }
    guard let list = json["added_tokens_decoder"], !list.isNull else { return false }
    guard case .object(let members) = list else {
      throw TokenizerError.missingField(path: path, field: "added_tokens_decoder")
    }
    for (key, value) in members {
      guard let id = Int(key), (0...Vocabulary.maximumCount).contains(id) else {
        throw TokenizerError.missingField(path: path, field: "added_tokens_decoder.\(key)")
      }
      tokens.append(
        Token(added: try AddedToken(value, "added_tokens_decoder", path: path), id: id, path: path))
    }
    return true
  }

  /// The tokens that `tokenizer.json` lists together with those here; the ones here override equal ones of the file.
  func addedTokens(beside file: [Token]) -> [Token] {
    func same(_ left: Token, _ right: Token) -> Bool {
      left.added.text.utf8.elementsEqual(right.added.text.utf8)
    }
    var all = file
    for token in tokens {
      if let index = all.firstIndex(where: { same($0, token) }) {
        all[index] = token
      } else {
        all.append(token)
      }
    }
    for token in specials where !all.contains(where: { same($0, token) }) { all.append(token) }
    return all
  }
}

extension AddedToken {
  /// Reads a token as `tokenizers` writes it, or its text alone, which means a special token.
  init(_ json: JSONValue, _ list: String, path: String) throws {
    if let text = json.string {
      self.init(text: text, id: 0)
      isSpecial = true
      return
    }
    guard let text = json["content"]?.string, !text.isEmpty else {
      throw TokenizerError.missingField(path: path, field: list)
    }
    func flag(_ name: String) throws -> Bool? {
      try json.optional(name, of: "\(list): \(text): ", path: path, \.boolean)
    }
    self.init(text: text, id: 0)
    isSpecial = try flag("special") ?? false
    isNormalized = try flag("normalized") ?? !isSpecial
    isWholeWord = try flag("single_word") ?? false
    takesSpaceBefore = try flag("lstrip") ?? false
    takesSpaceAfter = try flag("rstrip") ?? false
  }
}

extension Vocabulary {
  /// A vocabulary of a model's pieces and its added tokens. An added token that is also a piece keeps the piece's id;
  /// one without an id gets the next free one.
  ///
  /// - Throws: `TokenizerError`, `VocabularyError`
  init(pieces: [(text: String, id: Int)], added: [TokenizerConfiguration.Token], source: String) throws {
    if let (text, _) = (pieces.map { ($0.text, $0.id) } + added.map { ($0.added.text, $0.id ?? 0) })
      .first(where: { !(0..<Vocabulary.maximumCount).contains($0.1) })
    {
      throw TokenizerError.malformed(
        path: source, reason: "gives '\(text)' an id beyond 0 to \(Vocabulary.maximumCount - 1)")
    }
    var numbers: [[UInt8]: Int] = [:]
    let spellings = Set(added.map { Array($0.added.text.utf8) })
    for (text, id) in pieces {
      let spelling = Array(text.utf8)
      if spellings.contains(spelling) { numbers[spelling] = id }
    }
    let newCount = added.count { numbers[Array($0.added.text.utf8)] == nil }
    var tokens = [String?](repeating: nil, count: pieces.count + newCount)
    // An id beyond the count leaves a gap below it, which is refused below.
    for (text, id) in pieces where tokens.indices.contains(id) { tokens[id] = text }
    var found: [AddedToken] = []
    var next = (pieces.map(\.id) + added.compactMap(\.id)).max().map { $0 + 1 } ?? 0
    for token in added {
      let text = token.added.text
      let number = numbers[Array(text.utf8)]
      let id = number ?? token.id ?? next
      guard token.id ?? id == id, number != nil || !tokens.indices.contains(id) || tokens[id] == nil else {
        throw TokenizerError.contradiction(
          path: token.path, setting: "added_tokens: \(text)", other: "its id in model.vocab")
      }
      if number == nil, token.id == nil { next += 1 }
      if tokens.indices.contains(id) { tokens[id] = text }
      guard !token.added.isStandard else { continue }
      var added = AddedToken(text: text, id: TokenID(clamping: id))
      (added.isPiece, added.isSpecial) = (number != nil, token.added.isSpecial)
      (added.isNormalized, added.isWholeWord) = (token.added.isNormalized, token.added.isWholeWord)
      (added.takesSpaceBefore, added.takesSpaceAfter) =
        (token.added.takesSpaceBefore, token.added.takesSpaceAfter)
      found.append(added)
    }
    let numbered = try tokens.enumerated().map { id, token in
      guard let token else { throw TokenizerError.sparseIDs(path: source, id: id, count: tokens.count) }
      return token
    }
    try self.init(tokens: numbered, added: found, source: source)
  }
}

extension JSONValue {
  /// The value of `key`; nil if it is absent or null. A value of another type is an error.
  func optional<Value>(
    _ key: String, of part: String = "", path: String, _ read: (JSONValue) -> Value?
  ) throws -> Value? {
    guard let value = self[key], !value.isNull else { return nil }
    guard let read = read(value) else {
      throw TokenizerError.missingField(path: path, field: part + key)
    }
    return read
  }

  /// - Throws: `FileError`, `TokenizerError`
  init(file url: URL) throws {
    let bytes = [UInt8](try Data(textFile: url))
    do {
      self = try JSONValue(bytes)
    } catch let error as JSONSyntaxError {
      throw TokenizerError.malformed(path: url.path, reason: "\(error.reason) at byte \(error.offset)")
    }
  }
}
