package import ClozeCompute
internal import ClozeCore
package import ClozeEvaluation
package import Foundation

/// The settings of AdamW. Matrices decay, biases and norms do not.
package struct OptimizerConfiguration: Codable, Sendable, Equatable {
  /// The peak of the schedule.
  package var learningRate = 1e-3
  package var beta1 = 0.9
  package var beta2 = 0.98
  package var epsilon = 1e-6
  package var weightDecay = 0.01
  /// The largest norm of the gradient of all parameters; 0 for no clipping.
  package var gradientClip = 1.0
  /// The factor between the learning rates of a layer of the encoder and of the one above it; 1 for equal rates, see
  /// `LayerRates`.
  package var layerDecay = 1.0
  /// The parts that training does not change, separated by commas: embeddings, encoder, decoder, layers:0-3; or none.
  package var freeze = "none"
  /// The share of the run, from its first step on, for which `freeze` holds; 1 for the whole run.
  package var freezeShare = 1.0
  /// How often a run whose output does not depend on its input may start anew with half the learning rate; 0 for never, see
  /// `CollapseCheck`.
  package var collapseRestarts = 3
  package var schedule = ScheduleConfiguration()

  package init() {}

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "optimizer") throws {
    let require = SettingsCheck(section)
    try require(learningRate > 0, "learningRate", "is \(learningRate); choose a positive number")
    // They are used as Float, where a Double just below 1 becomes 1, and a small one 0.
    for (key, beta) in [("beta1", beta1), ("beta2", beta2)] {
      try require(
        beta >= 0 && Float(beta) < 1, key, "is \(beta); choose a number in 0 ..< 1, such as 0.98")
    }
    try require(
      Float(epsilon) >= .leastNormalMagnitude && Float(epsilon).isFinite, "epsilon",
      "is \(epsilon); choose a small positive number, such as 1e-6")
    try require(weightDecay >= 0, "weightDecay", "is \(weightDecay); choose 0 or more")
    try require(gradientClip >= 0, "gradientClip", "is \(gradientClip); choose 0 (none) or more")
    try require(
      layerDecay > 0 && layerDecay <= 1, "layerDecay",
      "is \(layerDecay); choose a factor above 0 and up to 1, which is none")
    let isFrozen = try !FrozenPart.parse(freeze, path: section + ".freeze").isEmpty
    try require(
      freezeShare > 0 && freezeShare <= 1, "freezeShare",
      "is \(freezeShare); choose a share of the run above 0 and up to 1, which is the whole run")
    try require(
      isFrozen || freezeShare == 1, "freezeShare",
      "is \(freezeShare), and \(section).freeze names no part; name one, such as encoder, or leave it at 1")
    try require(collapseRestarts, in: 0...10, "collapseRestarts")
    try schedule.validate(section: section + ".schedule")
  }
}

/// AdamW with clipping by the global norm, over a flat parameter store.
///
/// The store is divided into chunks that do not depend on the number of workers. The squared norm is summed in each
/// chunk, and the sums of the chunks are added in order, so the norm has the same bits for any number of workers.
/// Frozen parameters are in no chunk: they are not part of the norm, do not decay, and their moments do not change. Once they
/// thaw, their steps count from there: their moments begin with zeros, and their learning rate has a warm-up of its own.
package final class AdamW {
  private struct Chunk {
    let range: Range<Int>
    let decays: Bool
    let rateFactor: Double
    /// The first step in which it was updated.
    let firstStep: Int
  }

  /// Small enough that the chunks of all lanes stay in a core's cache while they are added.
  private static let chunkElements = 1 << 13

  package let configuration: OptimizerConfiguration
  private let store: ParameterStore
  /// The parameters that are frozen until a thaw.
  private let frozen: [Parameter]
  private var chunks: [Chunk] = []
  private var origin = ScheduleOrigin()
  private let firstMoment: UnsafeMutableBufferPointer<Float>
  private let secondMoment: UnsafeMutableBufferPointer<Float>

  package init(_ store: ParameterStore, configuration: OptimizerConfiguration) {
    self.store = store
    self.configuration = configuration
    frozen = store.parameters.filter(store.isFrozen)
    firstMoment = .allocate(capacity: store.elementCount)
    secondMoment = .allocate(capacity: store.elementCount)
    firstMoment.initialize(repeating: 0)
    secondMoment.initialize(repeating: 0)
    thaw(at: nil)
  }

  deinit {
    firstMoment.deallocate()
    secondMoment.deallocate()
  }

  /// The factor of the schedule and of the restarts on the learning rate of a step.
  /// - Parameter fraction: how much of the run is done before it.
  func rateFactor(step: Int, fraction: Double) -> Double {
    origin.factor
      * configuration.schedule.factor(step: step - origin.step, fraction: origin.fraction(at: fraction))
  }

  /// Trains what the state of a run trains, with its learning rates, from the next step on.
  func follow(_ cursor: RunCursor) {
    origin = cursor.scheduleOrigin
    thaw(at: cursor.thawStep)
  }

  /// Forgets the moments.
  func forget() {
    firstMoment.update(repeating: 0)
    secondMoment.update(repeating: 0)
  }

  /// Trains the frozen parameters, too, whose first step was or will be `firstStep`; nil freezes them again.
  package func thaw(at firstStep: Int?) {
    store.freeze(firstStep == nil ? frozen : [])
    let rates = LayerRates(store, decay: configuration.layerDecay)
    let thawed = Set(frozen.map(\.index))
    chunks = store.parameters.filter { !store.isFrozen($0) }.flatMap { parameter in
      let (range, rateFactor) = (parameter.range, rates.factor(parameter))
      let firstStep = max(origin.step, thawed.contains(parameter.index) ? firstStep ?? 0 : 0)
      return stride(from: range.lowerBound, to: range.upperBound, by: AdamW.chunkElements).map {
        Chunk(
          range: $0..<min($0 + AdamW.chunkElements, range.upperBound), decays: parameter.decays,
          rateFactor: rateFactor, firstStep: firstStep)
      }
    }
  }

  /// Takes step number `step` (from 0) along the mean gradient.
  ///
  /// - Parameters:
  ///   - lanes: the gradients of the lanes; lanes[0] contains their sum afterwards.
  ///   - predictionCount: the divisor of the sum.
  ///   - rateFactor: the schedule's factor on the learning rate.
  /// - Returns: the norm of the mean gradient before clipping; if it is not finite, nothing was changed.
  package func step(
    _ step: Int, lanes: [GradientLane], predictionCount: Int, rateFactor: Double, workers: WorkerGroup
  ) -> Double {
    var squares = [Double](repeating: 0, count: chunks.count)
    squares.withUnsafeMutableBufferPointer { squares in
      nonisolated(unsafe) let squares = squares
      workers.forEach(chunks.count) { [chunks] index in
        GradientLane.sum(lanes, range: chunks[index].range)
        squares[index] = lanes[0].sumOfSquares(range: chunks[index].range)
      }
    }
    let norm = squares.reduce(0, +).squareRoot() / Double(predictionCount)
    guard norm.isFinite else { return norm }

    let limit = configuration.gradientClip
    let clipping = limit > 0 ? min(1, limit / (norm + 1e-6)) : 1
    let update = AdamWUpdate(
      gradientScale: clipping / Double(predictionCount),
      learningRate: configuration.learningRate * rateFactor,
      beta1: configuration.beta1, beta2: configuration.beta2, epsilon: configuration.epsilon,
      weightDecay: configuration.weightDecay, step: step + 1)
    guard let first = firstMoment.baseAddress, let second = secondMoment.baseAddress else { return norm }
    nonisolated(unsafe) let moments = (first, second)
    workers.forEach(chunks.count) { [chunks, store, origin, schedule = configuration.schedule] index in
      let chunk = chunks[index]
      var update = update
      update.learningRate *= chunk.rateFactor
      update.step -= chunk.firstStep
      if chunk.firstStep > origin.step {
        update.learningRate *= schedule.warmup(step: step - chunk.firstStep)
      }
      update.apply(
        to: store, range: chunk.range, decays: chunk.decays, gradient: lanes[0],
        firstMoment: moments.0, secondMoment: moments.1)
    }
    return norm
  }

  // MARK: State

  private static let fileName = "optimizer.safetensors"

  /// Writes both moments of every parameter to a checkpoint's folder, under `m.` and `v.` and the parameter's path, and
  /// the state of an average.
  /// - Throws: `FileError`
  package func write(to folder: URL, step: Int, average: WeightAverage? = nil) throws {
    let metadata = average?.metadata ?? [:]
    var writer = TensorFileWriter(metadata: metadata.merging(["step": String(step)]) { _, new in new })
    for parameter in store.parameters {
      for (prefix, moment) in [("m.", firstMoment), ("v.", secondMoment)] {
        writer.add(
          prefix + parameter.path, shape: parameter.shape,
          floats: UnsafeBufferPointer(rebasing: moment[parameter.range]))
      }
    }
    average?.state(into: &writer)
    try writer.write(to: folder.appendingPathComponent(AdamW.fileName))
  }

  /// Reads the moments from a checkpoint's folder, and the state of an average, whose mean is in the store.
  /// - Throws: `TensorFileError`, `FileError`
  package func read(from folder: URL, average: WeightAverage? = nil) throws {
    let file = try TensorFile(folder.appendingPathComponent(AdamW.fileName))
    for parameter in store.parameters {
      for (prefix, moment) in [("m.", firstMoment), ("v.", secondMoment)] {
        try file.read(
          prefix + parameter.path, shape: parameter.shape,
          into: UnsafeMutableBufferPointer(rebasing: moment[parameter.range]))
      }
    }
    try average?.read(from: file)
  }
}
