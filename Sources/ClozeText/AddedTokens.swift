/// A token that was added to a tokenizer. Where the text spells it, the encoder emits the token instead of splitting
/// the text into words.
///
/// Source: `AddedToken` and `AddedVocabulary` of Hugging Face's `tokenizers`, whose names of the fields are in
/// brackets.
package struct AddedToken: Hashable, Sendable {
  package let text: String
  package let id: TokenID
  /// Whether it is also a piece of the vocabulary, with which words are spelled.
  package var isPiece = false
  /// Whether it is a control token that stands for no text, like `[SEP]` [special].
  package var isSpecial = false
  /// Whether it is matched in the normalized text, in its own normalized form; false: in the raw text [normalized].
  package var isNormalized = false
  /// Whether it matches only where no letter, digit or underscore is next to it [single_word].
  package var isWholeWord = false
  /// Whether a match includes the white space before it [lstrip] or after it [rstrip]. White space has no ids in BERT,
  /// so no id depends on these two.
  package var takesSpaceBefore = false
  package var takesSpaceAfter = false

  package init(text: String, id: TokenID) {
    self.text = text
    self.id = id
  }

  /// Whether it is one of the five special tokens with its usual flags, which `SpecialTokenMatcher` finds.
  var isStandard: Bool { SpecialTokens.texts.contains(text) && !isNormalized && !isWholeWord }
}

/// Finds added tokens in text: the leftmost match, the longest of those that begin there, without overlaps.
struct AddedTokenMatcher: Sendable {
  private let trie: PieceTrie
  private let wholeWords: Set<TokenID>
  private let beginnings: Set<UInt8>

  /// nil if no token has a spelling.
  init?(_ tokens: [(spelling: String, token: AddedToken)]) {
    let tokens = tokens.filter { !$0.spelling.isEmpty }
    guard !tokens.isEmpty else { return nil }
    trie = PieceTrie(tokens.map { ($0.token.id, $0.spelling) })
    wholeWords = Set(tokens.filter { $0.token.isWholeWord }.map(\.token.id))
    beginnings = Set(tokens.compactMap { $0.spelling.utf8.first })
  }

  /// Calls `token` for each token in `utf8` and `text` for the text between tokens, in order.
  func split(
    _ utf8: UnsafeBufferPointer<UInt8>, text: (UnsafeBufferPointer<UInt8>) -> Void, token: (TokenID) -> Void
  ) {
    var (start, offset) = (0, 0)
    while offset < utf8.count {
      guard beginnings.contains(utf8[offset]),
        let match = trie.longestPiece(utf8, from: offset, root: PieceTrie.beginning)
      else {
        offset += 1
        continue
      }
      if !wholeWords.contains(match.id) || AddedTokenMatcher.standsAlone(offset..<match.end, in: utf8) {
        if start < offset { text(UnsafeBufferPointer(rebasing: utf8[start..<offset])) }
        token(match.id)
        start = match.end
      }
      // A match that is part of a longer word is skipped as a whole, as `tokenizers` does.
      offset = match.end
    }
    if start < utf8.count { text(UnsafeBufferPointer(rebasing: utf8[start...])) }
  }

  private static func standsAlone(_ range: Range<Int>, in utf8: UnsafeBufferPointer<UInt8>) -> Bool {
    if range.lowerBound > 0 {
      var start = range.lowerBound - 1
      while start > 0, range.lowerBound - start < 4, utf8[start] & 0xC0 == 0x80 { start -= 1 }
      if isWordScalar(UTF8Decoding.step(utf8, at: start).scalar) { return false }
    }
    return range.upperBound == utf8.count
      || !isWordScalar(UTF8Decoding.step(utf8, at: range.upperBound).scalar)
  }

  /// `\w` of Unicode's regular expressions (UTS 18, annex C).
  private static func isWordScalar(_ value: UInt32) -> Bool {
    guard let scalar = Unicode.Scalar(value) else { return false }
    if scalar.properties.isAlphabetic || scalar.properties.isJoinControl { return true }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return false
    }
  }
}

/// Receives words and added tokens from an `AddedTokenSplitter`.
protocol TokenSink: WordSink {
  mutating func receive(added: TokenID)
}

/// A `WordSplitter` for tokenizers with added tokens. It matches tokens in the raw text, then in the normalized text
/// between those matches, and splits the rest into words.
struct AddedTokenSplitter: Sendable {
  private let raw: AddedTokenMatcher?
  private let normalized: AddedTokenMatcher?
  private var table: NormalizationTable
  private var splitter: WordSplitter
  /// For text that is already normalized.
  private var plainSplitter: WordSplitter

  /// nil if the tokenizer has no added tokens besides the five special ones.
  ///
  /// - Parameter specials: how the five special tokens are read; all other added tokens are always matched.
  init?(_ tokenizer: Tokenizer, specials: SpecialTokenHandling) {
    let vocabulary = tokenizer.vocabulary
    guard !vocabulary.added.isEmpty else { return nil }
    var tokens = vocabulary.added
    switch specials {
    case .literal: tokens.removeAll { SpecialTokens.texts.contains($0.text) }
    case .recognized:
      let standard = zip(SpecialTokens.texts, vocabulary.specials.ids).filter { text, _ in
        !tokens.contains { $0.text == text }
      }
      tokens += standard.map { AddedToken(text: $0, id: $1) }
    }
    var table = NormalizationTable(tokenizer.normalizer)
    raw = AddedTokenMatcher(tokens.filter { !$0.isNormalized }.map { ($0.text, $0) })
    normalized = AddedTokenMatcher(
      tokens.filter(\.isNormalized).map { (String(decoding: table.normalize($0.text), as: UTF8.self), $0) })
    self.table = table
    splitter = WordSplitter(tokenizer.normalizer, longestWord: tokenizer.longestWord)
    plainSplitter = WordSplitter(
      TextNormalizer(
        lowercases: false, stripsAccents: false, cleansText: false, isolatesChineseCharacters: false),
      longestWord: tokenizer.longestWord)
  }

  /// Passes every word and every added token of `utf8` to `sink`, in order.
  mutating func split<Sink: TokenSink>(_ utf8: UnsafeBufferPointer<UInt8>, into sink: inout Sink) {
    guard let raw else { return splitText(utf8, into: &sink) }
    raw.split(utf8, text: { splitText($0, into: &sink) }, token: { sink.receive(added: $0) })
  }

  private mutating func splitText<Sink: TokenSink>(_ utf8: UnsafeBufferPointer<UInt8>, into sink: inout Sink)
  {
    guard let normalized else { return splitter.split(utf8, into: &sink) }
    let text = table.normalize(utf8) { step, entry in
      if !step.isValid { sink.receiveInvalidSequence() }
      // ASCII's capitals are counted elsewhere.
      guard step.scalar >= 0x80, entry.isLossy else { return }
      if entry.losesMarks { sink.receive(losingMarks: step.scalar) }
      if entry.losesCase { sink.receiveLostCase() }
    }
    text.withUnsafeBufferPointer {
      normalized.split(
        $0, text: { plainSplitter.split($0, into: &sink) }, token: { sink.receive(added: $0) })
    }
  }
}

extension NormalizationTable {
  fileprivate mutating func normalize(_ text: String) -> [UInt8] {
    var text = text
    return text.withUTF8 { normalize($0) { _, _ in } }
  }

  /// The normalized text; `visit` is called with each scalar and its entry.
  fileprivate mutating func normalize(
    _ utf8: UnsafeBufferPointer<UInt8>, _ visit: (UTF8Decoding.Step, Entry) -> Void
  ) -> [UInt8] {
    var result: [UInt8] = []
    func append(_ value: UInt32) {
      result += String(Unicode.Scalar(value).map { Character($0) } ?? "\u{FFFD}").utf8
    }
    var offset = 0
    while offset < utf8.count {
      let step = UTF8Decoding.step(utf8, at: offset)
      let entry = entry(step.scalar)
      visit(step, entry)
      if let list = entry.list {
        for normalized in lists[list] { append(normalized.scalar.value) }
      } else {
        append(entry.scalar)
      }
      offset += step.byteCount
    }
    return result
  }
}
