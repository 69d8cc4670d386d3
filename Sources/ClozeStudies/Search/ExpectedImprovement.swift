internal import Foundation

/// How far below the best loss a normally distributed loss lies in the mean, counting none where it lies above.
///
/// Source: Jones, Schonlau and Welch 1998, "Efficient global optimization of expensive black-box functions", section 4.1.
package enum ExpectedImprovement {
  /// deviation h((best - mean) / deviation), with h(z) = z Φ(z) + φ(z).
  package static func value(mean: Double, deviation: Double, best: Double) -> Double {
    guard deviation > 0 else { return max(best - mean, 0) }
    let score = (best - mean) / deviation
    return max(deviation * (score * normalDistribution(score) + normalDensity(score)), 0)
  }

  /// The logarithm of `value`, which still ranks points whose improvement is less than any float64.
  ///
  /// For z < -20 h(z) is φ(z) / z² (1 - 3 / z² + 15 / z⁴ ...).
  ///
  /// Source: Ament et al. 2023, "Unexpected improvements to expected improvement for Bayesian optimization", section 4.1.
  package static func logarithm(mean: Double, deviation: Double, best: Double) -> Double {
    guard deviation > 0 else { return log(max(best - mean, 0)) }
    let score = (best - mean) / deviation
    if score > -20 { return log(deviation * (score * normalDistribution(score) + normalDensity(score))) }
    let square = score * score
    return log(deviation) - square / 2 - 0.5 * log(2 * .pi) - log(square)
      + log1p(-3 / square + 15 / (square * square))
  }

  private static func normalDensity(_ score: Double) -> Double {
    exp(-score * score / 2) / (2 * .pi).squareRoot()
  }
  private static func normalDistribution(_ score: Double) -> Double { 0.5 * erfc(-score / 2.0.squareRoot()) }
}
