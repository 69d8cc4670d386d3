/// How often each word comes in a text of any length, in bounded memory.
///
/// Words are those of `Tokenizer`: same normalization, same boundaries. Words of more than 100 characters are left
/// out, because the tokenizer calls them unknown.
///
/// Memory: at most `capacity` distinct words and 16 x `capacity` bytes of them, which with the table around them is
/// less than 64 x `capacity` bytes (256 MB at the default), and as much again for a moment when the table grows or is
/// pruned. When a limit is reached, the rarest words go: all whose count is at most the smallest t that frees half of
/// the room. The count of a word is then too low by at most the sum of these t, which is `undercount`.
///
/// Source: Manku and Motwani 2002, "Approximate frequency counts over data streams", section 4.2 (lossy counting),
/// with a threshold that rises by need and not by the clock.
///
/// Any number of workers gives the same counts if each fixed block of the text has its own `WordCounts` and these are
/// merged in the order of the blocks; while nothing is pruned, every division and every order gives the same.
package struct WordCounts: Sendable {
  package let normalizer: TextNormalizer
  /// The most distinct words that are kept.
  package var capacity: Int { sink.capacity }

  private var splitter: WordSplitter
  private var sink: CountingSink

  /// - Parameters:
  ///   - normalizer: the normalization of the tokenizer that is to be.
  ///   - capacity: the most distinct words to keep.
  package init(_ normalizer: TextNormalizer, capacity: Int = 1 << 22) {
    precondition(capacity > 1 && capacity <= 1 << 27, "WordCounts: capacity \(capacity) is not in 2 ... 2^27")
    self.normalizer = normalizer
    splitter = WordSplitter(normalizer)
    sink = CountingSink(capacity: capacity)
  }

  /// How many distinct words are kept.
  package var distinctCount: Int { sink.words.count }
  /// How many words were met.
  package var totalCount: Int { sink.totalCount }
  /// By how much the count of a word may be too low; 0 while nothing was pruned.
  package var undercount: Int { sink.undercount }
  /// How often the text spelled a special token such as `[MASK]`.
  package var literalSpecialCount: Int { sink.literalSpecialCount }

  /// Counts the words of `utf8`. A word never goes on from one call to the next.
  package mutating func add(_ utf8: UnsafeBufferPointer<UInt8>) {
    splitter.split(utf8, into: &sink)
  }

  /// Counts the words of `text`.
  package mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add($0) }
  }

  /// Adds what another counter, with the same normalizer, has counted.
  package mutating func merge(_ other: WordCounts) {
    precondition(normalizer == other.normalizer, "WordCounts.merge: the normalizers differ")
    sink.merge(other.sink)
  }

  /// How often `word`, which is normalized, was met.
  package func count(of word: String) -> Int {
    sink.words.find(word).map { sink.counts[$0] } ?? 0
  }

  /// Calls `body` with every word that is kept and its count, in the order of their first coming.
  package func visitWords(_ body: (_ word: UnsafeBufferPointer<UInt8>, _ count: Int) throws -> Void) rethrows
  {
    for (number, count) in sink.counts.enumerated() {
      try sink.words.withBytes(of: number) { try body($0, count) }
    }
  }
}

private struct CountingSink: WordSink {
  /// The mean length of a word, in bytes, that the memory is laid out for.
  private static let bytesPerWord = 16

  let capacity: Int
  var words = WordTable()
  /// By the number of the word. 64 bits: a corpus may hold more than 2^32 of one word.
  var counts: [Int] = []
  var totalCount = 0
  var undercount = 0
  var literalSpecialCount = 0

  init(capacity: Int) { self.capacity = capacity }

  @inline(__always)
  mutating func receive(word: WordKey, scalarCount: Int) {
    totalCount += 1
    if scalarCount <= WordSplitter.longestWord { add(word, 1) }
  }

  mutating func receive(special: Int) -> Bool {
    literalSpecialCount += 1
    return false
  }

  mutating func receiveInvalidSequence() {}

  @inline(__always)
  private mutating func add(_ word: WordKey, _ count: Int) {
    if let number = words.find(word) {
      counts[number] += count
    } else {
      _ = words.append(word)
      counts.append(count)
      if words.count > capacity || words.byteCount > CountingSink.bytesPerWord * capacity { prune() }
    }
  }

  mutating func merge(_ other: CountingSink) {
    for (number, count) in other.counts.enumerated() {
      other.words.withBytes(of: number) { add(WordKey($0), count) }
    }
    totalCount += other.totalCount
    undercount += other.undercount
    literalSpecialCount += other.literalSpecialCount
  }

  /// Drops the rarest words until half of the room is free.
  @inline(never)
  private mutating func prune() {
    let order = counts.indices.sorted { counts[$0] > counts[$1] }
    var byteCount = 0
    var threshold = 0
    for (rank, number) in order.enumerated() {
      byteCount += words.withBytes(of: number) { $0.count }
      if rank >= capacity / 2 || byteCount > CountingSink.bytesPerWord * capacity / 2 {
        // Words of equal count stay or go together, so that the order of their coming decides nothing.
        threshold = counts[number]
        break
      }
    }
    var keptWords = WordTable()
    var keptCounts: [Int] = []
    for (number, count) in counts.enumerated() where count > threshold {
      words.withBytes(of: number) { _ = keptWords.insert($0) }
      keptCounts.append(count)
    }
    words = keptWords
    counts = keptCounts
    undercount += threshold
  }
}
