internal import ClozeCore

/// Regularized evolution: the best of a random sample of the youngest trials has a child that differs in a setting or two.
///
/// The population is the latest trials, so that even the best one dies of age. A child changes settings as `SearchSpace.changed`
/// does: numbers move, choices are drawn anew, names of a sequence are replaced, inserted, deleted or exchanged. With pending trials
/// nothing changes, since a parent needs a loss.
///
/// Source: Real, Aggarwal, Huang and Le 2019, "Regularized evolution for image classifier architecture search", algorithm 1.
struct RegularizedEvolution: SearchStrategy {
  static let startTrials = 10
  private static let population = 20
  private static let tournament = 8

  private let space: SearchSpace

  init(_ space: SearchSpace) { self.space = space }

  func point(after trials: StudyTrials, _ random: inout CounterRandom) -> SearchPoint {
    var places = Array(trials.observations.indices.suffix(RegularizedEvolution.population))
    var parent = places[0]
    for number in 0..<min(RegularizedEvolution.tournament, places.count) {
      let place = places.remove(at: random.below(places.count))
      if number == 0 || trials.losses.values[place] < trials.losses.values[parent] { parent = place }
    }
    let point = trials.observations[parent].point
    return space.draw(&random, seen: trials.seen) { random in
      space.changed(point, count: 1.5, deviation: [0.2, 0.05][random.below(2)], &random)
    }
  }
}
