internal import Foundation

/// Settings of a Gaussian process that make the observations most probable, together with weak priors: without them few
/// observations are explained as well by noise alone, or by lengths near zero.
///
/// The priors are normal distributions of logarithms. `docs/search.md` has what others gave.
///
/// Source: Rasmussen and Williams 2006, "Gaussian processes for machine learning", section 5.4; Snoek, Larochelle and Adams 2012,
/// "Practical Bayesian optimization of machine learning algorithms", section 3.
enum ProcessFit {
  /// The mean and the deviation of each logarithm. Features are shares of a setting's range, so a length of 1 is the range.
  private static let constantPrior = (mean: 0.0, deviation: 1.0)
  private static let lengthPrior = (mean: -0.3, deviation: 0.7)
  private static let noisePrior = (mean: log(1e-4), deviation: 2.0)
  /// The least variance of the noise, which keeps the covariance of near inputs positive definite.
  private static let leastNoise = 1e-8
  /// The logarithms of the lengths at which the search begins.
  private static let starts = [-1.5, 0]

  /// - Parameter targets: with mean 0 and variance 1.
  static func fit(_ distances: PairDistances, targets: [Double]) -> GaussianProcess {
    let priors =
      [constantPrior] + [(mean: Double, deviation: Double)](repeating: lengthPrior, count: distances.groups)
      + [noisePrior]
    var best: (variables: [Double], value: Double)?
    for start in starts {
      let variables = [0] + [Double](repeating: start, count: distances.groups) + [log(1e-3)]
      let found = QuasiNewton.minimize(from: variables, steps: 60, longest: 2) {
        evaluate($0, distances, targets, priors)
      }
      if let found, found.value < best?.value ?? .infinity { best = found }
    }
    let fitted = best.flatMap {
      GaussianProcess(distances, targets: targets, settings: settings($0.variables))
    }
    return fitted ?? certain(distances, targets)
  }

  /// A process whose noise makes any covariance positive definite.
  private static func certain(_ distances: PairDistances, _ targets: [Double]) -> GaussianProcess {
    let lengths = [Double](repeating: 1, count: distances.groups)
    var noise = 0.1
    while true {
      let settings = ProcessSettings(constant: 1, lengths: lengths, noise: noise)
      if let process = GaussianProcess(distances, targets: targets, settings: settings) { return process }
      precondition(noise < 1e9, "ProcessFit: a target or an input is not finite")
      noise *= 10
    }
  }

  private static func settings(_ variables: [Double]) -> ProcessSettings {
    var settings = ProcessSettings(logarithms: variables)
    settings.noise += leastNoise
    return settings
  }

  /// The negative logarithm of the posterior probability, up to a constant, with its gradient.
  private static func evaluate(
    _ variables: [Double], _ distances: PairDistances, _ targets: [Double],
    _ priors: [(mean: Double, deviation: Double)]
  ) -> QuasiNewton.Evaluation? {
    guard variables.allSatisfy({ abs($0) < 25 }) else { return nil }
    let settings = settings(variables)
    guard let process = GaussianProcess(distances, targets: targets, settings: settings) else { return nil }
    var value = -process.logLikelihood
    var gradient = process.gradient(distances).map { -$0 }
    gradient[gradient.count - 1] *= (settings.noise - leastNoise) / settings.noise
    for (index, prior) in priors.enumerated() {
      let score = (variables[index] - prior.mean) / prior.deviation
      value += score * score / 2
      gradient[index] += score / prior.deviation
    }
    return (value, gradient)
  }
}
