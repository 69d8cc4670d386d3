/// A fixed random sample of numbered items, spread over all of them.
///
/// The items 0 ..< total are divided into `count` strata of equal size, up to one item, and one item is drawn from
/// each. So every part is represented in proportion, whatever the order, and the sample is a function of the two
/// numbers and the seed alone.
///
/// Source: Cochran 1977, "Sampling Techniques", chapter 5 (one unit a stratum).
package enum StratifiedSample {
  /// - Parameter count: the number of items to draw; all if there are not more.
  /// - Returns: ascending, without repetition.
  package static func draw(_ count: Int, of total: Int, seed: UInt64) -> [Int] {
    precondition(count >= 0 && total >= 0, "StratifiedSample: \(count) of \(total)")
    guard count > 0, count < total else { return count == 0 ? [] : Array(0..<total) }
    let (size, larger) = total.quotientAndRemainder(dividingBy: count)
    return (0..<count).map { stratum in
      var random = CounterRandom(seed: seed, purpose: .evaluationSample, index: stratum)
      // The first `larger` strata have one more item.
      let first = stratum * size + min(stratum, larger)
      return first + random.below(stratum < larger ? size + 1 : size)
    }
  }
}
