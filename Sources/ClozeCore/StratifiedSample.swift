/// A frozen sample of numbered items, spread over all of them.
///
/// The items 0 ..< total are cut into `count` strata of equal size, to within one item, and one item is drawn from each.
/// So every part of the whole is in the sample in proportion, in whatever order the parts come, and the sample is a
/// function of the two numbers and the seed alone.
///
/// Source: Cochran 1977, "Sampling Techniques", chapter 5 (one unit a stratum).
package enum StratifiedSample {
  /// - Parameter count: items to draw; all where there are no more than that.
  /// - Returns: ascending, without repetition.
  package static func draw(_ count: Int, of total: Int, seed: UInt64) -> [Int] {
    precondition(count >= 0 && total >= 0, "StratifiedSample: \(count) of \(total)")
    guard count > 0, count < total else { return count == 0 ? [] : Array(0..<total) }
    let (size, larger) = total.quotientAndRemainder(dividingBy: count)
    return (0..<count).map { stratum in
      var random = CounterRandom(seed: seed, purpose: .evaluationSample, index: stratum)
      // The first `larger` strata have one item more.
      let first = stratum * size + min(stratum, larger)
      return first + random.below(stratum < larger ? size + 1 : size)
    }
  }
}
