internal import Foundation

/// The settings of a Gaussian process.
package struct ProcessSettings: Sendable, Equatable {
  /// The variance of the function.
  package var constant: Double
  /// A length for each group of features, in the unit of the features.
  package var lengths: [Double]
  /// The variance of an observation around the function.
  package var noise: Double

  package init(constant: Double, lengths: [Double], noise: Double) {
    (self.constant, self.lengths, self.noise) = (constant, lengths, noise)
  }

  /// Their logarithms: of the constant, of each length, of the noise.
  var logarithms: [Double] { [log(constant)] + lengths.map { log($0) } + [log(noise)] }

  init(logarithms: [Double]) {
    constant = exp(logarithms[0])
    lengths = logarithms[1..<logarithms.count - 1].map { exp($0) }
    noise = exp(logarithms[logarithms.count - 1])
  }
}

/// The squared distances between inputs, for each group of features on its own, so that other lengths need no new differences.
package struct PairDistances: Sendable {
  /// Inputs.
  let count: Int
  let groups: Int
  /// [count (count - 1) / 2, groups], the pairs (1, 0), (2, 0), (2, 1), (3, 0)...
  let values: [Double]

  /// - Parameters:
  ///   - inputs: [count, features].
  ///   - groups: the group of each feature.
  package init(_ inputs: [[Double]], groups: [Int]) {
    let groupCount = (groups.max() ?? -1) + 1
    var values = [Double](repeating: 0, count: inputs.count * max(inputs.count - 1, 0) / 2 * groupCount)
    var offset = 0
    for row in inputs.indices {
      for other in 0..<row {
        for feature in groups.indices {
          let difference = inputs[row][feature] - inputs[other][feature]
          values[offset + groups[feature]] += difference * difference
        }
        offset += groupCount
      }
    }
    (count, self.groups, self.values) = (inputs.count, groupCount, values)
  }
}

/// A Gaussian process with a Matérn kernel of order 5/2 and a length for each group of features, and zero mean.
///
/// k(x, x') = constant (1 + sqrt(5) r + 5 r² / 3) exp(-sqrt(5) r), where r² is the sum over the groups of the squared distance over
/// the squared length.
///
/// Source: Rasmussen and Williams 2006, "Gaussian processes for machine learning", algorithm 2.1 and sections 4.2 and 5.4.
package struct GaussianProcess: Sendable {
  package let settings: ProcessSettings
  /// log p(targets | inputs).
  package let logLikelihood: Double
  private let factor: TriangularFactor
  /// K⁻¹ targets.
  private let weights: [Double]
  /// K without the noise, the lower part without the diagonal, by pairs.
  private let covariances: [Double]

  /// - Returns: nil if the covariance is not positive definite in float64.
  package init?(_ distances: PairDistances, targets: [Double], settings: ProcessSettings) {
    let count = distances.count
    precondition(targets.count == count, "GaussianProcess: \(targets.count) targets for \(count) inputs")
    self.settings = settings
    let scales = settings.lengths.map { 1 / ($0 * $0) }
    var covariances = [Double](repeating: 0, count: count * max(count - 1, 0) / 2)
    var matrix = [Double](repeating: 0, count: count * count)
    var pair = 0
    for row in 0..<count {
      for other in 0..<row {
        var square = 0.0
        for group in 0..<distances.groups {
          square += scales[group] * distances.values[pair * distances.groups + group]
        }
        let covariance = settings.constant * GaussianProcess.correlation(square)
        covariances[pair] = covariance
        matrix[row * count + other] = covariance
        pair += 1
      }
      matrix[row * count + row] = settings.constant + settings.noise
    }
    guard let factor = TriangularFactor(matrix, count: count) else { return nil }
    let whitened = factor.solve(targets)
    self.factor = factor
    self.covariances = covariances
    weights = factor.solveTransposed(whitened)
    logLikelihood =
      -0.5 * whitened.reduce(0) { $0 + $1 * $1 } - 0.5 * factor.logDeterminant - 0.5 * Double(count)
      * log(2 * .pi)
  }

  /// The Matérn kernel of a squared distance.
  static func correlation(_ square: Double) -> Double {
    let distance = (5 * square).squareRoot()
    return (1 + distance + 5 / 3 * square) * exp(-distance)
  }

  /// The gradient of `logLikelihood` by the logarithms of the constant, of each length and of the noise.
  ///
  /// With M = weights weights' - K⁻¹ it is half the trace of M dK. dK by log length_g is
  /// 5/3 constant (1 + sqrt(5) r) exp(-sqrt(5) r) distance_g / length_g².
  package func gradient(_ distances: PairDistances) -> [Double] {
    let inverse = factor.inverseMatrix()
    let (count, groups) = (distances.count, distances.groups)
    let scales = settings.lengths.map { 1 / ($0 * $0) }
    var gradient = [Double](repeating: 0, count: groups + 2)
    var trace = 0.0
    var pair = 0
    for row in 0..<count {
      for other in 0..<row {
        let share = weights[row] * weights[other] - inverse[row * count + other]
        gradient[0] += share * covariances[pair]
        var square = 0.0
        for group in 0..<groups { square += scales[group] * distances.values[pair * groups + group] }
        let distance = (5 * square).squareRoot()
        let slope = share * settings.constant * 5 / 3 * (1 + distance) * exp(-distance)
        for group in 0..<groups {
          gradient[group + 1] += slope * scales[group] * distances.values[pair * groups + group]
        }
        pair += 1
      }
      trace += weights[row] * weights[row] - inverse[row * count + row]
    }
    gradient[0] += 0.5 * trace * settings.constant
    gradient[groups + 1] = 0.5 * trace * settings.noise
    return gradient
  }

  /// The mean and the standard deviation of the function, without the noise, where the covariances with the inputs are these.
  package func posterior(_ covariances: [Double]) -> (mean: Double, deviation: Double) {
    let whitened = factor.solve(covariances)
    var (mean, variance) = (0.0, settings.constant)
    for index in covariances.indices {
      mean += covariances[index] * weights[index]
      variance -= whitened[index] * whitened[index]
    }
    return (mean, max(variance, 0).squareRoot())
  }

  /// The mean alone, in linear time.
  func mean(_ covariances: [Double]) -> Double {
    covariances.indices.reduce(0) { $0 + covariances[$1] * weights[$1] }
  }

  /// For each target its difference to what the process expects there without it: weights_i / K⁻¹_ii.
  ///
  /// Source: Rasmussen and Williams 2006, section 5.4.2, equation 5.12.
  func leaveOneOutErrors() -> [Double] {
    let inverse = factor.inverseMatrix()
    return weights.indices.map { weights[$0] / inverse[$0 * weights.count + $0] }
  }

  /// The covariances of an input with others, all divided by their groups' lengths.
  package func covariances(_ input: [Double], with others: [[Double]]) -> [Double] {
    others.map { other in
      var square = 0.0
      for feature in input.indices {
        let difference = input[feature] - other[feature]
        square += difference * difference
      }
      return settings.constant * GaussianProcess.correlation(square)
    }
  }
}
