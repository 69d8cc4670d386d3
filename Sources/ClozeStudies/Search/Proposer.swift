internal import ClozeCore

/// Says what to try next.
///
/// A proposal is a function of the space, the seed and the arguments alone. A study that was interrupted therefore goes on with
/// the proposals that it would have made.
package protocol Proposer: Sendable {
  /// - Parameters:
  ///   - trial: its number in the study, which selects the random stream.
  ///   - observations: the trials that ended, in the order of their numbers or in another that is the same whenever the study
  ///     is resumed. They need not come from this proposer.
  ///   - pending: trials that still run.
  /// - Returns: a point of the space, allowed and not seen before, if a search among some thousand found one.
  func propose(trial: Int, observations: [SearchObservation], pending: [SearchPoint]) -> SearchPoint
}

/// The proposers by name.
package enum ProposerKind: String, NamedChoice {
  case random
  case bayesian
  case greedy
  case reinforcement
  case evolution

  package func proposer(space: SearchSpace, seed: UInt64) -> any Proposer {
    switch self {
    case .random: RandomProposer(space: space, seed: seed)
    case .bayesian: LearningProposer<BayesianOptimization>(space: space, seed: seed)
    case .greedy: LearningProposer<GreedyBandit>(space: space, seed: seed)
    case .reinforcement: LearningProposer<PolicyGradient>(space: space, seed: seed)
    case .evolution: LearningProposer<RegularizedEvolution>(space: space, seed: seed)
    }
  }
}

/// Uniform draws, whatever was observed: the control of every study.
///
/// Source: Bergstra and Bengio 2012, "Random search for hyper-parameter optimization".
struct RandomProposer: Proposer {
  let space: SearchSpace
  let seed: UInt64

  init(space: SearchSpace, seed: UInt64) { (self.space, self.seed) = (space, seed) }

  func propose(trial: Int, observations: [SearchObservation], pending: [SearchPoint]) -> SearchPoint {
    var random = CounterRandom(seed: seed, purpose: .proposal, index: trial)
    let seen = Set(observations.map(\.point) + pending)
    return space.draw(&random, seen: seen, from: space.sample)
  }
}
