internal import ClozeCore

/// Finds the point of a space with the highest score: many random points and changes of good ones, of which the best are improved
/// by random changes whose step grows after a success and shrinks after a failure.
///
/// Only points are changed, never features, so the same search does for numbers, choices, conditions and sequences.
struct AcquisitionSearch {
  private typealias Candidate = (point: SearchPoint, score: Double)

  private static let randomPoints = 1000
  private static let changesOfEach = 60
  private static let refined = 5
  private static let refinementSteps = 150

  private let space: SearchSpace
  private let seen: Set<SearchPoint>
  private let score: (SearchPoint) -> Double

  /// - Parameters:
  ///   - seen: points that are not candidates.
  ///   - score: larger is better.
  init(_ space: SearchSpace, seen: Set<SearchPoint>, score: @escaping (SearchPoint) -> Double) {
    (self.space, self.seen, self.score) = (space, seen, score)
  }

  /// - Parameter centers: good points, whose changes are candidates.
  func best(around centers: [SearchPoint], _ random: inout CounterRandom) -> SearchPoint {
    var points = (0..<AcquisitionSearch.randomPoints).map { _ in space.sample(&random) }
    for center in centers {
      for number in 0..<AcquisitionSearch.changesOfEach {
        points.append(
          space.changed(center, count: 2, deviation: [0.2, 0.05, 0.01][number % 3], &random))
      }
    }
    // To ask whether a point is allowed takes longer than its score, so only the best are asked.
    let candidates = points.filter { !seen.contains($0) }.map { (point: $0, score: score($0)) }
      .sorted { $0.score > $1.score }
      .lazy.filter { space.isAllowed($0.point) }.prefix(AcquisitionSearch.refined)
    guard var best = candidates.first else { return space.draw(&random, seen: seen, from: space.sample) }
    for start in candidates {
      let improved = refine(start, &random)
      if improved.score > best.score { best = improved }
    }
    return best.point
  }

  /// The step doubles after a success and shrinks by a sixth after a failure: it stays equal where one change in five succeeds
  /// (Rechenberg 1973).
  private func refine(_ start: Candidate, _ random: inout CounterRandom) -> Candidate {
    var best = start
    var deviation = 0.1
    for _ in 0..<AcquisitionSearch.refinementSteps {
      let changed = space.changed(best.point, count: 2, deviation: deviation, &random)
      guard !seen.contains(changed), space.isAllowed(changed) else { continue }
      let score = score(changed)
      if score > best.score {
        best = (changed, score)
        deviation = min(deviation * 2, 0.3)
      } else {
        deviation = max(deviation * 0.84, 1e-5)
      }
    }
    return best
  }
}
