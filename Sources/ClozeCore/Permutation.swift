/// A random permutation of 0 ..< count as a function: any position is computed at once, without a table.
///
/// A four-round Feistel network permutes 0 ..< 4^k, the smallest such range that contains 0 ..< count. A value outside
/// is permuted again until it is inside, which keeps the map one to one.
///
/// Source: Black and Rogaway 2002, "Ciphers with arbitrary finite domains" (cycle walking).
package struct Permutation: Sendable {
  package let count: Int
  private let halfBits: UInt64
  private let roundKeys: [UInt64]

  package init(count: Int, random: CounterRandom) {
    precondition(count > 0, "Permutation: count \(count) is not positive")
    self.count = count
    var halfBits: UInt64 = 1
    while UInt64(1) << (2 * halfBits) < UInt64(count) { halfBits += 1 }
    self.halfBits = halfBits
    var random = random
    self.roundKeys = (0..<4).map { _ in random.next() }
  }

  /// The value at position `index`.
  package subscript(index: Int) -> Int {
    precondition(index >= 0 && index < count, "Permutation: index \(index) is outside 0 ..< \(count)")
    let mask = (UInt64(1) << halfBits) - 1
    var value = UInt64(index)
    repeat {
      var left = value >> halfBits
      var right = value & mask
      for key in roundKeys {
        (left, right) = (right, left ^ (Permutation.scramble(right ^ key) & mask))
      }
      value = left << halfBits | right
    } while value >= UInt64(count)
    return Int(value)
  }

  /// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): every input bit reaches every output bit.
  private static func scramble(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
