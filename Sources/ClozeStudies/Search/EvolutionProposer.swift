internal import ClozeCore

/// Regularized evolution: the best of a random sample of the youngest trials has a child that differs in a setting or two.
///
/// The population is the latest trials, so that even the best one dies of age. A child changes settings as `SearchSpace.changed`
/// does: numbers move, choices are drawn anew, names of a sequence are replaced, inserted, deleted or exchanged. With pending trials
/// nothing changes, since a parent needs a loss.
///
/// Source: Real, Aggarwal, Huang and Le 2019, "Regularized evolution for image classifier architecture search", algorithm 1.
package struct EvolutionProposer: Proposer {
  static let startTrials = 10
  private static let population = 20
  private static let tournament = 8

  private let space: SearchSpace
  private let seed: UInt64
  private let start: StartDesign

  package init(space: SearchSpace, seed: UInt64) {
    (self.space, self.seed) = (space, seed)
    start = StartDesign(space, seed: seed)
  }

  package func propose(trial: Int, observations: [SearchObservation], pending: [SearchPoint]) -> SearchPoint {
    let seen = Set(observations.map(\.point) + pending)
    guard seen.count >= EvolutionProposer.startTrials, let losses = StudyLosses(observations) else {
      return start.point(seen.count, seen: seen)
    }
    var random = CounterRandom(seed: seed, purpose: .proposal, index: trial)
    var places = Array(observations.indices.suffix(EvolutionProposer.population))
    var parent = places[0]
    for number in 0..<min(EvolutionProposer.tournament, places.count) {
      let place = places.remove(at: random.below(places.count))
      if number == 0 || losses.values[place] < losses.values[parent] { parent = place }
    }
    let point = observations[parent].point
    return space.draw(&random, seen: seen) { random in
      space.changed(point, count: 1.5, deviation: [0.2, 0.05][random.below(2)], &random)
    }
  }
}
