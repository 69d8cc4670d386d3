internal import ClozeCore
internal import Foundation

/// Tree-structured Parzen estimator, multivariate: the density of the good trials over the density of the others.
///
/// Each density is a mixture with a component for each trial, and one that is uniform over the space. A component is a product over
/// the settings of a normal distribution around a number, or of a distribution of a choice that prefers the trial's. Candidates are
/// drawn from the mixture of the good trials.
///
/// Source: Bergstra, Bardenet, Bengio and Kégl 2011, "Algorithms for hyper-parameter optimization", section 4; Falkner, Klein and
/// Hutter 2018, "BOHB", section 3 (multivariate).
package struct TreeParzenProposer: Proposer {
  static let startTrials = 6
  private static let candidates = 100

  private let space: SearchSpace
  private let seed: UInt64
  private let start: StartDesign

  package init(space: SearchSpace, seed: UInt64) {
    (self.space, self.seed) = (space, seed)
    start = StartDesign(space, seed: seed)
  }

  package func propose(trial: Int, observations: [SearchObservation], pending: [SearchPoint]) -> SearchPoint {
    let seen = Set(observations.map(\.point) + pending)
    guard seen.count >= TreeParzenProposer.startTrials, let losses = StudyLosses(observations) else {
      return start.point(seen.count, seen: seen)
    }
    // A tenth is good, at least 3 and at most 25, and pending trials are among the others.
    let count = min(max(3, observations.count / 10), 25)
    let order = losses.order.map { observations[$0].point }
    let good = ParzenMixture(space, Array(order.prefix(count)))
    let others = ParzenMixture(space, order.dropFirst(count) + pending)
    var random = CounterRandom(seed: seed, purpose: .proposal, index: trial)
    var best: (point: SearchPoint, score: Double)?
    for _ in 0..<TreeParzenProposer.candidates {
      let point = space.draw(&random, seen: seen, attempts: 200, from: good.sample)
      let score = good.logDensity(point) - others.logDensity(point)
      if score > best?.score ?? -.infinity, !seen.contains(point) { best = (point, score) }
    }
    return best?.point ?? space.draw(&random, seen: seen, from: space.sample)
  }
}

/// A mixture of kernels around points.
struct ParzenMixture: Sendable {
  private let space: SearchSpace
  private let points: [SearchPoint]
  /// The deviation of the numbers of each setting, as a share of its domain.
  private let deviations: [Double]
  /// How probable it is that a component keeps a choice of its trial, apart from drawing it anew.
  private let kept: Double

  init(_ space: SearchSpace, _ points: [SearchPoint]) {
    (self.space, self.points) = (space, points)
    let count = Double(max(points.count, 1))
    let exponent = -1 / Double(space.dimensions.count + 4)
    deviations = space.dimensions.map { ParzenMixture.spread($0, points) * pow(count, exponent) }
    kept = count / (count + 1)
  }

  /// The standard deviation of a setting's shares, at least a twentieth (Scott's rule scales it with the number of points).
  private static func spread(_ dimension: SearchDimension, _ points: [SearchPoint]) -> Double {
    switch dimension.domain {
    case .choice, .sequence: return 1
    case .range, .levels:
      let shares = points.compactMap { $0.values[dimension.key].map { dimension.domain.share(of: $0) } }
      guard shares.count > 1 else { return 0.3 }
      let mean = shares.reduce(0, +) / Double(shares.count)
      let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(shares.count)
      return max(variance.squareRoot(), 0.05)
    }
  }

  /// A draw from a component, each of which is as probable as the uniform one.
  func sample(_ random: inout CounterRandom) -> SearchPoint {
    let component = random.below(points.count + 1)
    guard component < points.count else { return space.sample(&random) }
    let center = points[component]
    return space.point { index, domain in
      guard let value = center.values[space.dimensions[index].key] else { return domain.sample(&random) }
      switch domain {
      case .range, .levels:
        let middle = domain.share(of: value)
        while true {
          let share = middle + deviations[index] * random.normal()
          if share >= 0, share <= 1 { return domain.value(at: share) }
        }
      case .choice: return random.uniform() < kept ? value : domain.sample(&random)
      case .sequence:
        return random.uniform() < kept * 0.5 ? value : domain.changed(value, deviation: 0, &random)
      }
    }
  }

  /// The logarithm of the density at a point.
  func logDensity(_ point: SearchPoint) -> Double {
    let logarithms = points.map { center in
      space.dimensions.indices.reduce(0) { $0 + log(factor($1, point, around: center)) }
    }
    // The uniform component has density 1 in every setting.
    let greatest = max(logarithms.max() ?? 0, 0)
    let sum = logarithms.reduce(exp(-greatest)) { $0 + exp($1 - greatest) }
    return greatest + log(sum / Double(points.count + 1))
  }

  /// The density of a setting in the component around a point, over that of a uniform draw.
  private func factor(_ index: Int, _ point: SearchPoint, around center: SearchPoint) -> Double {
    let dimension = space.dimensions[index]
    guard let value = point.values[dimension.key], let middle = center.values[dimension.key] else { return 1 }
    switch dimension.domain {
    case .range, .levels:
      let (share, mean) = (dimension.domain.share(of: value), dimension.domain.share(of: middle))
      let deviation = deviations[index]
      func below(_ limit: Double) -> Double { 0.5 * erfc((mean - limit) / (deviation * 2.0.squareRoot())) }
      let score = (share - mean) / deviation
      let density = exp(-score * score / 2) / (deviation * (2 * .pi).squareRoot())
      return max(density / max(below(1) - below(0), 1e-12), 1e-300)
    case .choice(let names):
      return (value == middle ? kept * Double(names.count) : 0) + 1 - kept
    case .sequence:
      // A sequence counts as near by the share of places that are equal.
      return exp(4 * (ParzenMixture.agreement(value, middle) - 0.5))
    }
  }

  private static func agreement(_ left: SearchValue, _ right: SearchValue) -> Double {
    guard case .sequence(let left) = left, case .sequence(let right) = right else { return 0 }
    let equal = zip(left, right).count { $0 == $1 }
    return Double(equal) / Double(max(left.count, right.count, 1))
  }
}
