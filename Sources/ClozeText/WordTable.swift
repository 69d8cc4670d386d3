/// Numbers distinct byte strings in the order in which they first come: 0, 1, 2, ...
///
/// Open addressing with linear probing over raw bytes, because words are compared by their bytes (Swift's `String`
/// finds two spellings of "é" equal, a vocabulary does not) and because a lookup must allocate nothing. A slot holds
/// 32 bits of the hash beside the number, so that a probe reads the bytes of a word only where it will match.
///
/// Memory: the bytes, and 4 + 8 + 16 bytes a word at most twice over while growing.
package struct WordTable: Sendable {
  /// Hash bits above, number + 1 below; 0 is empty.
  private var slots: [UInt64]
  private var hashes: [UInt32] = []
  private var ends: [UInt32] = []
  private var bytes: [UInt8] = []
  private var mask: Int

  package init(minimumCapacity: Int = 512) {
    var size = 1024
    while size < 2 * minimumCapacity { size *= 2 }
    slots = [UInt64](repeating: 0, count: size)
    mask = size - 1
  }

  /// How many distinct strings there are.
  package var count: Int { ends.count }
  /// How many bytes they have together.
  package var byteCount: Int { bytes.count }

  /// The number of `word`, nil where it was never inserted.
  package func find(_ word: UnsafeBufferPointer<UInt8>) -> Int? {
    find(word, hash: WordTable.hash(word))
  }

  /// The number of `text`'s UTF-8 bytes.
  package func find(_ text: String) -> Int? {
    var text = text
    return text.withUTF8 { find($0) }
  }

  @inline(__always)
  func find(_ word: UnsafeBufferPointer<UInt8>, hash: UInt32) -> Int? {
    slots.withUnsafeBufferPointer { slots in
      var slot = Int(hash) & mask
      while true {
        let entry = slots[slot]
        if entry == 0 { return nil }
        if UInt32(truncatingIfNeeded: entry >> 32) == hash {
          let number = Int(UInt32(truncatingIfNeeded: entry)) - 1
          if equals(number, word) { return number }
        }
        slot = (slot + 1) & mask
      }
    }
  }

  /// The number of `word`, which is `count` before the call where the word is new.
  package mutating func insert(_ word: UnsafeBufferPointer<UInt8>) -> Int {
    let hash = WordTable.hash(word)
    return find(word, hash: hash) ?? append(word, hash: hash)
  }

  /// Adds a word that is known to be new.
  mutating func append(_ word: UnsafeBufferPointer<UInt8>, hash: UInt32) -> Int {
    if 2 * (count + 1) > slots.count { grow() }
    bytes.append(contentsOf: word)
    ends.append(UInt32(bytes.count))
    hashes.append(hash)
    place(hash, number: count - 1)
    return count - 1
  }

  /// Calls `body` with the bytes of string `number`.
  package func withBytes<Result>(
    of number: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
  ) rethrows -> Result {
    try bytes.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[range(of: number)])) }
  }

  /// Forgets every string and keeps the memory.
  mutating func removeAll() {
    for slot in slots.indices { slots[slot] = 0 }
    hashes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    bytes.removeAll(keepingCapacity: true)
  }

  @inline(__always)
  private func range(of number: Int) -> Range<Int> {
    (number == 0 ? 0 : Int(ends[number - 1]))..<Int(ends[number])
  }

  @inline(__always)
  private func equals(_ number: Int, _ word: UnsafeBufferPointer<UInt8>) -> Bool {
    let range = range(of: number)
    guard range.count == word.count else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
      var offset = 0
      while offset < word.count {
        if bytes[range.lowerBound + offset] != word[offset] { return false }
        offset += 1
      }
      return true
    }
  }

  private mutating func place(_ hash: UInt32, number: Int) {
    var slot = Int(hash) & mask
    while slots[slot] != 0 { slot = (slot + 1) & mask }
    slots[slot] = UInt64(hash) << 32 | UInt64(number + 1)
  }

  private mutating func grow() {
    slots = [UInt64](repeating: 0, count: 2 * slots.count)
    mask = slots.count - 1
    for (number, hash) in hashes.enumerated() { place(hash, number: number) }
  }

  /// Multiplies eight bytes at a time into 128 bits and folds them; the last bytes are read with at most two
  /// overlapping loads, because most words are shorter than eight bytes.
  @inline(__always)
  static func hash(_ word: UnsafeBufferPointer<UInt8>) -> UInt32 {
    let raw = UnsafeRawBufferPointer(word)
    var state = UInt64(raw.count) &* 0x9E37_79B9_7F4A_7C15
    var offset = 0
    while offset + 8 <= raw.count {
      state = fold(state ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
      offset += 8
    }
    let remaining = raw.count - offset
    if remaining >= 4 {
      let low = UInt64(raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      let high = UInt64(raw.loadUnaligned(fromByteOffset: raw.count - 4, as: UInt32.self))
      state ^= low | high << 32
    } else if remaining > 0 {
      state ^=
        UInt64(raw[offset]) | UInt64(raw[offset + remaining / 2]) << 8 | UInt64(raw[raw.count - 1]) << 16
    }
    return UInt32(truncatingIfNeeded: fold(state))
  }

  @inline(__always)
  private static func fold(_ value: UInt64) -> UInt64 {
    let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
  }
}
