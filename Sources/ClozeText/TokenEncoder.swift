/// Counts over the texts that an encoder has encoded.
package struct TokenCounts: Hashable, Codable, Sendable {
  /// Words before they are split into pieces; a punctuation mark or a Chinese character is a word.
  package var words = 0
  /// Token ids emitted.
  package var tokens = 0
  /// Words that the vocabulary cannot spell.
  package var unknownTokens = 0
  /// Pieces that continue a word.
  package var continuationPieces = 0
  /// Occurrences of the letters of special tokens that were read as ordinary text.
  package var literalSpecials = 0
  /// Byte sequences that are not UTF-8.
  package var invalidSequences = 0

  package init(words: Int = 0) { self.words = words }

  package static func += (left: inout TokenCounts, right: TokenCounts) {
    left.words += right.words
    left.tokens += right.tokens
    left.unknownTokens += right.unknownTokens
    left.continuationPieces += right.continuationPieces
    left.literalSpecials += right.literalSpecials
    left.invalidSequences += right.invalidSequences
  }

  package static func - (left: TokenCounts, right: TokenCounts) -> TokenCounts {
    var difference = left
    difference.words -= right.words
    difference.tokens -= right.tokens
    difference.unknownTokens -= right.unknownTokens
    difference.continuationPieces -= right.continuationPieces
    difference.literalSpecials -= right.literalSpecials
    difference.invalidSequences -= right.invalidSequences
    return difference
  }
}

/// Turns text into token ids, one text after another.
///
/// An encoder caches the pieces of words, so each thread keeps one. The ids of a text do not depend on earlier texts.
package struct TokenEncoder: Sendable {
  private var splitter: WordSplitter
  private var addedTokens: AddedTokenSplitter?
  private var pieces: PieceSink
  private let lowercases: Bool

  /// - Parameters:
  ///   - tokenizer: the vocabulary and the normalization.
  ///   - specials: how the letters of `[MASK]` and the like are read in the text; `.literal` for a corpus.
  package init(_ tokenizer: Tokenizer, specials: SpecialTokenHandling = .literal) {
    splitter = WordSplitter(tokenizer.normalizer, longestWord: tokenizer.longestWord)
    lowercases = tokenizer.normalizer.lowercases
    addedTokens = AddedTokenSplitter(tokenizer, specials: specials)
    pieces = PieceSink(tokenizer, specials: specials)
  }

  /// Counts over all texts so far.
  package var counts: TokenCounts { pieces.counts }
  /// The loss over all texts so far, or since the last `takeLoss`.
  package var loss: TextLoss { pieces.loss }

  /// Returns `loss` and resets it.
  package mutating func takeLoss() -> TextLoss {
    defer { pieces.loss = TextLoss() }
    return pieces.loss
  }

  /// Appends the ids of `utf8` to `ids`. Invalid UTF-8 is read as U+FFFD, which cleaning drops.
  package mutating func encode(_ utf8: UnsafeBufferPointer<UInt8>, into ids: inout [TokenID]) {
    // The sink owns the array during the call, so no id is copied.
    swap(&ids, &pieces.output)
    let before = pieces.output.count
    if addedTokens == nil {
      splitter.split(utf8, into: &pieces)
    } else {
      addedTokens?.split(utf8, into: &pieces)
    }
    if lowercases { pieces.loss.add(losingCase: TokenEncoder.asciiCapitals(utf8)) }
    pieces.counts.tokens += pieces.output.count - before
    swap(&ids, &pieces.output)
  }

  /// The capitals A to Z, which the splitter does not count because it reads them eight at a time.
  private static func asciiCapitals(_ utf8: UnsafeBufferPointer<UInt8>) -> Int {
    utf8.reduce(0) { $0 &+ ($1 &- UInt8(ascii: "A") < 26 ? 1 : 0) }
  }

  /// The ids of `text`.
  package mutating func encode(_ text: String) -> [TokenID] {
    var ids: [TokenID] = []
    var text = text
    text.withUTF8 { encode($0, into: &ids) }
    return ids
  }
}

/// WordPiece with a cache: splits each word greedily into the longest pieces from the left, and stores the result.
///
/// Source: Wu et al. 2016, "Google's Neural Machine Translation System", section 4.1, arXiv:1609.08144; the greedy
/// longest match is that of BERT's `tokenization.py`.
private struct PieceSink: TokenSink {
  /// In bytes. Longer words are not cached, since they seldom occur twice.
  private static let longestCachedWord = 48
  /// The most words in the cache, some 15 MB. A full cache is emptied, which changes no result.
  private static let cacheCapacity = 1 << 18

  /// The pieces of a cached word.
  private struct Span {
    /// The id, if the word is one piece; otherwise the index of its first id in `ids`.
    let value: UInt32
    let count: UInt16
    let isUnknown: Bool
  }

  var output: [TokenID] = []
  var counts = TokenCounts()
  var loss = TextLoss()

  private let trie: PieceTrie
  private let specialIDs: [TokenID]
  private let unknown: TokenID
  private let specials: SpecialTokenHandling
  private var words = WordTable(minimumCapacity: 1 << 14)
  private var spans: [Span] = []
  private var ids: [TokenID] = []

  init(_ tokenizer: Tokenizer, specials: SpecialTokenHandling) {
    trie = tokenizer.trie
    specialIDs = tokenizer.vocabulary.specials.ids
    unknown = tokenizer.vocabulary.specials.unknown
    self.specials = specials
  }

  @inline(__always)
  mutating func receive(word: WordKey, scalarCount: Int) {
    counts.words += 1
    loss.add(characters: scalarCount)
    if let number = words.find(word) {
      emit(spans[number], of: word)
    } else {
      receive(new: word)
    }
  }

  mutating func receive(partOfLongWord part: WordKey, scalarCount: Int, place: LongWordPlace) {
    loss.add(characters: scalarCount)
    loss.add(tooLong: scalarCount)
    loss.add(unknown: part.bytes)
    guard place.wordLength != nil else { return }
    counts.words += 1
    counts.unknownTokens += 1
    output.append(unknown)
  }

  mutating func receive(losingMarks scalar: UInt32) { loss.add(losingMarks: scalar) }
  mutating func receiveLostCase() { loss.add(losingCase: 1) }

  mutating func receive(special: Int) -> Bool {
    switch specials {
    case .recognized:
      output.append(specialIDs[special])
      return true
    case .literal:
      counts.literalSpecials += 1
      return false
    }
  }

  mutating func receive(added: TokenID) {
    counts.words += 1
    output.append(added)
  }

  mutating func receiveInvalidSequence() { counts.invalidSequences += 1 }

  @inline(__always)
  private mutating func emit(_ span: Span, of word: WordKey) {
    if span.count == 1 {
      output.append(TokenID(bitPattern: span.value))
    } else {
      for index in Int(span.value)..<Int(span.value) + Int(span.count) { output.append(ids[index]) }
    }
    counts.continuationPieces += Int(span.count) - 1
    if span.isUnknown { countUnknown(word) }
  }

  @inline(never)
  private mutating func countUnknown(_ word: WordKey) {
    counts.unknownTokens += 1
    loss.add(unknown: word.bytes)
  }

  @inline(never)
  private mutating func receive(new word: WordKey) {
    if words.count == PieceSink.cacheCapacity {
      words.removeAll()
      spans.removeAll(keepingCapacity: true)
      ids.removeAll(keepingCapacity: true)
    }
    let start = ids.count
    let isKnown = appendPieces(of: word.bytes)
    if !isKnown {
      ids.removeSubrange(start...)
      ids.append(unknown)
    }
    let count = ids.count - start
    if word.bytes.count <= PieceSink.longestCachedWord {
      let value = count == 1 ? UInt32(bitPattern: ids[start]) : UInt32(start)
      let span = Span(value: value, count: UInt16(count), isUnknown: !isKnown)
      emit(span, of: word)
      _ = words.append(word)
      spans.append(span)
      if count == 1 { ids.removeSubrange(start...) }
    } else {
      output += ids[start...]
      counts.continuationPieces += count - 1
      if !isKnown { countUnknown(word) }
      ids.removeSubrange(start...)
    }
  }

  /// Appends the pieces of `word` to `ids`; false if the vocabulary cannot spell it.
  private mutating func appendPieces(of word: UnsafeBufferPointer<UInt8>) -> Bool {
    var root = PieceTrie.beginning
    var offset = 0
    while offset < word.count {
      guard let piece = trie.longestPiece(word, from: offset, root: root) else { return false }
      ids.append(piece.id)
      offset = piece.end
      guard offset < word.count else { break }
      guard let continuation = trie.continuation else { return false }
      root = continuation
    }
    return true
  }
}
