/// Numbers distinct byte strings in the order in which they first occur: 0, 1, 2, ...
///
/// A hash table with open addressing and linear probing over raw bytes. Words are compared by their bytes (two Unicode
/// spellings of "é" are equal as Swift's `String`, and different tokens), and a lookup allocates nothing. A slot
/// contains 32 bits of the hash and the number, so a probe reads the bytes of a word only when the hashes are equal.
///
/// Memory: the bytes of the words, and 4 + 8 + 16 bytes a word, at most doubled while the table grows.
package struct WordTable: Sendable {
  /// Upper half: hash; lower half: number + 1. An empty slot is 0.
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

  /// The number of distinct strings.
  package var count: Int { ends.count }
  /// The number of bytes of all strings together.
  package var byteCount: Int { bytes.count }

  /// The number of `word`; nil if it is not in the table.
  package func find(_ word: UnsafeBufferPointer<UInt8>) -> Int? { find(WordKey(word)) }

  /// The number of the UTF-8 bytes of `text`; nil if they are not in the table.
  package func find(_ text: String) -> Int? {
    var text = text
    return text.withUTF8 { find($0) }
  }

  @inline(__always)
  func find(_ word: WordKey) -> Int? {
    slots.withUnsafeBufferPointer { slots in
      var slot = Int(word.hash) & mask
      while true {
        let entry = slots[slot]
        if entry == 0 { return nil }
        if UInt32(truncatingIfNeeded: entry >> 32) == word.hash {
          let number = Int(UInt32(truncatingIfNeeded: entry)) - 1
          if equals(number, word) { return number }
        }
        slot = (slot + 1) & mask
      }
    }
  }

  /// The number of `word`. A new word gets the next number.
  package mutating func insert(_ word: UnsafeBufferPointer<UInt8>) -> Int {
    let key = WordKey(word)
    return find(key) ?? append(key)
  }

  /// Adds a word that is not in the table.
  mutating func append(_ word: WordKey) -> Int {
    if 2 * (count + 1) > slots.count { grow() }
    bytes.append(contentsOf: word.bytes)
    ends.append(UInt32(bytes.count))
    hashes.append(word.hash)
    place(word.hash, number: count - 1)
    return count - 1
  }

  /// Calls `body` with the bytes of string `number`.
  package func withBytes<Result>(
    of number: Int, _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
  ) rethrows -> Result {
    try bytes.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[range(of: number)])) }
  }

  /// Removes every string and keeps the memory.
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
  private func equals(_ number: Int, _ word: WordKey) -> Bool {
    let range = range(of: number)
    guard range.count == word.bytes.count else { return false }
    return bytes.withUnsafeBufferPointer { bytes in
      let stored = UnsafeBufferPointer(rebasing: bytes[range])
      let isPadded = range.lowerBound + 8 <= bytes.count
      let prefix = isPadded ? WordKey.prefix(padded: stored) : WordKey.prefix(stored)
      guard prefix == word.prefix else { return false }
      var offset = 8
      while offset < range.count {
        let start = min(offset, range.count - 8)
        if WordKey.load(stored, start) != WordKey.load(word.bytes, start) { return false }
        offset += 8
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
}

/// A string to look up in a `WordTable`: its bytes with their hash, which is computed once.
///
/// Most words have at most eight bytes. They are loaded as one number, which is hashed and compared without a branch on
/// the length, since the branch predictor cannot foresee the length of the next word.
struct WordKey {
  let bytes: UnsafeBufferPointer<UInt8>
  /// The first eight bytes, padded with zeros if the string is shorter.
  let prefix: UInt64
  let hash: UInt32

  @inline(__always)
  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.init(bytes, prefix: WordKey.prefix(bytes))
  }

  /// - Parameter bytes: at an address from which at least eight bytes may be read, however short the string is.
  @inline(__always)
  init(padded bytes: UnsafeBufferPointer<UInt8>) {
    self.init(bytes, prefix: WordKey.prefix(padded: bytes))
  }

  /// The hash multiplies eight bytes at a time into 128 bits and folds them. The last eight bytes may overlap the
  /// previous ones.
  @inline(__always)
  private init(_ bytes: UnsafeBufferPointer<UInt8>, prefix: UInt64) {
    var state = WordKey.fold(UInt64(bytes.count) &* 0x9E37_79B9_7F4A_7C15 ^ prefix)
    var offset = 8
    while offset < bytes.count {
      state = WordKey.fold(state ^ WordKey.load(bytes, min(offset, bytes.count - 8)))
      offset += 8
    }
    self.bytes = bytes
    self.prefix = prefix
    hash = UInt32(truncatingIfNeeded: state)
  }

  @inline(__always)
  static func prefix(padded bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    load(bytes, 0) & (UInt64.max >> UInt64(64 - 8 * min(8, bytes.count)))
  }

  @inline(__always)
  static func prefix(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    if bytes.count >= 8 { return load(bytes, 0) }
    var prefix: UInt64 = 0
    for (place, byte) in bytes.enumerated() { prefix |= UInt64(byte) << UInt64(8 * place) }
    return prefix
  }

  /// Eight bytes from `offset` on, the first one lowest.
  @inline(__always)
  static func load(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: Int) -> UInt64 {
    guard let base = bytes.baseAddress else { return 0 }
    return UInt64(
      littleEndian: UnsafeRawPointer(base).loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  @inline(__always)
  private static func fold(_ value: UInt64) -> UInt64 {
    let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
    return product.high ^ product.low
  }
}
