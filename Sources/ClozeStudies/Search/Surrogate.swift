internal import Foundation

/// A Gaussian process of the losses of a study, with settings by their marginal likelihood.
struct Surrogate: Sendable {
  private let features: PointFeatures
  /// [count, features], divided by the lengths.
  private let inputs: [[Double]]
  private let scales: [Double]
  let process: GaussianProcess

  /// - Parameters:
  ///   - points: with distinct or equal settings.
  ///   - targets: their losses, with mean 0 and variance 1.
  ///   - known: settings from an earlier fit; nil fits them.
  init(_ points: [SearchPoint], targets: [Double], features: PointFeatures, known: ProcessSettings? = nil) {
    self.features = features
    let inputs = points.map { features($0) }
    let distances = PairDistances(inputs, groups: features.groups)
    process =
      known.flatMap { GaussianProcess(distances, targets: targets, settings: $0) }
      ?? ProcessFit.fit(distances, targets: targets)
    let lengths = process.settings.lengths
    scales = features.groups.map { 1 / lengths[$0] }
    self.inputs = inputs.map { [scales] in zip($0, scales).map { $0 * $1 } }
  }

  func posterior(_ point: SearchPoint) -> (mean: Double, deviation: Double) {
    process.posterior(covariances(point))
  }

  func mean(_ point: SearchPoint) -> Double { process.mean(covariances(point)) }

  private func covariances(_ point: SearchPoint) -> [Double] {
    process.covariances(zip(features(point), scales).map { $0 * $1 }, with: inputs)
  }
}
