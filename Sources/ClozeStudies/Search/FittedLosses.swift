/// The losses of a study's trials as a function of the settings: a Gaussian process that is fitted to them. Trials without a loss are
/// left out.
struct FittedLosses: Sendable {
  private let surrogate: Surrogate
  private let center: Double
  private let deviation: Double
  /// Of the variance of the losses, what the process predicts of a trial from the others, with settings fitted to all: R² of
  /// leaving one out; may be negative.
  let predicted: Double

  /// - Returns: nil if fewer than `needed` trials have a loss, or all have the same.
  init?(_ space: SearchSpace, _ observations: [SearchObservation], needed: Int) {
    let known = observations.filter { $0.finiteLoss != nil }
    guard known.count >= needed, let losses = StudyLosses(known) else { return nil }
    let chosen = losses.bestAndLatest(BayesianOptimization.mostObservations)
    let standardized = StudyLosses.standardized(chosen.map { losses.values[$0] })
    surrogate = Surrogate(
      chosen.map { known[$0].point }, targets: standardized.values, features: PointFeatures(space))
    (center, deviation) = (standardized.mean, standardized.deviation)
    // The targets have variance 1.
    let errors = surrogate.process.leaveOneOutErrors()
    predicted = 1 - errors.reduce(0) { $0 + $1 * $1 } / Double(errors.count)
  }

  /// The expected loss.
  func callAsFunction(_ point: SearchPoint) -> Double { center + deviation * surrogate.mean(point) }
}
