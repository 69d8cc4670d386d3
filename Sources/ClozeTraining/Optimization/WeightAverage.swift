package import ClozeCompute
internal import ClozeCore
package import ClozeEvaluation
internal import Foundation

/// The settings of `WeightAverage`.
package struct AverageConfiguration: Codable, Sendable, Equatable {
  /// The share at the end of a run over whose steps the weights are averaged, in 0...1; 0 for none.
  package var lastShare = 0.0
  /// The share of the last mean in the next, of an exponential mean over the whole run; 0 for none.
  package var decay = 0.0

  package init(lastShare: Double = 0, decay: Double = 0) {
    self.lastShare = lastShare
    self.decay = decay
  }

  var isActive: Bool { lastShare > 0 || decay > 0 }

  /// The bytes of a checkpoint's tensors: the model and the optimizer's moments, and with an average the parameters besides.
  func checkpointBytes(_ store: ParameterStore, _ optimizer: OptimizerConfiguration) -> Int {
    MemoryLayout<Float>.size
      * (optimizer.momentCount(store) + (isActive ? 2 : 1) * store.parameterCount)
  }

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "average") throws {
    let require = SettingsCheck(section)
    try require(
      (0...1).contains(lastShare), "lastShare",
      "is \(lastShare); choose a share of the run in 0...1, 0 for none")
    try require(
      decay >= 0 && Float(decay) < 1, "decay",
      "is \(decay); choose a number in 0 ..< 1, such as 0.999, 0 for none")
    try require(
      lastShare == 0 || decay == 0, "decay",
      "is \(decay), and \(section).lastShare is \(lastShare); choose one of the two means, and 0 for the other"
    )
  }
}

/// The mean of the parameters after each step of the last share of a run, or their exponential mean from the first step on. Once
/// it has begun, a run validates it, and its checkpoints have it for their model. Training goes on with the parameters themselves.
///
/// The parameters of single steps scatter around a minimum, and their mean lies nearer to it.
///
/// Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30(4);
/// Izmailov et al. 2018, section 3.2, arXiv:1803.05407. Vaswani et al. 2017, section 6.1, average the last checkpoints.
/// Exponential: Morales-Brotons et al. 2024, section 2, arXiv:2411.18704.
///
/// Every element is averaged by itself, so any number of workers gives the same bits.
package final class WeightAverage {
  private static let chunkElements = 1 << 15
  private static let countKey = "averagedSteps"
  private static let prefix = "p."

  private let store: ParameterStore
  private let settings: AverageConfiguration
  /// The mean; while the store has the mean, the parameters.
  private let buffer: UnsafeMutableBufferPointer<Float>
  /// The number of steps in the mean; 0 before the last share of the run.
  package private(set) var stepCount = 0

  /// - Returns: nil if the settings ask for no average.
  package init?(_ store: ParameterStore, _ configuration: AverageConfiguration) {
    guard configuration.isActive else { return nil }
    self.store = store
    settings = configuration
    buffer = .allocate(capacity: store.elementCount)
    buffer.initialize(repeating: 0)
  }

  deinit { buffer.deallocate() }

  private var other: UnsafeMutablePointer<Float> {
    guard let base = buffer.baseAddress else {
      preconditionFailure("WeightAverage: a model without parameters")
    }
    return base
  }

  /// Adds the parameters to the mean, to that of a last share only within it. In a run whose limit was raised, that share
  /// begins anew.
  ///
  /// The first steps of an exponential mean have equal weights, 1 / n each after n steps, until that is less than 1 - decay.
  ///
  /// - Parameter fraction: how much of the run is done, the step that led to these parameters included.
  package func add(fraction: Double, workers: WorkerGroup) {
    // With the margin, 0.9 of 10 steps are 9 however 1 - 0.9 is rounded.
    guard settings.decay > 0 || fraction > 1 - settings.lastShare + 1e-9 else {
      stepCount = 0
      return
    }
    stepCount += 1
    nonisolated(unsafe) let mean = other
    let size = WeightAverage.chunkElements
    let weight = max(1 / Float(stepCount), settings.decay > 0 ? Float(1 - settings.decay) : 0)
    workers.forEach((store.elementCount + size - 1) / size) { [store] index in
      store.add(
        to: mean, range: index * size..<min((index + 1) * size, store.elementCount), weight: weight)
    }
  }

  /// Begins anew, as if no step had been added.
  func forget() { stepCount = 0 }

  /// Calls `body` while the store has the mean in place of the parameters, as soon as there is one.
  package func withMean<Value>(_ body: () throws -> Value) rethrows -> Value {
    guard stepCount > 0 else { return try body() }
    store.exchange(with: other)
    defer { store.exchange(with: other) }
    return try body()
  }

  // MARK: State

  /// Adds what a checkpoint needs besides the mean, which is its model: the parameters, under `p.` and their paths. To be
  /// called within `withMean`.
  func state(into writer: inout TensorFileWriter) {
    guard stepCount > 0 else { return }
    for parameter in store.parameters {
      writer.add(
        WeightAverage.prefix + parameter.path, shape: parameter.shape,
        floats: UnsafeBufferPointer(rebasing: buffer[parameter.range]))
    }
  }

  /// For the metadata of the same file.
  var metadata: [String: String] { stepCount > 0 ? [WeightAverage.countKey: String(stepCount)] : [:] }

  /// Restores mean and parameters from a checkpoint whose model is in the store.
  /// - Throws: `TensorFileError`
  func read(from file: TensorFile) throws {
    stepCount = 0
    guard let text = file.metadata[WeightAverage.countKey] else { return }
    guard let count = Int(text), (1...1 << 41).contains(count) else {
      throw TensorFileError.badHeader(
        path: file.path, reason: "its \(WeightAverage.countKey) is '\(text.prefix(40))'")
    }
    for parameter in store.parameters {
      try file.read(
        WeightAverage.prefix + parameter.path, shape: parameter.shape,
        into: UnsafeMutableBufferPointer(rebasing: buffer[parameter.range]))
    }
    store.exchange(with: other)
    stepCount = count
  }
}
