internal import ClozeCore

/// How much of the variance of a function over a space comes from each setting, if all are drawn independently and uniformly.
///
/// A setting whose condition does not hold is drawn all the same and has no effect. Limits of the space are not regarded.
///
/// Source: Saltelli et al. 2010, "Variance based sensitivity analysis of model output", table 2 (b) and (f). These are the shares of
/// the functional ANOVA of Hutter, Hoos and Leyton-Brown 2014, "An efficient approach for assessing hyperparameter importance".
package struct SobolIndices: Sendable, Equatable {
  /// For each setting the share of the variance that it makes on its own: that of the mean over all others.
  package let alone: [Double]
  /// For each setting the share that is lost when it is known, together with all interactions in which it takes part.
  package let total: [Double]

  /// - Parameters:
  ///   - samples: pairs of draws. The error of a share is about 1 / sqrt(samples).
  /// - Returns: nil if the function is the same everywhere.
  package init?(
    _ space: SearchSpace, samples: Int, seed: UInt64 = 0, of function: (SearchPoint) -> Double
  ) {
    let count = space.dimensions.count
    var alone = [Double](repeating: 0, count: count)
    var total = [Double](repeating: 0, count: count)
    var (sum, squares) = (0.0, 0.0)
    var products = [Double](repeating: 0, count: count)
    for sample in 0..<samples {
      var random = CounterRandom(seed: seed, purpose: .proposal, epoch: 3, index: sample)
      let first = space.dimensions.map { $0.domain.sample(&random) }
      let second = space.dimensions.map { $0.domain.sample(&random) }
      let base = function(space.point { index, _ in first[index] })
      let other = function(space.point { index, _ in second[index] })
      sum += base + other
      squares += base * base + other * other
      for setting in 0..<count {
        // The first draw with this setting from the second one.
        let mixed = function(space.point { index, _ in index == setting ? second[index] : first[index] })
        alone[setting] += other * (mixed - base)
        products[setting] += mixed - base
        total[setting] += (base - mixed) * (base - mixed)
      }
    }
    let number = Double(samples)
    let mean = sum / (2 * number)
    let variance = squares / (2 * number) - mean * mean
    guard variance > 1e-12 * max(1e-12, mean * mean) else { return nil }
    // Taking the mean from `other` changes no expectation, and makes the error less.
    self.alone = alone.indices.map { min(max((alone[$0] - mean * products[$0]) / number / variance, 0), 1) }
    self.total = total.map { max($0 / (2 * number) / variance, 0) }
  }
}
