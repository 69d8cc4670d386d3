internal import ClozeCore

/// How a proposer that learns chooses the next point of a space.
protocol SearchStrategy: Sendable {
  /// Trials before the first that it chooses; they come from the start design.
  static var startTrials: Int { get }

  init(_ space: SearchSpace)

  /// - Parameters:
  ///   - trials: at least two of them have different losses.
  ///   - random: the stream of this proposal.
  /// - Returns: as `Proposer.propose`.
  func point(after trials: StudyTrials, _ random: inout CounterRandom) -> SearchPoint
}

/// The trials that a strategy learns from.
struct StudyTrials: Sendable {
  /// Those that ended.
  let observations: [SearchObservation]
  /// Of `observations`, in their order.
  let losses: StudyLosses
  /// Those that still run.
  let pending: [SearchPoint]
  /// The points of both.
  let seen: Set<SearchPoint>
}

/// A proposer that begins with a start design, and goes on with a strategy once there is something to learn from.
struct LearningProposer<Strategy: SearchStrategy>: Proposer {
  private let strategy: Strategy
  private let seed: UInt64
  private let start: StartDesign

  init(space: SearchSpace, seed: UInt64) {
    (strategy, self.seed) = (Strategy(space), seed)
    start = StartDesign(space, seed: seed)
  }

  func propose(trial: Int, observations: [SearchObservation], pending: [SearchPoint]) -> SearchPoint {
    let seen = Set(observations.map(\.point) + pending)
    guard seen.count >= Strategy.startTrials, let losses = StudyLosses(observations) else {
      return start.point(seen.count, seen: seen)
    }
    var random = CounterRandom(seed: seed, purpose: .proposal, index: trial)
    return strategy.point(
      after: StudyTrials(observations: observations, losses: losses, pending: pending, seen: seen), &random)
  }
}
