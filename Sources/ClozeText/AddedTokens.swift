/// A token that was added to a tokenizer: text that spells it is the token, and is not cut into words.
///
/// Source: `AddedToken` and `AddedVocabulary` of Hugging Face's `tokenizers`, whose names for the fields are in brackets.
package struct AddedToken: Hashable, Sendable {
  package let text: String
  package let id: TokenID
  /// Whether the vocabulary has it as a piece of words, too.
  package var isPiece = false
  /// Whether it stands for no text of its own [special].
  package var isSpecial = false
  /// Whether it is looked for in the normalized text, itself normalized, and not in the raw one [normalized].
  package var isNormalized = false
  /// Whether it must not touch a letter, digit or underscore on either side [single_word].
  package var isWholeWord = false
  /// Whether it takes the white space before it along [lstrip], or after it [rstrip]. BERT's words have none, so no id
  /// depends on these.
  package var takesSpaceBefore = false
  package var takesSpaceAfter = false

  package init(text: String, id: TokenID) {
    self.text = text
    self.id = id
  }

  /// Whether it is one of the five special tokens, found as `SpecialTokenMatcher` finds them.
  var isStandard: Bool { SpecialTokens.texts.contains(text) && !isNormalized && !isWholeWord }
}

/// Finds added tokens in text: the leftmost first, of those the longest, and no two that overlap.
struct AddedTokenMatcher: Sendable {
  private let trie: PieceTrie
  private let wholeWords: Set<TokenID>
  private let beginnings: Set<UInt8>

  /// Nil where no token has a spelling.
  init?(_ tokens: [(spelling: String, token: AddedToken)]) {
    let tokens = tokens.filter { !$0.spelling.isEmpty }
    guard !tokens.isEmpty else { return nil }
    trie = PieceTrie(tokens.map { ($0.token.id, $0.spelling) })
    wholeWords = Set(tokens.filter { $0.token.isWholeWord }.map(\.token.id))
    beginnings = Set(tokens.compactMap { $0.spelling.utf8.first })
  }

  /// Gives the tokens in `utf8` and the text between them, in order.
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
      // A match that does not stand alone is passed over whole, as the reference does.
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

/// Takes words and added tokens as an `AddedTokenSplitter` finds them.
protocol TokenSink: WordSink {
  mutating func receive(added: TokenID)
}

/// A `WordSplitter` for tokenizers with added tokens: they are taken out of the raw text, then out of the normalized text
/// between those, and what is left is split into words.
struct AddedTokenSplitter: Sendable {
  private let raw: AddedTokenMatcher?
  private let normalized: AddedTokenMatcher?
  private var table: NormalizationTable
  private var splitter: WordSplitter
  /// Splits text that is normalized already.
  private var plainSplitter: WordSplitter

  /// Nil where the tokenizer has no added tokens but the five special ones.
  ///
  /// - Parameter specials: of the five; a corpus's other added tokens are found in any case.
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

  /// Gives every word and every added token of `utf8` to `sink`, in order.
  mutating func split<Sink: TokenSink>(_ utf8: UnsafeBufferPointer<UInt8>, into sink: inout Sink) {
    guard let raw else { return splitText(utf8, into: &sink) }
    raw.split(utf8, text: { splitText($0, into: &sink) }, token: { sink.receive(added: $0) })
  }

  private mutating func splitText<Sink: TokenSink>(_ utf8: UnsafeBufferPointer<UInt8>, into sink: inout Sink)
  {
    guard let normalized else { return splitter.split(utf8, into: &sink) }
    table.normalize(utf8, invalid: { sink.receiveInvalidSequence() }).withUnsafeBufferPointer {
      normalized.split(
        $0, text: { plainSplitter.split($0, into: &sink) }, token: { sink.receive(added: $0) })
    }
  }
}

extension NormalizationTable {
  fileprivate mutating func normalize(_ text: String) -> [UInt8] {
    var text = text
    return text.withUTF8 { normalize($0, invalid: {}) }
  }

  /// The normalized text.
  fileprivate mutating func normalize(_ utf8: UnsafeBufferPointer<UInt8>, invalid: () -> Void) -> [UInt8] {
    var result: [UInt8] = []
    func append(_ value: UInt32) {
      result += String(Unicode.Scalar(value).map { Character($0) } ?? "\u{FFFD}").utf8
    }
    var offset = 0
    while offset < utf8.count {
      let step = UTF8Decoding.step(utf8, at: offset)
      if !step.isValid { invalid() }
      let entry = entry(step.scalar)
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
