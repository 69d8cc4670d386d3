internal import ClozeCore
internal import ClozeText

/// A rolling hash of the n-grams of token ids: h = Σ T[x_i] b^(n-1-i) modulo 2^64, with a random 64-bit number T for
/// each token. The hash of the next n-gram takes one multiplication.
///
/// A document of fewer than n tokens is one n-gram, and differs from every longer text. So short documents with equal
/// tokens are found too.
///
/// Two different n-grams share a hash with a probability below 2^-56: b - 1 has two factors of 2, and a power's exponent
/// below 64 adds at most five.
///
/// Source: Karp and Rabin 1987, "Efficient randomized pattern-matching algorithms"; random numbers in the place of
/// letters as in Lemire and Kaser 2010, "Recursive n-gram hashing is pairwise independent, at best", section 4.
struct NGramHash: Sendable {
  /// n, 2...64.
  let length: Int
  /// T, by token id.
  private let entering: [UInt64]
  /// T b^n, by token id.
  private let leaving: [UInt64]

  /// b.
  private static let base: UInt64 = 0xD134_2543_DE82_EF95

  init(length: Int, vocabularySize: Int) {
    precondition((2...64).contains(length), "NGramHash: n-grams of \(length) tokens")
    self.length = length
    var random = CounterRandom(seed: 0, purpose: .survey)
    entering = (0..<vocabularySize).map { _ in random.next() }
    let power = (0..<length).reduce(UInt64(1)) { power, _ in power &* NGramHash.base }
    leaving = entering.map { $0 &* power }
  }

  /// Calls `body` with the n-grams of a document's tokens that begin in `starts`, in order: first position, number of
  /// tokens, and hash.
  @inline(__always)
  func forEach(
    in tokens: UnsafeBufferPointer<TokenID>, starts: Range<Int>,
    _ body: (_ start: Int, _ count: Int, _ hash: UInt64) -> Void
  ) {
    guard tokens.count >= length else {
      guard starts.contains(0), !tokens.isEmpty else { return }
      // The length and a factor of its own make it differ from longer n-grams.
      let hash = tokens.reduce(UInt64(tokens.count)) { $0 &* NGramHash.base &+ entering[Int($1)] }
      return body(0, tokens.count, hash &* 0x9FB2_1C65_1E98_DF25)
    }
    let first = max(starts.lowerBound, 0)
    let last = min(starts.upperBound, tokens.count - length + 1) - 1
    guard first <= last else { return }
    entering.withUnsafeBufferPointer { entering in
      leaving.withUnsafeBufferPointer { leaving in
        var hash: UInt64 = 0
        for i in first..<first + length { hash = hash &* NGramHash.base &+ entering[Int(tokens[i])] }
        body(first, length, hash)
        var start = first
        while start < last {
          hash =
            hash &* NGramHash.base &+ entering[Int(tokens[start + length])] &- leaving[Int(tokens[start])]
          start += 1
          body(start, length, hash)
        }
      }
    }
  }
}

/// Counts the occurrences of each n-gram of a fixed set.
///
/// Nearly all n-grams of a long text are not in the set. A table with a bit for each hash, which stays in the cache,
/// rejects them before the set is searched.
struct NGramCounts {
  private var counts: [UInt32]
  private var hashes: [UInt64]
  private var filter: [UInt64]
  private let slotShift: UInt64
  private let filterShift: UInt64

  /// - Parameter count: the most n-grams that will be inserted.
  init(capacity count: Int) {
    var slotBits: UInt64 = 4
    while 1 << slotBits < 2 * count { slotBits += 1 }
    slotShift = 64 - slotBits
    filterShift = slotShift - 3
    hashes = Array(repeating: 0, count: 1 << slotBits)
    counts = Array(repeating: 0, count: 1 << slotBits)
    filter = Array(repeating: 0, count: 1 << (slotBits + 3 - 6))
  }

  /// Inserts an n-gram into the set.
  mutating func insert(_ hash: UInt64) {
    let mixed = NGramCounts.mix(hash)
    filter[Int(mixed >> (filterShift + 6))] |= 1 << (mixed >> filterShift & 63)
    hashes[slot(of: mixed)] = mixed
  }

  /// Counts an n-gram if it is in the set.
  @inline(__always)
  mutating func count(_ hash: UInt64) {
    let mixed = NGramCounts.mix(hash)
    guard filter[Int(mixed >> (filterShift + 6))] >> (mixed >> filterShift & 63) & 1 == 1 else { return }
    countSlowly(mixed)
  }

  @inline(never)
  private mutating func countSlowly(_ mixed: UInt64) {
    let slot = slot(of: mixed)
    if hashes[slot] == mixed, counts[slot] < .max { counts[slot] += 1 }
  }

  /// The count of an n-gram of the set.
  subscript(hash: UInt64) -> Int {
    Int(counts[slot(of: NGramCounts.mix(hash))])
  }

  /// The slot of the n-gram, or the empty slot in which it belongs.
  private func slot(of mixed: UInt64) -> Int {
    var slot = Int(mixed >> slotShift)
    while hashes[slot] != 0, hashes[slot] != mixed { slot = (slot + 1) & (hashes.count - 1) }
    return slot
  }

  /// The upper bits decide the slot. 0 means an empty slot, so a hash of 0 becomes 1.
  @inline(__always)
  private static func mix(_ hash: UInt64) -> UInt64 { max(hash &* 0x9E37_79B9_7F4A_7C15, 1) }
}
