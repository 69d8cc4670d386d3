internal import CKernels
internal import ClozeCore

/// Which random bits a training pass draws its dropouts from: one stream a dropout, numbered as they come.
package struct DropoutStream {
  private let base: CounterRandom
  private var nextIndex: UInt64

  /// - Parameters:
  ///   - step: the optimizer step.
  ///   - microbatch: the number of the micro-batch within the step, whichever worker has it.
  package init(seed: UInt64, step: Int, microbatch: Int) {
    base = CounterRandom(seed: seed, purpose: .dropout, epoch: step)
    nextIndex = UInt64(microbatch) << 20
  }

  mutating func next(rate: Double) -> Dropout {
    defer { nextIndex += 1 }
    return Dropout(key: base.key, index: nextIndex, rate: rate)
  }
}

/// One worker's computation: operations run at once, remember how to go back, and `backward` does.
///
/// Every operation is one function in an extension of `Tape`, in a file of its own: the check of the shapes, the forward
/// pass, and the closure that is its backward. Closures run in the reverse order of their recording. A tensor that several
/// operations read sums their gradients: the first writes, the others add.
package final class Tape {
  package let store: ParameterStore
  package let arena = Arena()
  let products = MatrixProducts()
  /// Where parameter gradients go; nil outside training.
  package private(set) var lane: GradientLane?
  private var dropoutStream: DropoutStream?
  /// Whether the operations that run now are not recorded, see `withoutGradient`.
  private var isPaused = false
  private var backwards: [(operation: StaticString, run: () -> Void)] = []
  /// Where the time goes; nil, and nothing is timed, until somebody asks.
  package var profile: OperationProfile?

  /// Not 0 where kernels must do without the processor's bf16 units; for tests, which compare both.
  let portableKernels: Int32

  package init(store: ParameterStore, usesPortableKernels: Bool = false) {
    self.store = store
    portableKernels = usesPortableKernels ? 1 : 0
  }

  /// The type of activations.
  package var precision: ElementType { store.precision }

  package var isRecording: Bool { lane != nil && !isPaused }

  /// Forgets all tensors and starts a micro-batch.
  ///
  /// - Parameters:
  ///   - lane: takes the parameter gradients; nil for a forward pass only.
  ///   - dropout: nil switches dropout off.
  package func begin(lane: GradientLane? = nil, dropout: DropoutStream? = nil) {
    MatrixProducts.useCallingThreadOnly()
    backwards.removeAll(keepingCapacity: true)
    arena.reset()
    self.lane = lane
    dropoutStream = dropout
    profile?.restart()
  }

  /// Runs `body` and takes back the memory of the tensors it made, which must not leave it. For forward passes only.
  package func scoped<Result>(_ body: () throws -> Result) rethrows -> Result {
    precondition(!isRecording, "Tape.scoped: a recorded pass needs its tensors")
    let mark = arena.mark
    defer { arena.release(to: mark) }
    return try body()
  }

  /// Runs operations that nothing trains on: their parameters are frozen and so are those of all that they read. They are
  /// computed as in training, with the same dropouts, and are not recorded, so that their memory is free at the next
  /// `keep`, and `backward` ends above them.
  package func withoutGradient(_ body: () throws -> Tensor) rethrows -> Tensor {
    isPaused = true
    defer { isPaused = false }
    let output = try body()
    output.needsGradient = false
    return output
  }

  /// Where the tape's memory stands, for `keep`.
  package var mark: Arena.Mark { arena.mark }

  /// Ends a layer, which `mark` began. A pass without a recording takes back all memory that was handed out since then
  /// except the layer's output, and moves that to where the layer's memory began. So a chain of layers, with a mark before
  /// its first, needs the memory of its largest layer and of that layer's input. A recorded pass keeps everything for
  /// `backward`.
  ///
  /// - Returns: the output, in its new place; every other tensor made since `mark` is dangling.
  package func keep(_ output: Tensor, since mark: Arena.Mark) -> Tensor {
    guard !isRecording else { return output }
    arena.release(to: mark)
    let kept = makeTensor(rows: output.rows, columns: output.columns, type: output.type)
    // The places may overlap, which `copyMemory` allows.
    kept.bytes.copyMemory(from: output.bytes, byteCount: output.count * output.type.size)
    return kept
  }

  /// A tensor of unspecified content.
  package func makeTensor(rows: Int, columns: Int, type: ElementType? = nil) -> Tensor {
    let type = type ?? precision
    return Tensor(
      rows: rows, columns: columns, type: type, bytes: arena.allocate(bytes: rows * columns * type.size),
      owner: arena)
  }

  /// A tensor with the given f32 values, converted to `type`.
  package func makeTensor(rows: Int, columns: Int, values: [Float], type: ElementType? = nil) -> Tensor {
    precondition(
      values.count == rows * columns, "makeTensor: \(values.count) values for [\(rows), \(columns)]")
    let tensor = makeTensor(rows: rows, columns: columns, type: type)
    values.withUnsafeBufferPointer { source in
      guard let base = source.baseAddress else { return }
      convert(base, count: values.count, to: tensor)
    }
    return tensor
  }

  /// Remembers how to go back through an operation, which has just run. The closure must not keep the tape alive, which
  /// keeps the closure.
  func record(_ operation: StaticString, _ backward: @escaping () -> Void) {
    lap(operation)
    if isRecording { backwards.append((operation, backward)) }
  }

  /// Gives the time since the last operation to `operation`, where time is taken.
  package func lap(_ operation: StaticString) { profile?.lap(operation) }

  /// Runs the recorded backwards, last first. Losses have put their gradients in place already.
  package func backward() {
    for (operation, run) in backwards.reversed() {
      run()
      profile?.lap(operation, isBackward: true)
    }
    backwards.removeAll(keepingCapacity: true)
  }

  /// Puts the gradient of a loss with respect to `tensor` in place, before `backward`: how an objective that is not one of
  /// the tape's own operations begins.
  package func seedGradient(of tensor: Tensor, with values: [Float]) {
    precondition(
      values.count == tensor.count,
      "seedGradient: \(values.count) values for [\(tensor.rows), \(tensor.columns)]")
    let gradient = makeTensor(rows: tensor.rows, columns: tensor.columns, values: values, type: tensor.type)
    tensor.gradient = gradient.bytes
  }

  /// Where a backward writes the gradient of `tensor`, and whether it must add to what is there.
  func destination(of tensor: Tensor) -> (bytes: UnsafeMutableRawPointer, accumulates: Bool) {
    if let gradient = tensor.gradient { return (gradient, true) }
    let gradient = arena.allocate(bytes: tensor.count * tensor.type.size)
    tensor.gradient = gradient
    return (gradient, false)
  }

  /// destination += source, in their own type.
  func add(
    _ source: UnsafeMutableRawPointer, to destination: UnsafeMutableRawPointer, count: Int, type: ElementType
  ) {
    switch type {
    case .float32:
      cloze_add_f32(
        count, destination.assumingMemoryBound(to: Float.self), source.assumingMemoryBound(to: Float.self))
    case .bfloat16:
      cloze_add_bf16(
        count, destination.assumingMemoryBound(to: UInt16.self), source.assumingMemoryBound(to: UInt16.self))
    }
  }

  /// The dropout of the next operation: none outside training.
  func nextDropout(rate: Double) -> Dropout {
    guard rate > 0, lane != nil, dropoutStream != nil else { return .none }
    return dropoutStream?.next(rate: rate) ?? .none
  }
}
