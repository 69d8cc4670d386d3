internal import ClozeCore

/// Fixed values for tests, from one stream of random numbers a seed.
package enum RandomValues {
  /// `count` values with magnitudes in 0.2 ..< 1.2 and either sign: none near 0, where a ReLU bends.
  package static func signed(_ count: Int, seed: Int) -> [Float] {
    var random = stream(seed)
    return (0..<count).map { _ in
      let magnitude = Float(0.2 + random.uniform())
      return random.below(2) == 0 ? magnitude : -magnitude
    }
  }

  /// `count` values in lower ..< upper.
  package static func uniform(_ count: Int, from lower: Double, to upper: Double, seed: Int) -> [Float] {
    var random = stream(seed)
    return (0..<count).map { _ in Float(lower + (upper - lower) * random.uniform()) }
  }

  /// `count` token ids below `bound`.
  package static func tokens(_ count: Int, below bound: Int, seed: Int) -> [Int32] {
    var random = stream(seed)
    return (0..<count).map { _ in Int32(random.below(bound)) }
  }

  private static func stream(_ seed: Int) -> CounterRandom {
    CounterRandom(seed: UInt64(seed), purpose: .bootstrap)
  }
}

/// max |a - b|; infinite where the lengths differ or a value is not a number.
package func greatestDifference(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { greatest, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(greatest, difference)
  }
}
