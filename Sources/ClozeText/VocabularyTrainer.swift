/// Trains a WordPiece vocabulary from word counts, by byte-pair merging over characters.
///
/// It starts from single characters in the forms that occur: `x` at the beginning of a word and `##x` inside. Then it
/// repeatedly merges the most frequent pair of neighbouring pieces,
///
///     (a, b) = argmax over pairs of  sum over words w of  count(w) * occurrences of (a, b) in w,
///
/// until the vocabulary is full or no pair occurs `minimumFrequency` times. Of equally frequent pairs the one with the
/// lower ids is merged, and characters get their ids in the order of their bytes. So the result is a function of the
/// counts and not of the order of the words.
///
/// Time: nearly linear in the total length of the distinct words. The pairs are in a heap. A merge visits only the
/// words that contain the pair, and a count in the heap that has become too high is corrected when it is popped.
///
/// Source: Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2,
/// arXiv:1508.07909; with BERT's "##", as Hugging Face's `WordPieceTrainer` does it.
package struct VocabularyTrainer: Sendable {
  /// The sizes that the tools take.
  package static let sizes = 100...1_000_000
  /// The size unless one is asked for.
  package static let standardSize = 8192

  /// The number of tokens, special ones included. The result has fewer if the text does not have enough pairs.
  package var size: Int
  /// The most distinct characters to keep, the most frequent ones. A word with any other character is left out, since
  /// the tokenizer will read it as `[UNK]`. The default leaves half of 8,192 tokens for pieces of words; lists of the
  /// common characters of modern Chinese have 3,500.
  package var alphabetLimit: Int
  /// The least count at which a pair becomes a piece.
  package var minimumFrequency: Int
  /// The longest word of the tokenizer to make; nil for what the text needs (`WordCounts.longestWord`).
  package var longestWord: Int?

  package init(
    size: Int, alphabetLimit: Int = 4000, minimumFrequency: Int = 2, longestWord: Int? = nil
  ) {
    precondition(
      size > SpecialTokens.texts.count, "VocabularyTrainer: size \(size) leaves no room for pieces")
    precondition(alphabetLimit > 0, "VocabularyTrainer: alphabetLimit \(alphabetLimit) is not positive")
    precondition(
      minimumFrequency > 0, "VocabularyTrainer: minimumFrequency \(minimumFrequency) is not positive")
    self.size = size
    self.alphabetLimit = alphabetLimit
    self.minimumFrequency = minimumFrequency
    self.longestWord = longestWord
  }

  /// The vocabulary: the special tokens, the characters in the order of their bytes, then the pieces in the order of
  /// the merges.
  /// - Throws: `VocabularyError`, which no text causes.
  package func train(_ counts: WordCounts) throws -> Vocabulary {
    let longestWord = longestWord ?? counts.longestWord
    let characters = CharacterCounts(counts, longestWord: longestWord)
    var pieces = PieceTable(SpecialTokens.texts + alphabet(characters))
    var merges = PieceMerges()
    var spelling: [TokenID] = []
    let forms = characters.texts.map {
      (first: pieces.id(of: $0), inside: pieces.id(of: Vocabulary.continuationPrefix + $0))
    }
    counts.visitWords(longestWord: longestWord) { word, count in
      spelling.removeAll(keepingCapacity: true)
      let (text, isContinuation) = CharacterCounts.parts(of: word)
      let isSpelled = characters.visit(text) { character in
        let form = forms[character]
        guard let piece = spelling.isEmpty && !isContinuation ? form.first : form.inside else { return false }
        spelling.append(piece)
        return true
      }
      if isSpelled { merges.add(spelling, count: count) }
    }
    merges.begin()
    while pieces.count < size, let pair = merges.popMostFrequent(minimumFrequency: minimumFrequency) {
      // Two pairs may spell the same piece: a + ##bc and ab + ##c.
      let merged = pieces.join(pair.left, pair.right)
      merges.merge(pair, into: merged)
    }
    return try Vocabulary(tokens: pieces.texts)
  }

  /// The forms of the kept characters, in the order of their bytes.
  private func alphabet(_ characters: CharacterCounts) -> [String] {
    let texts = characters.texts
    let ranked = texts.indices.sorted { first, second in
      let (left, right) = (characters.total(first), characters.total(second))
      return left != right
        ? left > right : texts[first].utf8.lexicographicallyPrecedes(texts[second].utf8)
    }
    func forms(_ kept: some Sequence<Int>) -> [String] {
      kept.flatMap { character in
        (characters.first[character] > 0 ? [texts[character]] : [])
          + (characters.inside[character] > 0 ? [Vocabulary.continuationPrefix + texts[character]] : [])
      }
    }
    let room = size - SpecialTokens.texts.count
    var kept = forms(ranked.prefix(alphabetLimit))
    if kept.count > room / 2 {
      // If characters take more than half of the vocabulary, those that occur once are left out for more frequent
      // pieces.
      kept = forms(ranked.prefix(alphabetLimit).filter { characters.total($0) > 1 })
    }
    // The forms are in the order of their characters' counts here, so `prefix` drops the rarest.
    return kept.prefix(room).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

/// The distinct characters of the words, and how often each occurs at the beginning of a word and inside.
private struct CharacterCounts {
  private var numbers = WordTable()
  private(set) var first: [Int] = []
  private(set) var inside: [Int] = []

  init(_ counts: WordCounts, longestWord: Int) {
    counts.visitWords(longestWord: longestWord) { word, count in
      let (word, isContinuation) = CharacterCounts.parts(of: word)
      var offset = 0
      while offset < word.count {
        let character = numbers.insert(CharacterCounts.character(of: word, at: offset))
        if character == first.count {
          first.append(0)
          inside.append(0)
        }
        if offset == 0, !isContinuation { first[character] += count } else { inside[character] += count }
        offset += CharacterCounts.byteCount(word[offset])
      }
    }
  }

  func total(_ character: Int) -> Int { first[character] + inside[character] }

  /// The characters by number.
  var texts: [String] {
    first.indices.map { numbers.withBytes(of: $0) { String(decoding: $0, as: UTF8.self) } }
  }

  /// Calls `body` with the number of each character of `word` until it returns false.
  /// - Returns: whether all calls returned true.
  func visit(_ word: UnsafeBufferPointer<UInt8>, _ body: (Int) -> Bool) -> Bool {
    var offset = 0
    while offset < word.count {
      let bytes = CharacterCounts.character(of: word, at: offset)
      guard let character = numbers.find(bytes), body(character) else { return false }
      offset += bytes.count
    }
    return true
  }

  /// The text of a word or of a part of a long word, and whether it continues an earlier part.
  static func parts(of word: UnsafeBufferPointer<UInt8>) -> (
    text: UnsafeBufferPointer<UInt8>, isContinuation: Bool
  ) {
    let prefix = Vocabulary.continuationPrefix.utf8
    guard word.count > prefix.count, word.starts(with: prefix) else { return (word, false) }
    return (UnsafeBufferPointer(rebasing: word[prefix.count...]), true)
  }

  private static func character(of word: UnsafeBufferPointer<UInt8>, at offset: Int)
    -> UnsafeBufferPointer<UInt8>
  {
    let end = min(word.count, offset + byteCount(word[offset]))
    return UnsafeBufferPointer(rebasing: word[offset..<end])
  }

  /// The length of a character in bytes, from its first byte: the words of a `WordCounts` are valid UTF-8.
  private static func byteCount(_ first: UInt8) -> Int {
    first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
  }
}

/// Maps ids to pieces and pieces to ids.
private struct PieceTable {
  private(set) var texts: [String] = []
  private var numbers = WordTable()

  init(_ pieces: [String]) {
    for piece in pieces { _ = insert(piece) }
  }

  var count: Int { texts.count }

  func id(of piece: String) -> TokenID? { numbers.find(piece).map { TokenID($0) } }

  /// The id of the piece that `left` and `right` spell together.
  mutating func join(_ left: TokenID, _ right: TokenID) -> TokenID {
    let ending = texts[Int(right)].utf8.dropFirst(Vocabulary.continuationPrefix.utf8.count)
    return insert(texts[Int(left)] + String(Substring(ending)))
  }

  private mutating func insert(_ piece: String) -> TokenID {
    var text = piece
    let number = text.withUTF8 { numbers.insert($0) }
    if number == texts.count { texts.append(piece) }
    return TokenID(number)
  }
}
