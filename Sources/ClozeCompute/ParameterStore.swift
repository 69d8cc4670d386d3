internal import CKernels
package import ClozeCore
internal import Foundation

/// One learned tensor: a range of a `ParameterStore` with a path.
package struct Parameter: Sendable {
  /// Its name, which is the path of its Swift property, such as `encoder.layers.0.attention.queryKeyValue.weight`.
  package let path: String
  /// [columns] for a vector, [rows, columns] for a matrix.
  package let shape: [Int]
  package let initialization: Initialization
  /// Its index in the store, which also selects the random stream of its initial values.
  package let index: Int
  /// The index of its first value in the store's flat buffers.
  package let offset: Int
  /// How many weight matrices of hidden layers lie in it, one below the other: 3 where queries, keys and values are one product;
  /// 0 for tables, output layers and vectors.
  package let hiddenMatrixCount: Int

  package enum Initialization: Sendable, Equatable {
    case zeros
    case ones
    /// Normal with mean 0 and this standard deviation, cut off at two deviations.
    case normal(standardDeviation: Float)
  }

  package var count: Int { shape.reduce(1, *) }
  package var rows: Int { shape.count > 1 ? shape[0] : 1 }
  package var columns: Int { shape[shape.count - 1] }
  package var range: Range<Int> { offset..<offset + count }
  /// Whether weight decay applies: to matrices, and not to biases and norms, as in BERT.
  package var decays: Bool { shape.count > 1 }
  /// The weight matrices of hidden layers in it.
  package var hiddenMatrices: [HiddenMatrix] {
    (0..<hiddenMatrixCount).map { index in
      let rows = self.rows / hiddenMatrixCount
      return HiddenMatrix(offset: offset + index * rows * columns, rows: rows, columns: columns)
    }
  }
}

/// A weight matrix of a hidden layer [rows, columns], row-major: a range of a `ParameterStore`.
package struct HiddenMatrix: Sendable, Equatable {
  /// The index of its first value in the store's flat buffers.
  package let offset: Int
  package let rows: Int
  package let columns: Int

  package var count: Int { rows * columns }
}

/// All parameters of a model in one flat f32 buffer, and for bf16 products a second buffer with bf16 copies.
///
/// In a flat buffer, everything that concerns all parameters (gradient sums, clipping, AdamW, checkpoints) is one pass
/// over memory. First the modules `declare` their parameters, then `allocate` makes and initialises the buffers.
///
/// `@unchecked Sendable`: only the optimizer's step changes values, while no worker runs.
package final class ParameterStore: @unchecked Sendable {
  package private(set) var parameters: [Parameter] = []
  /// Elements of a flat buffer, gaps for alignment included.
  package private(set) var elementCount = 0
  package let precision: ElementType
  private var valueBuffer: UnsafeMutableBufferPointer<Float> = .init(start: nil, count: 0)
  private var copyBuffer: UnsafeMutableBufferPointer<UInt16> = .init(start: nil, count: 0)
  /// By index, as far as any parameter is frozen.
  private var frozen: [Bool] = []

  /// - Parameter precision: the type that matrix products read.
  package init(precision: ElementType) {
    self.precision = precision
  }

  deinit {
    valueBuffer.deallocate()
    copyBuffer.deallocate()
  }

  /// Adds a parameter; `allocate` allocates its memory.
  ///
  /// - Parameter hiddenMatrixCount: see `Parameter.hiddenMatrixCount`.
  package func declare(
    _ path: String, shape: [Int], initialization: Parameter.Initialization, hiddenMatrixCount: Int = 0
  ) -> Parameter {
    precondition(
      hiddenMatrixCount == 0 || shape.count == 2 && shape[0] % hiddenMatrixCount == 0,
      "\(path) \(shape) is not \(hiddenMatrixCount) matrices")
    precondition(valueBuffer.isEmpty, "\(path) is declared after the store was allocated")
    let parameter = Parameter(
      path: path, shape: shape, initialization: initialization, index: parameters.count, offset: elementCount,
      hiddenMatrixCount: hiddenMatrixCount)
    parameters.append(parameter)
    elementCount += (parameter.count + 15) / 16 * 16
    return parameter
  }

  /// The number of learned numbers.
  package var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }

  /// Allocates the buffers and draws the initial weights, those of each parameter from a random stream of its own.
  ///
  /// - Parameter seed: nil draws nothing, for weights that are read from a file.
  package func allocate(seed: UInt64?) {
    valueBuffer = .allocate(capacity: elementCount)
    valueBuffer.initialize(repeating: 0)
    if precision == .bfloat16 {
      copyBuffer = .allocate(capacity: elementCount)
      copyBuffer.initialize(repeating: 0)
    }
    guard let seed else { return }
    for parameter in parameters {
      let values = values(of: parameter)
      switch parameter.initialization {
      case .zeros: break
      case .ones: values.update(repeating: 1)
      case .normal(let deviation):
        var random = CounterRandom(seed: seed, purpose: .initialWeights, index: parameter.index)
        for i in values.indices { values[i] = deviation * random.truncatedNormal() }
      }
    }
    refreshCopies()
  }

  /// Leaves these parameters, and no others, as they are in training: no gradient is needed of them, and the optimizer passes
  /// over them. Called between steps.
  package func freeze(_ parameters: some Sequence<Parameter>) {
    frozen = Array(repeating: false, count: self.parameters.count)
    for parameter in parameters { frozen[parameter.index] = true }
  }

  /// Calls `body` while no parameter is frozen.
  package func withoutFreezing<Value>(_ body: () throws -> Value) rethrows -> Value {
    let before = frozen
    frozen = []
    defer { frozen = before }
    return try body()
  }

  package func isFrozen(_ parameter: Parameter) -> Bool { !frozen.isEmpty && frozen[parameter.index] }

  /// Whether all parameters of these indices are frozen.
  package func isFrozen(_ indices: Range<Int>) -> Bool {
    !frozen.isEmpty && frozen[indices].allSatisfy { $0 }
  }

  /// The flat buffer of all values.
  package var values: UnsafeMutablePointer<Float> {
    guard let base = valueBuffer.baseAddress else { preconditionFailure("the store is not allocated") }
    return base
  }

  /// The flat buffer of bf16 copies; nil in f32.
  package var copies: UnsafeMutablePointer<UInt16>? { copyBuffer.baseAddress }

  package func values(of parameter: Parameter) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: values + parameter.offset, count: parameter.count)
  }

  /// The memory that matrix products read: the bf16 copy, or the f32 values.
  func operandBytes(_ parameter: Parameter) -> UnsafeMutableRawPointer {
    if let copies { return UnsafeMutableRawPointer(copies + parameter.offset) }
    return UnsafeMutableRawPointer(values + parameter.offset)
  }

  /// Updates the bf16 copies after values were written.
  package func refreshCopies() {
    if let copies { cloze_convert_f32_bf16(elementCount, values, copies) }
  }
}

extension CounterRandom {
  /// A draw from the standard normal distribution, repeated until it lies within two deviations.
  ///
  /// Source: Box and Muller 1958.
  package mutating func truncatedNormal() -> Float {
    while true {
      let radius = (-2 * log(1 - uniform())).squareRoot()
      let value = radius * cos(2 * Double.pi * uniform())
      if abs(value) <= 2 { return Float(value) }
    }
  }
}
