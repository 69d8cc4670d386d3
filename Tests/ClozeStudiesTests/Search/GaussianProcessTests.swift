import ClozeStudies
import ClozeTestSupport
import Foundation
import Testing

/// The Gaussian process and the expected improvement against scikit-learn's.
@Suite struct GaussianProcessTests {
  struct Reference: Decodable {
    struct Set: Decodable {
      let inputs: [[Double]]
      let targets: [Double]
      let constant: Double
      let lengthScales: [Double]
      let noise: Double
      let logMarginalLikelihood: Double
      let logMarginalLikelihoodGradient: [Double]
      let points: [[Double]]
      let mean: [Double]
      let std: [Double]
      let best: Double
      let expectedImprovement: [Double]

      enum CodingKeys: String, CodingKey {
        case inputs = "X"
        case targets = "y"
        case constant, lengthScales, noise, logMarginalLikelihood, logMarginalLikelihoodGradient
        case points, mean, std, best, expectedImprovement
      }
    }
    let sets: [Set]
  }

  static func sets() throws -> [Reference.Set] {
    try JSONDecoder().decode(Reference.self, from: Data(contentsOf: Fixtures.url("gaussian-process.json")))
      .sets
  }

  static func process(_ set: Reference.Set, noise: Double? = nil) throws -> (GaussianProcess, PairDistances) {
    let distances = PairDistances(set.inputs, groups: Array(set.lengthScales.indices))
    let settings = ProcessSettings(
      constant: set.constant, lengths: set.lengthScales, noise: noise ?? set.noise)
    return (try #require(GaussianProcess(distances, targets: set.targets, settings: settings)), distances)
  }

  @Test func likelihoodAndItsGradient() throws {
    for set in try Self.sets() {
      let (process, distances) = try Self.process(set)
      #expect(abs(process.logLikelihood - set.logMarginalLikelihood) < 1e-6)
      let gradient = process.gradient(distances)
      #expect(gradient.count == set.logMarginalLikelihoodGradient.count + 1)
      for (value, expected) in zip(gradient, set.logMarginalLikelihoodGradient) {
        #expect(abs(value - expected) < 1e-6)
      }
      // The reference has no derivative by the noise.
      let step = 1e-5
      let above = try Self.process(set, noise: set.noise * exp(step)).0.logLikelihood
      let below = try Self.process(set, noise: set.noise * exp(-step)).0.logLikelihood
      let byNoise = try #require(gradient.last)
      #expect(abs(byNoise - (above - below) / (2 * step)) < 1e-5)
    }
  }

  @Test func posteriorAndExpectedImprovement() throws {
    for set in try Self.sets() {
      let process = try Self.process(set).0
      func scaled(_ input: [Double]) -> [Double] { zip(input, set.lengthScales).map { $0 / $1 } }
      for (index, point) in set.points.enumerated() {
        let covariances = process.covariances(scaled(point), with: set.inputs.map(scaled))
        let (mean, deviation) = process.posterior(covariances)
        #expect(abs(mean - set.mean[index]) < 1e-6)
        #expect(abs(deviation - set.std[index]) < 1e-6)
        let improvement = ExpectedImprovement.value(
          mean: set.mean[index], deviation: set.std[index], best: set.best)
        let expected = set.expectedImprovement[index]
        #expect(abs(improvement - expected) <= 1e-6 * max(expected, 1e-60))
        let logarithm = ExpectedImprovement.logarithm(
          mean: set.mean[index], deviation: set.std[index], best: set.best)
        if expected > 0 { #expect(abs(logarithm - log(expected)) < 1e-4) }
      }
    }
  }

  /// Where the improvement itself is zero in float64 its logarithm still falls with the mean.
  @Test func theLogarithmRanksWhatIsTooSmallToWrite() {
    let far = [19.9, 20.1, 36, 50, 100].map { ExpectedImprovement.logarithm(mean: $0, deviation: 1, best: 0) }
    #expect(far.allSatisfy { $0.isFinite })
    #expect(zip(far, far.dropFirst()).allSatisfy { $0 > $1 })
    #expect(ExpectedImprovement.value(mean: 50, deviation: 1, best: 0) == 0)
  }

  @Test func equalInputsWithoutNoiseHaveNoProcess() {
    let distances = PairDistances([[0.5], [0.5]], groups: [0])
    let settings = ProcessSettings(constant: 1, lengths: [1], noise: 0)
    #expect(GaussianProcess(distances, targets: [1, -1], settings: settings) == nil)
  }
}
