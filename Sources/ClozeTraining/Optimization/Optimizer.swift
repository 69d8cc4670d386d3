package import ClozeCompute
internal import ClozeCore
package import ClozeEvaluation
package import Foundation

/// AdamW or StableAdamW, or Muon for the weight matrices of layers and AdamW for the rest, with clipping by the global norm,
/// over a flat parameter store.
///
/// The store is divided into chunks that do not depend on the number of workers. The squared norm is summed in each
/// chunk, and the sums of the chunks are added in order, so the norm has the same bits for any number of workers.
/// Nor does a matrix that Muon updates, since one worker computes it as a whole.
/// Frozen parameters are in no chunk: they are not part of the norm, do not decay, and their moments do not change. Once they
/// thaw, their steps count from there: their moments begin with zeros, and their learning rate has a warm-up of its own.
package final class Optimizer {
  /// How fast a parameter is trained.
  private struct Pace {
    let rateFactor: Double
    /// The first step in which it was updated.
    let firstStep: Int
  }

  /// A part of a parameter whose gradient is summed at once.
  private struct Chunk {
    let range: Range<Int>
    let decays: Bool
    let pace: Pace
    /// The index of its first value in the second moments; nil if Muon updates it.
    let secondIndex: Int?
    /// The index of its tensor among those that are trained.
    let tensor: Int
  }

  /// Small enough that the chunks of all lanes stay in a core's cache while they are added.
  private static let chunkElements = 1 << 13

  package let configuration: OptimizerConfiguration
  private let store: ParameterStore
  /// The parameters that are frozen until a thaw.
  private let frozen: [Parameter]
  private var chunks: [Chunk] = []
  /// Those that AdamW updates.
  private var adamWChunks: [Chunk] = []
  /// The number of values of each tensor that is trained.
  private var tensorCounts: [Int] = []
  /// What Muon updates, the largest first, so that no worker begins a large one when the others end.
  private var matrices: [(matrix: HiddenMatrix, pace: Pace)] = []
  private var origin = ScheduleOrigin()
  /// With the layout of the store; of what Muon updates, its momentum.
  private let firstMoment: UnsafeMutableBufferPointer<Float>
  /// Of what AdamW updates, one parameter after the other.
  private let secondMoment: UnsafeMutableBufferPointer<Float>
  /// By parameter: where its second moments begin; nil if Muon updates it.
  private let secondOffsets: [Int?]
  /// Those that no worker uses now.
  private let newtonSchulz = Guarded<[NewtonSchulz]>([])

  package init(_ store: ParameterStore, configuration: OptimizerConfiguration) {
    self.store = store
    self.configuration = configuration
    frozen = store.parameters.filter(store.isFrozen)
    var secondCount = 0
    secondOffsets = store.parameters.map { parameter in
      guard configuration.muonMatrices(parameter).isEmpty else { return nil }
      defer { secondCount += (parameter.count + 15) / 16 * 16 }
      return secondCount
    }
    firstMoment = .allocate(capacity: store.elementCount)
    secondMoment = .allocate(capacity: max(secondCount, 1))
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
    (chunks, matrices, tensorCounts) = ([], [], [])
    for parameter in store.parameters where !store.isFrozen(parameter) {
      let pace = Pace(
        rateFactor: rates.factor(parameter),
        firstStep: max(origin.step, thawed.contains(parameter.index) ? firstStep ?? 0 : 0))
      for range in tensors(parameter) {
        chunks += stride(from: range.lowerBound, to: range.upperBound, by: Optimizer.chunkElements).map {
          start in
          Chunk(
            range: start..<min(start + Optimizer.chunkElements, range.upperBound), decays: parameter.decays,
            pace: pace, secondIndex: secondOffsets[parameter.index].map { $0 + start - parameter.offset },
            tensor: tensorCounts.count)
        }
        tensorCounts.append(range.count)
      }
      matrices += configuration.muonMatrices(parameter).map { ($0, pace) }
    }
    adamWChunks = chunks.filter { $0.secondIndex != nil }
    matrices.sort { $0.matrix.count > $1.matrix.count }
  }

  /// The ranges of a parameter that StableAdamW treats each by itself: the parameter, or the matrices that are one product.
  private func tensors(_ parameter: Parameter) -> [Range<Int>] {
    let matrices = configuration.algorithm == .stableAdamW ? parameter.hiddenMatrices : []
    return matrices.count > 1 ? matrices.map { $0.offset..<$0.offset + $0.count } : [parameter.range]
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
    update(
      step, lanes[0], gradientScale: clipping / Double(predictionCount),
      learningRate: configuration.learningRate * rateFactor, workers)
    return norm
  }

  private func update(
    _ step: Int, _ gradient: GradientLane, gradientScale: Double, learningRate: Double, _ workers: WorkerGroup
  ) {
    let muon = MuonUpdate(
      gradientScale: gradientScale, learningRate: learningRate, momentum: configuration.momentum,
      weightDecay: configuration.weightDecay)
    let adamW = AdamWUpdate(
      gradientScale: gradientScale, learningRate: learningRate, beta1: configuration.beta1,
      beta2: configuration.beta2, epsilon: configuration.epsilon, weightDecay: configuration.weightDecay,
      step: step + 1)
    guard let first = firstMoment.baseAddress, let second = secondMoment.baseAddress else { return }
    nonisolated(unsafe) let moments = (first, second)
    let origin = origin
    let stability = stability(adamW, gradient, workers)
    workers.forEach(matrices.count + adamWChunks.count) {
      [matrices, adamWChunks, newtonSchulz, store, schedule = configuration.schedule] index in
      func rate(_ pace: Pace) -> Double {
        let warmup = pace.firstStep > origin.step ? schedule.warmup(step: step - pace.firstStep) : 1
        return learningRate * pace.rateFactor * warmup
      }
      if index < matrices.count {
        let (matrix, pace) = matrices[index]
        var update = muon
        update.learningRate = rate(pace)
        let worker = newtonSchulz.withLock { $0.popLast() } ?? NewtonSchulz(precision: store.precision)
        update.apply(to: store, matrix, gradient: gradient, momentum: moments.0, worker)
        newtonSchulz.withLock { $0.append(worker) }
      } else {
        let chunk = adamWChunks[index - matrices.count]
        var update = adamW
        update.learningRate = rate(chunk.pace) * (stability?[chunk.tensor] ?? 1)
        update.step -= chunk.pace.firstStep
        update.apply(
          to: store, range: chunk.range, decays: chunk.decays, gradient: gradient,
          firstMoment: moments.0 + chunk.range.lowerBound, secondMoment: moments.1 + (chunk.secondIndex ?? 0))
      }
    }
  }

  /// By tensor, the factor of StableAdamW on its rate, 1 / max(1, root mean square of g / sqrt(v̂)); nil for other algorithms.
  /// The sums of the chunks are added in their order, so the factors do not depend on the workers.
  private func stability(_ update: AdamWUpdate, _ gradient: GradientLane, _ workers: WorkerGroup) -> [Double]?
  {
    guard configuration.algorithm == .stableAdamW, let second = secondMoment.baseAddress else { return nil }
    nonisolated(unsafe) let moments = second
    var squares = [Double](repeating: 0, count: adamWChunks.count)
    squares.withUnsafeMutableBufferPointer { squares in
      nonisolated(unsafe) let squares = squares
      workers.forEach(adamWChunks.count) { [adamWChunks] index in
        let chunk = adamWChunks[index]
        var update = update
        update.step -= chunk.pace.firstStep
        squares[index] = update.relativeSquares(
          range: chunk.range, gradient: gradient, secondMoment: moments + (chunk.secondIndex ?? 0))
      }
    }
    var sums = [Double](repeating: 0, count: tensorCounts.count)
    for (chunk, square) in zip(adamWChunks, squares) { sums[chunk.tensor] += square }
    return zip(sums, tensorCounts).map { 1 / max(1, ($0 / Double($1)).squareRoot()) }
  }

  // MARK: State

  private static let fileName = "optimizer.safetensors"

  /// The moments of a parameter by the prefixes of their tensors' names.
  private func moments(_ parameter: Parameter) -> [(
    prefix: String, values: UnsafeMutableBufferPointer<Float>
  )] {
    let first = ("m.", UnsafeMutableBufferPointer(rebasing: firstMoment[parameter.range]))
    guard let offset = secondOffsets[parameter.index] else { return [first] }
    return [
      first, ("v.", UnsafeMutableBufferPointer(rebasing: secondMoment[offset..<offset + parameter.count])),
    ]
  }

  /// Writes both moments of every parameter to a checkpoint's folder, under `m.` and `v.` and the parameter's path, of Muon's
  /// matrices the momentum alone, under `m.`, and the state of an average.
  /// - Throws: `FileError`
  package func write(to folder: URL, step: Int, average: WeightAverage? = nil) throws {
    let metadata = average?.metadata ?? [:]
    var writer = TensorFileWriter(metadata: metadata.merging(["step": String(step)]) { _, new in new })
    for parameter in store.parameters {
      for (prefix, moment) in moments(parameter) {
        writer.add(prefix + parameter.path, shape: parameter.shape, floats: UnsafeBufferPointer(moment))
      }
    }
    average?.state(into: &writer)
    try writer.write(to: folder.appendingPathComponent(Optimizer.fileName))
  }

  /// Reads the moments from a checkpoint's folder, and the state of an average, whose mean is in the store.
  /// - Throws: `TensorFileError`, `FileError`
  package func read(from folder: URL, average: WeightAverage? = nil) throws {
    let file = try TensorFile(folder.appendingPathComponent(Optimizer.fileName))
    for parameter in store.parameters {
      for (prefix, moment) in moments(parameter) {
        try file.read(prefix + parameter.path, shape: parameter.shape, into: moment)
      }
    }
    try average?.read(from: file)
  }
}
