internal import CKernels
internal import ClozeCore

/// The random streams of the dropouts of one training pass. Each dropout gets the next stream.
package struct DropoutStream {
  private let base: CounterRandom
  private var nextIndex: UInt64

  /// - Parameters:
  ///   - step: the optimizer step.
  ///   - microbatch: the number of the micro-batch within the step, which does not depend on the workers.
  package init(seed: UInt64, step: Int, microbatch: Int) {
    base = CounterRandom(seed: seed, purpose: .dropout, epoch: step)
    nextIndex = UInt64(microbatch) << 20
  }

  mutating func next(rate: Double) -> Dropout {
    defer { nextIndex += 1 }
    return Dropout(key: base.key, index: nextIndex, rate: rate)
  }
}

/// Reverse-mode automatic differentiation for one worker: each operation computes its output at once and records a
/// closure for its gradients; `backward` runs the closures.
///
/// Every operation is one function in an extension of `Tape`, in a file of its own: the check of the shapes, the
/// forward pass, and the closure with the backward pass. Closures run in the reverse order of their recording. If
/// several operations read a tensor, its gradient is their sum: the first closure writes, the others add.
package final class Tape {
  package let store: ParameterStore
  private let memory = TapeMemory()
  let products = MatrixProducts()
  let rotaryTables = RotaryTables()
  /// Receives the gradients of parameters; nil outside training.
  package private(set) var lane: GradientLane?
  private var dropoutStream: DropoutStream?
  /// Whether the operations that run now are not recorded, see `withoutGradient`.
  private var isPaused = false
  private var backwards: [(operation: StaticString, output: Tensor?, run: () -> Void)] = []
  /// The time of each operation; nil measures nothing.
  package var profile: OperationProfile?

  /// The last units that kernels may use.
  let matrixUnits: MatrixUnits

  /// The most keys of a span whose attention probabilities are kept for the backward pass; of longer spans, they are computed
  /// again.
  let longestKeptSpan: Int

  /// - Parameter matrixUnits: The last that kernels may use; for tests, which compare them.
  package init(store: ParameterStore, matrixUnits: MatrixUnits = .tiles, longestKeptSpan: Int = 512) {
    self.store = store
    self.matrixUnits = matrixUnits
    self.longestKeptSpan = longestKeptSpan
  }

  /// The memory of activations.
  package var arena: Arena { memory.arena }
  private var gradients: GradientMemory { memory.gradients }

  /// The type of activations.
  package var precision: ElementType { store.precision }

  package var isRecording: Bool { lane != nil && !isPaused }

  /// Releases all tensors and starts a micro-batch.
  ///
  /// - Parameters:
  ///   - lane: receives the gradients of parameters; nil for a forward pass only.
  ///   - dropout: nil switches dropout off.
  package func begin(lane: GradientLane? = nil, dropout: DropoutStream? = nil) {
    MatrixProducts.useCallingThreadOnly()
    backwards.removeAll(keepingCapacity: true)
    arena.reset()
    gradients.reset()
    self.lane = lane
    dropoutStream = dropout
    profile?.restart()
  }

  /// Runs `body` and releases the tensors that it made, which must not leave it. For forward passes only.
  package func scoped<Result>(_ body: () throws -> Result) rethrows -> Result {
    precondition(!isRecording, "Tape.scoped: a recorded pass needs its tensors")
    let mark = arena.mark
    defer { arena.release(to: mark) }
    return try body()
  }

  /// Runs operations whose parameters are frozen, and whose inputs depend on frozen parameters only. They compute what
  /// training computes, with the same dropouts, and are not recorded: `backward` stops at their result, and `keep` releases
  /// their memory.
  package func withoutGradient(_ body: () throws -> Tensor) rethrows -> Tensor {
    isPaused = true
    defer { isPaused = false }
    let output = try body()
    output.needsGradient = false
    return output
  }

  /// The position in the tape's arena, for `keep`.
  package var mark: Arena.Mark { arena.mark }

  /// Ends a layer that began at `mark`. Without recording it releases all memory of the layer except the output, which
  /// it moves to the position of the mark. So a chain of layers, with a mark before the first, needs the memory of its
  /// largest layer and of that layer's input. A recorded pass keeps everything for `backward`.
  ///
  /// - Returns: the output at its new address; every other tensor made since `mark` is dangling.
  package func keep(_ output: Tensor, since mark: Arena.Mark) -> Tensor {
    guard !isRecording else { return output }
    arena.release(to: mark)
    let kept = makeTensor(rows: output.rows, columns: output.columns, type: output.type)
    // Source and destination may overlap, which `copyMemory` allows.
    kept.bytes.copyMemory(from: output.bytes, byteCount: output.count * output.type.size)
    return kept
  }

  /// A tensor of unspecified content.
  package func makeTensor(rows: Int, columns: Int, type: ElementType? = nil) -> Tensor {
    let type = type ?? precision
    return Tensor(
      rows: rows, columns: columns, type: type, bytes: arena.allocate(bytes: rows * columns * type.size),
      owner: memory)
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

  /// Records the backward pass of an operation that has just run. The closure must capture the tape `unowned`, since
  /// the tape owns the closure.
  ///
  /// - Parameter output: the tensor that the operation made, whose gradient nothing reads after its backward pass; nil for an
  ///   operation in place.
  func record(_ operation: StaticString, _ output: Tensor?, _ backward: @escaping () -> Void) {
    lap(operation)
    if isRecording { backwards.append((operation, output, backward)) }
  }

  /// Adds the time since the last operation to `operation`, if time is measured.
  package func lap(_ operation: StaticString) { profile?.lap(operation) }

  /// Runs the recorded backward passes, last first. The loss has already written the gradient of its input.
  ///
  /// All readers of an operation's output have run their backward passes before its own, so the gradient of the output is
  /// released after it. Gradients of tensors that no operation made, of `makeTensor`, are kept.
  package func backward() {
    let mark = arena.mark
    for (operation, output, run) in backwards.reversed() {
      run()
      arena.release(to: mark)
      if let output, let gradient = output.gradient {
        gradients.release(gradient, bytes: output.count * output.type.size)
        output.gradient = nil
      }
      profile?.lap(operation, isBackward: true)
    }
    backwards.removeAll(keepingCapacity: true)
  }

  /// The most bytes of activations and gradients at the same time since `begin`.
  package var peakBytes: Int { arena.peak + gradients.peak }

  /// The bytes that activations and gradients have from the system.
  package var capacity: Int { arena.capacity + gradients.capacity }

  /// Sets the gradient of a loss with respect to `tensor`, before `backward`: for a loss that is not an operation of
  /// the tape.
  package func seedGradient(of tensor: Tensor, with values: [Float]) {
    precondition(
      values.count == tensor.count,
      "seedGradient: \(values.count) values for [\(tensor.rows), \(tensor.columns)]")
    let bytes = destination(of: tensor).bytes
    let gradient = Tensor(
      rows: tensor.rows, columns: tensor.columns, type: tensor.type, bytes: bytes, owner: memory)
    values.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { convert(base, count: values.count, to: gradient) }
    }
  }

  /// The memory for the gradient of `tensor`, and whether a backward pass has to add to it instead of writing.
  func destination(of tensor: Tensor) -> (bytes: UnsafeMutableRawPointer, accumulates: Bool) {
    if let gradient = tensor.gradient { return (gradient, true) }
    let gradient = gradients.allocate(bytes: tensor.count * tensor.type.size)
    tensor.gradient = gradient
    return (gradient, false)
  }

  /// destination += source, both of `type`.
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

  /// The dropout of the next operation; none outside training.
  func nextDropout(rate: Double) -> Dropout {
    guard rate > 0, lane != nil, dropoutStream != nil else { return .none }
    return dropoutStream?.next(rate: rate) ?? .none
  }
}
