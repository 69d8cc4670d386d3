internal import ClozeCore

/// Bayesian optimization: a Gaussian process of the losses, and the point with the greatest expected improvement on the best.
///
/// A pending trial counts as observed with the loss that the process expects there ("kriging believer"), so that workers do not
/// all try the same. A trial without a loss counts as the worst one that has a loss. The best loss is the process's mean at the
/// observed points, since a single lucky observation of a noisy loss is no aim.
///
/// Source: Snoek, Larochelle and Adams 2012, "Practical Bayesian optimization of machine learning algorithms"; Ginsbourger, Le Riche
/// and Carraro 2010, "Kriging is well-suited to parallelize optimization", section 4.
struct BayesianOptimization: SearchStrategy {
  /// Trials before the first that the process chooses.
  static let startTrials = 6
  /// Observations that the process sees: the better half of the greatest number, and the latest.
  static let mostObservations = 300
  /// Good points around which the search for the next looks.
  private static let centers = 5

  private let space: SearchSpace
  private let features: PointFeatures

  init(_ space: SearchSpace) { (self.space, features) = (space, PointFeatures(space)) }

  func point(after trials: StudyTrials, _ random: inout CounterRandom) -> SearchPoint {
    let chosen = trials.losses.bestAndLatest(BayesianOptimization.mostObservations)
    var points = chosen.map { trials.observations[$0].point }
    var targets = StudyLosses.standardized(chosen.map { trials.losses.values[$0] }).values
    var surrogate = Surrogate(points, targets: targets, features: features)
    if !trials.pending.isEmpty {
      targets += trials.pending.map { surrogate.posterior($0).mean }
      points += trials.pending
      surrogate = Surrogate(points, targets: targets, features: features, known: surrogate.process.settings)
    }
    let means = points.map { surrogate.posterior($0).mean }
    let best = means.min() ?? 0
    let order = points.indices.sorted { (means[$0], $0) < (means[$1], $1) }
    let search = AcquisitionSearch(space, seen: trials.seen) { [surrogate] point in
      let (mean, deviation) = surrogate.posterior(point)
      return ExpectedImprovement.logarithm(mean: mean, deviation: deviation, best: best)
    }
    return search.best(around: order.prefix(BayesianOptimization.centers).map { points[$0] }, &random)
  }
}
