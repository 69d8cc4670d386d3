internal import ClozeCore
internal import ClozeText

/// Whether two systems that translated the same sentences differ by more than chance.
///
/// The two tests ask how often a difference as large as the one found comes about where the systems are equally good. The
/// paired bootstrap draws sentences anew, the same for both systems, and looks at how far the difference varies around
/// its mean. Approximate randomisation swaps the two translations of each sentence with probability 1/2.
///
/// Source: Koehn 2004, "Statistical significance tests for machine translation evaluation"; Riezler and Maxwell 2005, "On
/// some pitfalls in automatic evaluation and significance testing for MT"; the p-values are defined as in sacreBLEU 2.6.
package struct SystemComparison: Sendable {
  /// Below this a p-value is significant.
  package static let level = 0.05
  package static let resampleCount = Bootstrap.Resamples.standardCount
  package static let trialCount = 10_000

  /// One score of both systems.
  package struct Score: Sendable {
    package let name: String
    /// The score of system A and of system B.
    package let values: (a: Double, b: Double)
    /// Their bootstrap 95 % intervals.
    package let intervals: (a: ClosedRange<Double>, b: ClosedRange<Double>)
    /// The bootstrap 95 % interval of the difference A - B, on the same resamples of both.
    package let differenceInterval: ClosedRange<Double>
    package let bootstrapP: Double
    package let randomizationP: Double
    fileprivate let prefersLarger: Bool

    package var difference: Double { values.a - values.b }
    /// Whether both tests say that the systems differ. With fewer than 6 sentences no assignment of translations to systems is so
    /// rare: the least p-value of n sentences is 2^(1 - n).
    package var isSignificant: Bool {
      sentenceCount >= 6 && max(bootstrapP, randomizationP) < SystemComparison.level
    }
    fileprivate let sentenceCount: Int
    /// Whether A has the better value.
    fileprivate var favoursA: Bool { prefersLarger == (difference > 0) }
  }

  package let scores: [Score]

  /// A warning about few sentences; nil if there are enough.
  package var warning: String? {
    let count = scores.first?.sentenceCount ?? 0
    guard count < 20 else { return nil }
    return "\(count) sentences are too few to tell two systems apart"
  }

  /// Compares A with B on 1,000 resamples and in 10,000 trials.
  package init(_ a: SentenceStatistics, _ b: SentenceStatistics) {
    self.init(
      a, b, resamples: Bootstrap.Resamples(itemCount: a.sentenceCount),
      swaps: RandomSwaps(itemCount: a.sentenceCount))
  }

  /// - Parameters:
  ///   - resamples: the sentences of each resample.
  ///   - swaps: for each trial of approximate randomisation the sentences whose translations are swapped.
  package init(
    _ a: SentenceStatistics, _ b: SentenceStatistics, resamples: some Sequence<[Int]>,
    swaps: some Sequence<[Int]>
  ) {
    precondition(
      a.sentenceCount == b.sentenceCount && a.width == b.width, "SystemComparison: unequal systems")
    let (valuesA, valuesB) = (a.scores(a.total), b.scores(b.total))
    let drawn = resamples.map { (a: a.scores(a.sums($0)), b: b.scores(b.sums($0))) }
    let shuffled = Self.shuffledDifferences(a, b, swaps)
    let equal = Self.equalMetrics(a, b)
    scores = a.metrics.indices.map { metric in
      let (samplesA, samplesB) = (drawn.map(\.a[metric]), drawn.map(\.b[metric]))
      let difference = abs(valuesA[metric] - valuesB[metric])
      // sacreBLEU's formula gives the smallest p-value for equal scores of unequal sentences, such as two BLEUs of 0.
      let isEqual = equal[metric] || difference == 0
      let differences = zip(samplesA, samplesB).map { abs($0 - $1) }
      let mean = differences.reduce(0, +) / Double(max(1, differences.count))
      return Score(
        name: a.metrics[metric].name, values: (valuesA[metric], valuesB[metric]),
        intervals: (Bootstrap.interval(samplesA), Bootstrap.interval(samplesB)),
        differenceInterval: Bootstrap.interval(zip(samplesA, samplesB).map { $0 - $1 }),
        bootstrapP: isEqual ? 1 : Self.pValue(differences.map { $0 - mean }, beyond: difference),
        randomizationP: isEqual ? 1 : Self.pValue(shuffled.map { $0[metric] }, beyond: difference),
        prefersLarger: a.metrics[metric].prefersLarger, sentenceCount: a.sentenceCount)
    }
  }

  /// The share of values above `difference`, where the difference that was found counts as one of them.
  private static func pValue(_ values: [Double], beyond difference: Double) -> Double {
    Double(values.count { $0 > difference } + 1) / Double(values.count + 1)
  }

  /// For each trial the absolute difference of each score between the two systems after swapping.
  private static func shuffledDifferences(
    _ a: SentenceStatistics, _ b: SentenceStatistics, _ swaps: some Sequence<[Int]>
  ) -> [[Double]] {
    let (totalA, totalB) = (a.total, b.total)
    return swaps.map { swapped in
      let (fromA, fromB) = (a.sums(swapped), b.sums(swapped))
      let sumsA = totalA.indices.map { totalA[$0] - fromA[$0] + fromB[$0] }
      let sumsB = totalB.indices.map { totalB[$0] - fromB[$0] + fromA[$0] }
      return zip(a.scores(sumsA), b.scores(sumsB)).map { abs($0 - $1) }
    }
  }

  /// For each metric, whether no sentence differs. sacreBLEU's formula would give the smallest p-value then.
  private static func equalMetrics(_ a: SentenceStatistics, _ b: SentenceStatistics) -> [Bool] {
    var start = 0
    return a.metrics.map { metric in
      let places = start..<start + metric.statisticCount
      start = places.upperBound
      return (0..<a.sentenceCount).allSatisfy { sentence in
        let row = sentence * a.width
        return places.allSatisfy { a.values[row + $0] == b.values[row + $0] }
      }
    }
  }

  // MARK: In words

  /// What the tests say, in one sentence.
  package var verdict: String {
    let (significant, rest) = (scores.filter(\.isSignificant), scores.filter { !$0.isSignificant })
    let groups = [
      ("A is better than B", significant.filter(\.favoursA)),
      ("B is better than A", significant.filter { !$0.favoursA }),
    ].filter { !$0.1.isEmpty }
    guard !groups.isEmpty else {
      return "Neither is better beyond chance: by no score do they differ at 5 % in both tests."
    }
    let better = groups.map { "\($0.0) by \(Self.list($0.1))" }.joined(separator: "; ")
    let chance = rest.isEmpty ? "" : "; by \(Self.list(rest)) neither is better beyond chance"
    return better + chance + " (5 %, both tests)."
  }

  private static func list(_ scores: [Score]) -> String {
    let names = scores.map(\.name)
    return names.count < 2
      ? names.joined() : names.dropLast().joined(separator: ", ") + " and " + (names.last ?? "")
  }
}

/// The trials of approximate randomisation: each swaps each item with probability 1/2.
struct RandomSwaps: Sequence, IteratorProtocol {
  private let itemCount: Int
  private var remaining = SystemComparison.trialCount
  private var random = CounterRandom(seed: 0, purpose: .approximateRandomization)

  init(itemCount: Int) { self.itemCount = itemCount }

  /// The indices of the swapped items, ascending.
  mutating func next() -> [Int]? {
    guard remaining > 0 else { return nil }
    remaining -= 1
    var swapped: [Int] = []
    var bits: UInt64 = 0
    for item in 0..<itemCount {
      if item % 64 == 0 { bits = random.next() }
      if bits & 1 == 1 { swapped.append(item) }
      bits >>= 1
    }
    return swapped
  }
}
