internal import ClozeCore

/// An ε-greedy bandit over the settings: it changes one setting of the best trial, mostly one whose changes have paid.
///
/// The arms are the settings. Pulling an arm changes that setting of the best point so far; its reward is 1 if the loss was less
/// than every loss before. An arm that was not pulled has the estimate 1, so each is tried soon. With the probability ε the arm is
/// drawn uniformly, and with half of that two settings change at once. Rewards are read off the observations: a trial that differs
/// from the best one before it in one setting pulled that arm.
///
/// Source: Sutton and Barto 2018, "Reinforcement learning", sections 2.2 to 2.6.
struct GreedyBandit: SearchStrategy {
  static let startTrials = 6
  private static let exploration = 0.2
  /// How much of its distance to the newest reward an estimate moves, for rewards become rarer as the best improves.
  private static let rate = 0.3

  private let space: SearchSpace

  init(_ space: SearchSpace) { self.space = space }

  func point(after trials: StudyTrials, _ random: inout CounterRandom) -> SearchPoint {
    let best = trials.observations[trials.losses.order[0]].point
    let estimates = estimates(trials.observations)
    return space.draw(&random, seen: trials.seen) { random in
      let active = space.dimensions.indices.filter { best.values[space.dimensions[$0].key] != nil }
      guard !active.isEmpty else { return space.sample(&random) }
      var arms = [active[random.below(active.count)]]
      let draw = random.uniform()
      if draw >= GreedyBandit.exploration {
        // Ties are broken by chance: the first drawn arm wins them.
        let noise = active.map { ($0, estimates[$0] + 0.05 * random.uniform()) }
        arms = noise.max { $0.1 < $1.1 }.map { [$0.0] } ?? arms
      } else if draw < GreedyBandit.exploration / 2 {
        arms.append(active[random.below(active.count)])
      }
      let deviation = [0.3, 0.1, 0.03][random.below(3)]
      return space.point { index, domain in
        guard let value = best.values[space.dimensions[index].key] else { return domain.sample(&random) }
        return arms.contains(index) ? domain.changed(value, deviation: deviation, &random) : value
      }
    }
  }

  /// The estimated reward of each setting.
  private func estimates(_ observations: [SearchObservation]) -> [Double] {
    var estimates = [Double](repeating: 1, count: space.dimensions.count)
    var best: (point: SearchPoint, loss: Double)?
    for observation in observations {
      let loss = observation.finiteLoss ?? .infinity
      if let best {
        let changed = space.dimensions.indices.filter {
          let key = space.dimensions[$0].key
          return best.point.values[key] != nil && best.point.values[key] != observation.point.values[key]
        }
        if changed.count == 1 {
          estimates[changed[0]] += GreedyBandit.rate * ((loss < best.loss ? 1 : 0) - estimates[changed[0]])
        }
      }
      if loss < best?.loss ?? .infinity { best = (observation.point, loss) }
    }
    return estimates
  }
}
