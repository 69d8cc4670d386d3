/// The purpose of a random draw. Each purpose has its own streams, so more draws for one never change another.
package enum RandomPurpose: UInt32, Sendable {
  case initialWeights = 1
  case order
  case windowOffset
  case masking
  case dropout
  case evaluationMasking
  case bootstrap
  case validationSplit
  case survey
  case evaluationSample
  case approximateRandomization
  case wordDropout
  case corruption
  case sampling
  case labelSubset
  case pieceDropout
  case pairNoise
  case replacement
  case proposal
}

/// A counter-based random generator: the words of a stream are a pure function of (seed, purpose, epoch, index) and of
/// the position in the stream. No state is stored between streams.
///
/// A stream is cheap to make, so code makes one where it needs one: for a sample, a step, a tensor. A checkpoint
/// contains no generator state; every stream can be made again from the run's cursor.
///
/// Source: Salmon, Moraes, Dror and Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox4x32-10).
package struct CounterRandom: RandomNumberGenerator, Sendable {
  package typealias Block = (UInt32, UInt32, UInt32, UInt32)

  /// The two key words, computed from seed, purpose and epoch.
  package let key: (UInt32, UInt32)
  /// The upper two counter words, which select the stream.
  package let index: UInt64

  private var position: UInt64 = 0
  private var spare: UInt64?

  /// - Parameters:
  ///   - seed: the run's seed.
  ///   - purpose: the purpose of the draws.
  ///   - epoch: the pass over the data; 0 if there is none.
  ///   - index: the sample, step or tensor within the epoch.
  package init(seed: UInt64, purpose: RandomPurpose, epoch: Int = 0, index: Int = 0) {
    // One Philox block turns the three words into a key: nearby seeds and epochs give unrelated keys.
    let mixed = CounterRandom.block(
      counter: (
        UInt32(truncatingIfNeeded: epoch), UInt32(truncatingIfNeeded: epoch >> 32), purpose.rawValue,
        0x436C_6F7A
      ),
      key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
    self.key = (mixed.0, mixed.1)
    self.index = UInt64(bitPattern: Int64(index))
  }

  /// The `position`-th block of this stream: four independent uniform 32-bit words.
  package func block(at position: UInt64) -> Block {
    CounterRandom.block(
      counter: (
        UInt32(truncatingIfNeeded: position), UInt32(truncatingIfNeeded: position >> 32),
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32)
      ), key: key)
  }

  /// A uniform number in [0, 1) from the `position`-th block, with 53 random bits. It does not advance the stream.
  package func uniform(at position: Int) -> Double {
    let words = block(at: UInt64(position))
    return Double((UInt64(words.0) | UInt64(words.1) << 32) >> 11) * 0x1p-53
  }

  /// The next 64 uniform bits of the stream.
  package mutating func next() -> UInt64 {
    if let word = spare {
      spare = nil
      return word
    }
    let words = block(at: position)
    position += 1
    spare = UInt64(words.2) | UInt64(words.3) << 32
    return UInt64(words.0) | UInt64(words.1) << 32
  }

  /// A uniform number in [0, 1), with 53 random bits.
  package mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// A uniform whole number in 0 ..< bound, without bias.
  ///
  /// Source: Lemire 2019, "Fast random integer generation in an interval", algorithm 5.
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "CounterRandom.below: bound \(bound) is not positive")
    let range = UInt64(bound)
    var product = next().multipliedFullWidth(by: range)
    if product.low < range {
      let threshold = (0 &- range) % range
      while product.low < threshold { product = next().multipliedFullWidth(by: range) }
    }
    return Int(product.high)
  }

  /// Philox4x32-10: ten rounds of multiply, swap and xor.
  package static func block(counter: Block, key: (UInt32, UInt32)) -> Block {
    var (c0, c1, c2, c3) = counter
    var (k0, k1) = key
    for _ in 0..<10 {
      let first = UInt64(c0) &* 0xD251_1F53
      let second = UInt64(c2) &* 0xCD9E_8D57
      (c0, c1, c2, c3) = (
        UInt32(truncatingIfNeeded: second >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: second),
        UInt32(truncatingIfNeeded: first >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: first)
      )
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }
}
