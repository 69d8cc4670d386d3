internal import ClozeCore

/// Confidence intervals: how much scores vary over data like these.
///
/// Of 1,000 resamples, an interval leaves out the 25 lowest and the 25 highest. The resampled items are independent of
/// each other: windows and not tokens, sentences and not words.
///
/// Source: Efron 1979, "Bootstrap methods: another look at the jackknife"; percentile intervals over clusters.
package enum Bootstrap {
  private static let outside = 25

  /// The resamples of a number of items: for each, as many draws with replacement as there are items.
  package struct Resamples: Sequence, IteratorProtocol {
    package static let standardCount = 1000

    private let itemCount: Int
    private var remaining: Int
    private var random = CounterRandom(seed: 0, purpose: .bootstrap)

    /// - Parameter itemCount: no items have no resamples.
    package init(itemCount: Int) {
      self.itemCount = itemCount
      remaining = itemCount > 0 ? Self.standardCount : 0
    }

    /// The indices of the items drawn.
    package mutating func next() -> [Int]? {
      guard remaining > 0 else { return nil }
      remaining -= 1
      return (0..<itemCount).map { _ in random.below(itemCount) }
    }
  }

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
    for drawn in Resamples(itemCount: itemCount) {
      guard let values = scores(drawn) else { continue }
      for (index, value) in values.enumerated() { found[index].append(value) }
    }
    return found.map(interval)
  }

  /// The 95 % interval of a score.
  /// - Parameter values: the score of each resample.
  package static func interval(_ values: [Double]) -> ClosedRange<Double> {
    guard !values.isEmpty else { return 0...1 }
    let sorted = values.sorted()
    let cut = sorted.count * outside / Resamples.standardCount
    return sorted[cut]...sorted[sorted.count - 1 - cut]
  }
}
