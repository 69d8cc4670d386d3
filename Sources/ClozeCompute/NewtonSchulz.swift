internal import CKernels

/// Orthogonalization for one worker: makes all singular values of a matrix about 1, between 0.7 and 1.2, and leaves its
/// singular vectors. Five steps of an iteration of odd polynomials,
///
///     A = X Xᵀ,  X = a X + (b A + c A²) X
///
/// on the shorter side: of a tall matrix, A = Xᵀ X stands on the right. It needs products alone, which read X and A in the
/// precision of the model and sum in float32; X itself is float32.
///
/// Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks",
/// https://kellerjordan.github.io/posts/muon.
///
/// `@unchecked Sendable`: one worker at a time owns it.
package final class NewtonSchulz: @unchecked Sendable {
  private static let stepCount = 5
  private static let (a, b, c): (Float, Float, Float) = (3.4445, -4.7750, 2.0315)
  /// The least norm that a matrix is divided by.
  private static let epsilon = 1e-7

  private let precision: ElementType
  private let products = MatrixProducts()
  private let arena = Arena()

  package init(precision: ElementType) {
    self.precision = precision
  }

  /// The bytes of memory for a matrix, as long as it is at work: X, A and their copies in the precision of the products.
  package static func memoryBytes(_ matrix: HiddenMatrix, precision: ElementType) -> Int {
    let side = min(matrix.rows, matrix.columns)
    return (MemoryLayout<Float>.size + precision.size) * (matrix.count + side * side)
  }

  /// Memory for the values of a matrix, until the next call.
  package func begin(_ matrix: HiddenMatrix) -> UnsafeMutablePointer<Float> {
    arena.reset()
    return arena.allocate(Float.self, count: matrix.count)
  }

  /// Orthogonalizes the values that `begin` gave memory for.
  ///
  /// - Parameter sumOfSquares: of the values.
  package func orthogonalize(
    _ values: UnsafeMutablePointer<Float>, _ matrix: HiddenMatrix, sumOfSquares: Double
  ) {
    MatrixProducts.useCallingThreadOnly()
    let side = min(matrix.rows, matrix.columns)
    let memory = Memory(
      values: values, gram: arena.allocate(Float.self, count: side * side),
      valuesRead: arena.allocate(bytes: matrix.count * precision.size),
      gramRead: arena.allocate(bytes: side * side * precision.size))
    let norm = max(sumOfSquares.squareRoot(), NewtonSchulz.epsilon)
    cloze_scale(matrix.count, Float(1 / norm), values)
    for _ in 0..<NewtonSchulz.stepCount { step(memory, matrix, side: side) }
  }

  private struct Memory {
    /// X
    let values: UnsafeMutablePointer<Float>
    /// A
    let gram: UnsafeMutablePointer<Float>
    /// What products read of both.
    let valuesRead: UnsafeMutableRawPointer
    let gramRead: UnsafeMutableRawPointer
  }

  private func step(_ memory: Memory, _ matrix: HiddenMatrix, side: Int) {
    let (isTall, long) = (matrix.rows > matrix.columns, max(matrix.rows, matrix.columns))
    copy(memory.values, count: matrix.count, to: memory.valuesRead)
    let x = Operand(memory.valuesRead, columns: matrix.columns)
    let gram = Operand(UnsafeMutableRawPointer(memory.gram), columns: side)
    let gramRead = Operand(memory.gramRead, columns: side)
    products.run(
      m: side, n: side, k: long, a: isTall ? x.transposed : x, b: isTall ? x : x.transposed, c: gram,
      inputType: precision, outputType: .float32)
    // The product adds to its result, so c, which multiplies A², comes last.
    copy(memory.gram, count: side * side, to: memory.gramRead)
    cloze_scale(side * side, NewtonSchulz.b / NewtonSchulz.c, memory.gram)
    products.run(
      m: side, n: side, k: side, a: gramRead, b: gramRead, c: gram, inputType: precision,
      outputType: .float32, accumulates: true)
    cloze_scale(side * side, NewtonSchulz.c, memory.gram)
    copy(memory.gram, count: side * side, to: memory.gramRead)
    cloze_scale(matrix.count, NewtonSchulz.a, memory.values)
    products.run(
      m: matrix.rows, n: matrix.columns, k: side, a: isTall ? x : gramRead, b: isTall ? gramRead : x,
      c: Operand(UnsafeMutableRawPointer(memory.values), columns: matrix.columns), inputType: precision,
      outputType: .float32, accumulates: true)
  }

  private func copy(
    _ source: UnsafeMutablePointer<Float>, count: Int, to destination: UnsafeMutableRawPointer
  ) {
    switch precision {
    case .float32: destination.copyMemory(from: source, byteCount: count * MemoryLayout<Float>.size)
    case .bfloat16: cloze_convert_f32_bf16(count, source, destination.assumingMemoryBound(to: UInt16.self))
    }
  }
}
