internal import ClozeCore
internal import Foundation

/// A policy over the settings, trained by REINFORCE: each setting has a softmax over its choices or over equal parts of its range.
///
/// The policy is trained from the observations anew for each proposal: in their order, each moves the logits of what it chose by
/// its advantage, which is how much better its loss is than the moving mean of the losses before. Losses are ranked first, so
/// that a diverged trial is not a thousand times as instructive as a good one. A number is drawn within its part. The parts of a
/// sequence are its length and, at each place, its name, given the name before.
///
/// Source: Williams 1992, "Simple statistical gradient-following algorithms for connectionist reinforcement learning"; Zoph and Le
/// 2017, "Neural architecture search with reinforcement learning", section 3.2. Their policy is a recurrent network; some hundred
/// trials do not train one.
struct PolicyGradient: SearchStrategy {
  static let startTrials = 6
  /// Parts of a range.
  private static let parts = 8
  private static let rate = 1.0
  /// The weight of the newest reward in the moving mean.
  private static let baselineRate = 0.1

  private let space: SearchSpace

  init(_ space: SearchSpace) { self.space = space }

  func point(after trials: StudyTrials, _ random: inout CounterRandom) -> SearchPoint {
    let policy = policy(trials.observations, trials.losses)
    return space.draw(&random, seen: trials.seen) { random in
      space.point { index, domain in sample(index, domain, policy, &random) }
    }
  }

  /// A decision of the policy: its name, the choices there are, and which was taken.
  private struct Decision: Hashable {
    struct Name: Hashable { var dimension: Int, place = 0, before = 0 }
    let name: Name
    let count: Int
    let taken: Int
  }

  /// The logits of each decision that was ever taken; those of others are zero.
  private typealias Policy = [Decision.Name: [Double]]

  /// Rewards are from 1 for the best to -1 for the worst.
  private func policy(_ observations: [SearchObservation], _ losses: StudyLosses) -> Policy {
    var rewards = [Double](repeating: 0, count: observations.count)
    for (rank, place) in losses.order.enumerated() {
      rewards[place] = 1 - 2 * Double(rank) / Double(max(observations.count - 1, 1))
    }
    var policy: Policy = [:]
    var baseline = 0.0
    for (observation, reward) in zip(observations, rewards) {
      let advantage = reward - baseline
      baseline += PolicyGradient.baselineRate * (reward - baseline)
      for decision in decisions(observation.point) {
        var logits = policy[decision.name] ?? [Double](repeating: 0, count: decision.count)
        let probabilities = PolicyGradient.softmax(logits)
        for index in logits.indices {
          let gradient = (index == decision.taken ? 1 : 0) - probabilities[index]
          logits[index] += PolicyGradient.rate * advantage * gradient
        }
        policy[decision.name] = logits
      }
    }
    return policy
  }

  private func decisions(_ point: SearchPoint) -> [Decision] {
    space.dimensions.enumerated().flatMap { index, dimension -> [Decision] in
      guard let value = point.values[dimension.key] else { return [] }
      switch (dimension.domain, value) {
      case (.range, _):
        let parts = PolicyGradient.parts
        let part = min(Int(dimension.domain.share(of: value) * Double(parts)), parts - 1)
        return [Decision(name: .init(dimension: index), count: parts, taken: part)]
      case (.levels(let levels), .choice(let position)):
        return [Decision(name: .init(dimension: index), count: levels.count, taken: position)]
      case (.choice(let names), .choice(let position)):
        return [Decision(name: .init(dimension: index), count: names.count, taken: position)]
      case (.sequence(let choices, let lengths), .sequence(let positions)):
        let length = Decision(
          name: .init(dimension: index), count: lengths.count, taken: positions.count - lengths.lowerBound)
        return [length]
          + positions.enumerated().map { place, position in
            let before = place == 0 ? choices.count : positions[place - 1]
            return Decision(
              name: .init(dimension: index, place: 1, before: before), count: choices.count, taken: position)
          }
      default: return []
      }
    }
  }

  private func sample(
    _ index: Int, _ domain: SearchDomain, _ policy: Policy, _ random: inout CounterRandom
  ) -> SearchValue {
    func draw(_ name: Decision.Name, _ count: Int) -> Int {
      let probabilities = PolicyGradient.softmax(policy[name] ?? [Double](repeating: 0, count: count))
      var rest = random.uniform()
      for (taken, probability) in probabilities.enumerated() {
        rest -= probability
        if rest < 0 { return taken }
      }
      return count - 1
    }
    switch domain {
    case .range:
      let part = draw(.init(dimension: index), PolicyGradient.parts)
      return domain.value(at: (Double(part) + random.uniform()) / Double(PolicyGradient.parts))
    case .levels(let levels): return .choice(draw(.init(dimension: index), levels.count))
    case .choice(let names): return .choice(draw(.init(dimension: index), names.count))
    case .sequence(let choices, let lengths):
      let length = lengths.lowerBound + draw(.init(dimension: index), lengths.count)
      var positions: [Int] = []
      for place in 0..<length {
        let before = place == 0 ? choices.count : positions[place - 1]
        positions.append(draw(.init(dimension: index, place: 1, before: before), choices.count))
      }
      return .sequence(positions)
    }
  }

  private static func softmax(_ logits: [Double]) -> [Double] {
    let greatest = logits.max() ?? 0
    let powers = logits.map { exp($0 - greatest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}
