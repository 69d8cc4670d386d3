internal import ClozeCore

/// Confidence intervals: how much scores vary over data like these.
///
/// Of 1,000 resamples, an interval leaves out the 25 lowest and the 25 highest. The resampled items are independent of
/// each other: windows and not tokens, sentences and not words.
///
/// Source: Efron 1979, "Bootstrap methods: another look at the jackknife"; percentile intervals over clusters.
enum Bootstrap {
  private static let resamples = 1000
  private static let outside = 25

  /// The 95 % interval of each score.
  ///
  /// - Parameters:
  ///   - itemCount: the number of items, and of draws with replacement.
  ///   - scoreCount: the number of scores of a resample.
  ///   - scores: computes the scores of the drawn items; nil if they have none.
  static func intervals(
    itemCount: Int, scoreCount: Int, scores: (_ drawn: [Int]) -> [Double]?
  ) -> [ClosedRange<Double>] {
    var found = [[Double]](repeating: [], count: scoreCount)
    var random = CounterRandom(seed: 0, purpose: .bootstrap)
    var drawn = [Int](repeating: 0, count: itemCount)
    for _ in 0..<resamples where itemCount > 0 {
      for index in drawn.indices { drawn[index] = random.below(itemCount) }
      guard let values = scores(drawn) else { continue }
      for (index, value) in values.enumerated() { found[index].append(value) }
    }
    return found.map(interval)
  }

  private static func interval(_ values: [Double]) -> ClosedRange<Double> {
    guard !values.isEmpty else { return 0...1 }
    let sorted = values.sorted()
    let cut = sorted.count * outside / resamples
    return sorted[cut]...sorted[sorted.count - 1 - cut]
  }
}
