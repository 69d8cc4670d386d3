/// Learns a WordPiece vocabulary from word counts, by byte-pair merging over characters.
///
/// It starts from single characters, each in the forms that it has been seen in: `x` at the beginning of a word and
/// `##x` inside. Then it joins, again and again, the two neighbouring pieces that stand side by side most often,
///
///     (a, b) = argmax over pairs of  sum over words w of  count(w) * occurrences of (a, b) in w,
///
/// until the vocabulary is full or no pair comes `minimumFrequency` times. Ties go to the pair with the lower ids.
/// The words are put in the order of their bytes first, so the result is a function of the counts alone.
///
/// Time: near to linear in the text of the distinct words. The pairs wait in a heap; a merge touches only the words
/// that hold the pair, and a count that has fallen since it was put in the heap is corrected when it comes up.
///
/// Source: Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2,
/// arXiv:1508.07909; with BERT's "##", as Hugging Face's `WordPieceTrainer` does it.
package struct VocabularyTrainer: Sendable {
  /// How many tokens the vocabulary shall have, the special ones among them. It has fewer where the text is too poor.
  package var size: Int
  /// The most distinct characters that are kept, the most frequent ones; a word with any other is left out, since
  /// the tokenizer will call it unknown. The default leaves half of 8,192 tokens for pieces of words;
  /// lists of the characters in common use in modern Chinese hold 3,500.
  package var alphabetLimit: Int
  /// The least count at which a pair becomes a piece.
  package var minimumFrequency: Int

  package init(size: Int, alphabetLimit: Int = 4000, minimumFrequency: Int = 2) {
    precondition(
      size > SpecialTokens.texts.count, "VocabularyTrainer: size \(size) leaves no room for pieces")
    precondition(alphabetLimit > 0, "VocabularyTrainer: alphabetLimit \(alphabetLimit) is not positive")
    precondition(
      minimumFrequency > 0, "VocabularyTrainer: minimumFrequency \(minimumFrequency) is not positive")
    self.size = size
    self.alphabetLimit = alphabetLimit
    self.minimumFrequency = minimumFrequency
  }

  /// The vocabulary: the special tokens, the characters in the order of their bytes, then the pieces in the order in
  /// which they were joined.
  /// - Throws: nothing that depends on the text; `VocabularyError` is `Vocabulary`'s own.
  package func train(_ counts: WordCounts) throws -> Vocabulary {
    let words = TrainingWord.sorted(counts)
    let alphabet = alphabet(of: words)
    var pieces = PieceTable(SpecialTokens.texts + alphabet)
    var merges = MergeState(words, pieces)
    while pieces.count < size, let pair = merges.popMostFrequent(minimumFrequency: minimumFrequency) {
      // Two pairs may spell one piece: a + ##bc and ab + ##c.
      let merged = pieces.join(pair.left, pair.right)
      merges.merge(pair, into: merged)
    }
    return try Vocabulary(tokens: pieces.texts)
  }

  /// The forms of the characters that are kept, in the order of their bytes.
  private func alphabet(of words: [TrainingWord]) -> [String] {
    var counts: [Unicode.Scalar: (total: Int, first: Int, inside: Int)] = [:]
    for word in words {
      for (index, scalar) in word.scalars.enumerated() {
        counts[scalar, default: (0, 0, 0)].total += word.count
        if index == 0 {
          counts[scalar, default: (0, 0, 0)].first += word.count
        } else {
          counts[scalar, default: (0, 0, 0)].inside += word.count
        }
      }
    }
    let ranked = counts.sorted { ($1.value.total, $0.key.value) < ($0.value.total, $1.key.value) }
    func forms(
      _ characters: some Sequence<(key: Unicode.Scalar, value: (total: Int, first: Int, inside: Int))>
    )
      -> [String]
    {
      characters.flatMap { scalar, count in
        (count.first > 0 ? [String(scalar)] : [])
          + (count.inside > 0 ? [Vocabulary.continuationPrefix + String(scalar)] : [])
      }
    }
    let room = size - SpecialTokens.texts.count
    var kept = forms(ranked.prefix(alphabetLimit))
    if kept.count > room / 2 {
      // Room is short: characters that came once would take the place of pieces that come often.
      kept = forms(ranked.prefix(alphabetLimit).filter { $0.value.total > 1 })
    }
    // The forms are still in the order of their characters' counts, so the rarest go.
    return kept.prefix(room).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

/// A distinct word and how often it comes.
private struct TrainingWord {
  let text: String
  let count: Int

  var scalars: String.UnicodeScalarView { text.unicodeScalars }

  static func sorted(_ counts: WordCounts) -> [TrainingWord] {
    var words: [TrainingWord] = []
    words.reserveCapacity(counts.distinctCount)
    counts.visitWords { bytes, count in
      words.append(TrainingWord(text: String(decoding: bytes, as: UTF8.self), count: count))
    }
    return words.sorted { $0.text.utf8.lexicographicallyPrecedes($1.text.utf8) }
  }
}

/// The pieces by id, and the ids by bytes.
private struct PieceTable {
  private(set) var texts: [String] = []
  private var numbers = WordTable()

  init(_ pieces: [String]) {
    for piece in pieces { _ = insert(piece) }
  }

  var count: Int { texts.count }

  func id(of piece: String) -> TokenID? { numbers.find(piece).map { TokenID($0) } }

  /// The piece that `left` and `right` spell together.
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

/// Two pieces that stand side by side.
private struct PiecePair: Hashable, Comparable {
  let left: TokenID
  let right: TokenID

  static func < (first: PiecePair, second: PiecePair) -> Bool {
    (first.left, first.right) < (second.left, second.right)
  }
}

/// The words as pieces so far, and the count and the places of every pair.
private struct MergeState {
  private struct Candidate {
    let pair: PiecePair
    let count: Int

    /// Whether the candidate is merged before `other`.
    func precedes(_ other: Candidate) -> Bool {
      count != other.count ? count > other.count : pair < other.pair
    }
  }

  private struct PairInfo {
    var count = 0
    /// The words that hold the pair, or held it.
    var words: [Int32] = []
  }

  /// The pieces of all words one after another; a word's own shrink to the left as they are joined.
  private var pieces: [TokenID] = []
  private var starts: [Int] = []
  private var lengths: [Int] = []
  private var wordCounts: [Int] = []
  private var pairs: [PiecePair: PairInfo] = [:]
  private var heap = Heap<Candidate> { $0.precedes($1) }

  init(_ words: [TrainingWord], _ table: PieceTable) {
    var spellings: [Unicode.Scalar: (first: TokenID?, inside: TokenID?)] = [:]
    for word in words {
      let start = pieces.count
      for scalar in word.scalars {
        let forms =
          spellings[scalar]
          ?? (table.id(of: String(scalar)), table.id(of: Vocabulary.continuationPrefix + String(scalar)))
        spellings[scalar] = forms
        guard let piece = pieces.count == start ? forms.first : forms.inside else {
          pieces.removeSubrange(start...)
          break
        }
        pieces.append(piece)
      }
      guard pieces.count > start + 1 else {
        pieces.removeSubrange(start...)
        continue
      }
      starts.append(start)
      lengths.append(pieces.count - start)
      wordCounts.append(word.count)
    }
    for word in starts.indices {
      for index in starts[word]..<starts[word] + lengths[word] - 1 {
        add(PiecePair(left: pieces[index], right: pieces[index + 1]), word: word)
      }
    }
    for (pair, info) in pairs { heap.push(Candidate(pair: pair, count: info.count)) }
  }

  private mutating func add(_ pair: PiecePair, word: Int) {
    let count = wordCounts[word]
    let place = Int32(word)
    // Handed to a function so that the array in the dictionary grows in place.
    func update(_ info: inout PairInfo) {
      info.count += count
      if info.words.last != place { info.words.append(place) }
    }
    update(&pairs[pair, default: PairInfo()])
  }

  /// The pair to merge next; nil where none comes often enough.
  mutating func popMostFrequent(minimumFrequency: Int) -> PiecePair? {
    while let candidate = heap.pop() {
      guard let count = pairs[candidate.pair]?.count, count >= minimumFrequency else { continue }
      if count == candidate.count { return candidate.pair }
      // Counts only fall while a pair waits, since a pair that gains is new: see `merge`.
      if count < candidate.count { heap.push(Candidate(pair: candidate.pair, count: count)) }
    }
    return nil
  }

  /// Joins `pair` in every word that holds it.
  mutating func merge(_ pair: PiecePair, into merged: TokenID) {
    guard let places = pairs.removeValue(forKey: pair)?.words else { return }
    var gained: Set<PiecePair> = []
    for place in places {
      let word = Int(place)
      let start = starts[word]
      let end = start + lengths[word]
      var read = start
      var write = start
      while read < end {
        if read + 1 < end, pieces[read] == pair.left, pieces[read + 1] == pair.right {
          if write > start {
            remove(PiecePair(left: pieces[write - 1], right: pair.left), word: word)
            let new = PiecePair(left: pieces[write - 1], right: merged)
            add(new, word: word)
            gained.insert(new)
          }
          if read + 2 < end {
            remove(PiecePair(left: pair.right, right: pieces[read + 2]), word: word)
            let new = PiecePair(left: merged, right: pieces[read + 2])
            add(new, word: word)
            gained.insert(new)
          }
          pieces[write] = merged
          read += 2
        } else {
          pieces[write] = pieces[read]
          read += 1
        }
        write += 1
      }
      lengths[word] = write - start
    }
    // A pair may have been in the heap before, where two merges spell one piece: the old entry is then too low, and
    // is passed over when it comes up.
    for pair in gained {
      if let count = pairs[pair]?.count { heap.push(Candidate(pair: pair, count: count)) }
    }
  }

  private mutating func remove(_ pair: PiecePair, word: Int) {
    pairs[pair]?.count -= wordCounts[word]
  }
}

/// A binary heap; the least by `precedes` is on top.
private struct Heap<Element> {
  private var elements: [Element] = []
  private let precedes: (Element, Element) -> Bool

  init(_ precedes: @escaping (Element, Element) -> Bool) { self.precedes = precedes }

  mutating func push(_ element: Element) {
    elements.append(element)
    var child = elements.count - 1
    while child > 0, precedes(elements[child], elements[(child - 1) / 2]) {
      elements.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Element? {
    guard let top = elements.first, let last = elements.popLast() else { return nil }
    guard !elements.isEmpty else { return top }
    elements[0] = last
    var parent = 0
    while true {
      var best = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < elements.count {
        if precedes(elements[child], elements[best]) { best = child }
      }
      if best == parent { return top }
      elements.swapAt(best, parent)
      parent = best
    }
  }
}
