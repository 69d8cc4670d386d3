/// Counts the words of a text of any length in bounded memory.
///
/// Words are those of `Tokenizer`: same normalization, same boundaries. Words of more than 100 characters, which are
/// unknown to a tokenizer with BERT's longest word, are counted in parts of 100 in a table of their own. Thai, Lao,
/// Khmer and Burmese, which have no spaces between words, need a tokenizer that reads them; `longestWord` computes the
/// limit.
///
/// Memory: at most `capacity` distinct words and 16 x `capacity` bytes of them, with the table less than 64 x
/// `capacity` bytes (256 MB at the default), and as much again while the table grows or is pruned; the same for the
/// parts of long words. When a limit is reached, the rarest words are dropped: all whose count is at most the smallest
/// t that frees half of the room. If these are nearly all words, a sample of them is kept. The count of a word is then
/// too low by at most the sum of these t, which is `undercount`.
///
/// Source: Manku and Motwani 2002, "Approximate frequency counts over data streams", section 4.2 (lossy counting); here
/// the threshold rises when a limit is reached, and not periodically.
///
/// The counts are the same for any number of workers if each fixed block of the text has its own `WordCounts` and these
/// are merged in the order of the blocks. As long as nothing is pruned, any division and any order gives the same
/// counts.
package struct WordCounts: Sendable {
  package let normalizer: TextNormalizer
  /// The most distinct words to keep.
  package let capacity: Int

  private var splitter: WordSplitter
  private var sink: CountingSink

  /// - Parameters:
  ///   - normalizer: the normalization of the tokenizer to make.
  ///   - capacity: the most distinct words to keep.
  package init(_ normalizer: TextNormalizer, capacity: Int = 1 << 22) {
    precondition(capacity > 1 && capacity <= 1 << 27, "WordCounts: capacity \(capacity) is not in 2 ... 2^27")
    self.normalizer = normalizer
    self.capacity = capacity
    splitter = WordSplitter(normalizer, longestWord: Tokenizer.standardLongestWord)
    sink = CountingSink(capacity: capacity)
  }

  /// The number of distinct words of at most 100 characters in the table.
  package var distinctCount: Int { sink.words.table.count }
  /// The number of words counted.
  package var totalCount: Int { sink.totalCount }
  /// The most by which the count of a word may be too low; 0 if nothing was pruned.
  package var undercount: Int { max(sink.words.undercount, sink.parts.undercount) }
  /// How often the text contains the letters of a special token such as `[MASK]`.
  package var literalSpecialCount: Int { sink.literalSpecialCount }

  /// Counts the words of `utf8`. The end of `utf8` ends a word.
  package mutating func add(_ utf8: UnsafeBufferPointer<UInt8>) {
    splitter.split(utf8, into: &sink)
  }

  /// Counts the words of `text`.
  package mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add($0) }
  }

  /// Adds the counts of another counter with the same normalizer.
  package mutating func merge(_ other: WordCounts) {
    precondition(normalizer == other.normalizer, "WordCounts.merge: the normalizers differ")
    sink.merge(other.sink)
  }

  /// The count of `word`, which is normalized.
  package func count(of word: String) -> Int {
    sink.words.table.find(word).map { sink.words.counts[$0] } ?? 0
  }

  /// The longest word, in characters, for a tokenizer of this text: BERT's 100. If more than 1 in 200 characters are in
  /// words of more than 100: the least 100 x 2^k such that at most 1 in 1,000 characters are in longer words.
  package var longestWord: Int {
    var length = Tokenizer.standardLongestWord
    var longer = sink.longWordCharacters.reduce(0, +)
    guard 200 * longer > sink.characterCount else { return length }
    for characters in sink.longWordCharacters where 1000 * longer > sink.characterCount {
      length *= 2
      longer -= characters
    }
    return length
  }

  /// Calls `body` with every word in the table and its count, in the order of first occurrence.
  /// - Parameter longestWord: the tokenizer's; longer words are left out. If it is above 100, the parts of words of
  ///   more than 100 characters follow the words. A part that is not the first of its word begins with "##", which no
  ///   word does, since "#" is a word by itself.
  package func visitWords(
    longestWord: Int = Tokenizer.standardLongestWord,
    _ body: (_ word: UnsafeBufferPointer<UInt8>, _ count: Int) throws -> Void
  ) rethrows {
    let tables = longestWord > Tokenizer.standardLongestWord ? [sink.words, sink.parts] : [sink.words]
    for words in tables {
      for (number, count) in words.counts.enumerated() {
        try words.table.withBytes(of: number) { word in
          if word.count > longestWord, WordCounts.scalarCount(word) > longestWord, tables.count == 1 {
            return
          }
          try body(word, count)
        }
      }
    }
  }

  private static func scalarCount(_ utf8: UnsafeBufferPointer<UInt8>) -> Int {
    utf8.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) }
  }
}

private struct CountingSink: WordSink {
  var words: CountedWords
  /// Parts of words that are too long for `words`.
  var parts: CountedWords
  var totalCount = 0
  var characterCount = 0
  /// Element k: the characters in words of more than 100 x 2^k and at most 100 x 2^(k + 1) characters.
  var longWordCharacters = [Int](repeating: 0, count: CountingSink.longWordClasses)
  var literalSpecialCount = 0
  /// Buffer for the bytes of a part, after "##" if it is not the first.
  private var part: [UInt8] = []

  /// Classes up to words of 100 x 2^13 characters, the longest word that a tokenizer may have.
  private static let longWordClasses = 13

  init(capacity: Int) {
    words = CountedWords(capacity: capacity)
    parts = words
  }

  @inline(__always)
  mutating func receive(word: WordKey, scalarCount: Int) {
    totalCount += 1
    characterCount += scalarCount
    words.add(word, 1)
  }

  mutating func receive(partOfLongWord part: WordKey, scalarCount: Int, place: LongWordPlace) {
    characterCount += scalarCount
    self.part.removeAll(keepingCapacity: true)
    if !place.isFirst { self.part += Array(Vocabulary.continuationPrefix.utf8) }
    self.part += part.bytes
    self.part.withUnsafeBufferPointer { parts.add(WordKey($0), 1) }
    guard let length = place.wordLength else { return }
    totalCount += 1
    var bound = 2 * Tokenizer.standardLongestWord
    for index in longWordCharacters.indices {
      if length <= bound {
        longWordCharacters[index] += length
        return
      }
      bound *= 2
    }
  }

  mutating func receive(losingMarks scalar: UInt32) {}
  mutating func receiveLostCase() {}

  mutating func receive(special: Int) -> Bool {
    literalSpecialCount += 1
    return false
  }

  mutating func receiveInvalidSequence() {}

  mutating func merge(_ other: CountingSink) {
    words.merge(other.words)
    parts.merge(other.parts)
    totalCount += other.totalCount
    characterCount += other.characterCount
    for (index, count) in other.longWordCharacters.enumerated() { longWordCharacters[index] += count }
    literalSpecialCount += other.literalSpecialCount
  }
}

/// A table of words and counts that drops the rarest words when it is full.
private struct CountedWords {
  /// The mean length of a word, in bytes, for which the memory limit is computed.
  private static let bytesPerWord = 16

  private let capacity: Int
  private(set) var table = WordTable()
  /// By the number of the word. 64 bits, since a corpus may contain a word more than 2^32 times.
  private(set) var counts: [Int] = []
  private(set) var undercount = 0

  init(capacity: Int) { self.capacity = capacity }

  @inline(__always)
  mutating func add(_ word: WordKey, _ count: Int) {
    if let number = table.find(word) {
      counts[number] += count
    } else {
      _ = table.append(word)
      counts.append(count)
      if table.count > capacity || table.byteCount > CountedWords.bytesPerWord * capacity { prune() }
    }
  }

  mutating func merge(_ other: CountedWords) {
    for (number, count) in other.counts.enumerated() {
      other.table.withBytes(of: number) { add(WordKey($0), count) }
    }
    undercount += other.undercount
  }

  /// Drops the rarest words, so that half of the room is free.
  @inline(never)
  private mutating func prune() {
    let order = counts.indices.sorted { counts[$0] > counts[$1] }
    var room = Room(count: capacity / 2, bytes: CountedWords.bytesPerWord * capacity / 2)
    let last = order.first { !room.take(byteCount(of: $0)) }
    // Words of equal count are kept or dropped together, so the order in which they occurred decides nothing.
    let threshold = last.map { counts[$0] } ?? 0
    var kept = counts.indices.filter { counts[$0] > threshold }
    if kept.count < capacity / 4, kept.reduce(0, { $0 + byteCount(of: $1) }) < 4 * capacity {
      kept = sample(of: threshold, beside: kept)
    }
    var keptWords = WordTable()
    for number in kept { table.withBytes(of: number) { _ = keptWords.insert($0) } }
    counts = kept.map { counts[$0] }
    table = keptWords
    undercount += threshold
  }

  /// The words of a higher count, and those words of this count whose hash is below a bound that leaves half of the
  /// room free.
  ///
  /// If nearly all words occur once, like the parts of sentences without spaces, pruning by count would keep almost
  /// nothing. The hash is a function of the word alone, so after any number of prunings the words are a sample of the
  /// whole text.
  private func sample(of count: Int, beside kept: [Int]) -> [Int] {
    var bound = UInt64(1) << 32
    while bound > 0 {
      var room = Room(count: capacity / 2, bytes: CountedWords.bytesPerWord * capacity / 2)
      let numbers = counts.indices.filter { number in
        counts[number] > count
          || counts[number] == count && table.withBytes(of: number) { UInt64(WordKey($0).hash) < bound }
      }
      if numbers.allSatisfy({ room.take(byteCount(of: $0)) }) { return numbers }
      bound /= 2
    }
    return kept
  }

  private func byteCount(of number: Int) -> Int { table.withBytes(of: number) { $0.count } }

  /// The room that is left while words are kept.
  private struct Room {
    var count: Int
    var bytes: Int

    /// - Returns: whether there was room for one more word of this many bytes.
    mutating func take(_ byteCount: Int) -> Bool {
      count -= 1
      bytes -= byteCount
      return count >= 0 && bytes >= 0
    }
  }
}
