internal import CKernels

/// The states of a recurrent layer of one direction for R rows that are decoded together: what `KeyValueCache` is to
/// attention, but of the same size after any number of tokens.
///
/// The memory belongs to the tape and is valid until the tape begins its next micro-batch.
package final class RecurrentState {
  private let parameters: RecurrentParameters
  private let type: ElementType
  private let maximumRowCount: Int
  package private(set) var rowCount: Int
  /// [rows, H] in f32: the state, of an LSTM its cell. The second is where `reorder` writes.
  private var states: (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>)
  /// [rows, H]: the state as the products read it.
  private var operands: (UnsafeMutableRawPointer, UnsafeMutableRawPointer)
  private let product: UnsafeMutablePointer<Float>
  private let kept: UnsafeMutableRawPointer
  private let rows: UnsafePointer<Int32>
  private let weight: Operand

  /// All rows begin with zeros.
  ///
  /// - Parameter maximumRowCount: the most rows after a `reorder`; nil means `rowCount`.
  package init(_ tape: Tape, _ parameters: RecurrentParameters, rowCount: Int, maximumRowCount: Int? = nil) {
    precondition(
      parameters.directionCount == 1, "RecurrentState: a state of \(parameters.directionCount) directions")
    (self.parameters, self.rowCount, type) = (parameters, rowCount, tape.precision)
    self.maximumRowCount = max(rowCount, maximumRowCount ?? 0)
    let (arena, width) = (tape.arena, parameters.width)
    let most = RecurrentSteps.padded(self.maximumRowCount)
    func zeros(_ bytes: Int) -> UnsafeMutableRawPointer {
      let memory = arena.allocate(bytes: bytes)
      memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
      return memory
    }
    func floats() -> UnsafeMutablePointer<Float> {
      zeros(most * width * 4).assumingMemoryBound(to: Float.self)
    }
    states = (floats(), floats())
    operands = (zeros(most * width * type.size), zeros(most * width * type.size))
    product = arena.allocate(Float.self, count: most * parameters.gateWidth)
    kept = arena.allocate(bytes: most * parameters.cell.keptCount * width * type.size)
    rows = arena.copy((0..<Int32(most)).map { $0 })
    weight = tape.products.pack(
      Operand(tape.store.operandBytes(parameters.state.weight), columns: width).transposed,
      n: parameters.gateWidth, k: width, type: type, in: arena)
  }

  /// Bytes of a row.
  package static func bytesPerRow(width: Int, cell: RecurrentCell, type: ElementType) -> Int {
    2 * width * (4 + type.size) + cell.gateCount * width * 4 + cell.keptCount * width * type.size
  }

  /// Replaces row r by the old row `parents[r]`. Rows may be dropped or repeated, up to the maximum.
  package func reorder(_ parents: [Int]) {
    precondition(
      parents.count <= maximumRowCount && parents.allSatisfy { $0 >= 0 && $0 < rowCount },
      "RecurrentState: \(rowCount) rows cannot become \(parents)")
    let width = parameters.width
    for (row, parent) in parents.enumerated() {
      (states.1 + row * width).update(from: states.0 + parent * width, count: width)
      (operands.1 + row * width * type.size).copyMemory(
        from: operands.0 + parent * width * type.size, byteCount: width * type.size)
    }
    (states, operands) = ((states.1, states.0), (operands.1, operands.0))
    rowCount = parents.count
  }

  /// Moves each row on by a token.
  ///
  /// - Parameters:
  ///   - gates: W_i x + b_i of the new tokens [R, gates · H], and rows of padding.
  ///   - output: [R, H]: the new states.
  fileprivate func advance(_ tape: Tape, gates: Tensor, output: Tensor) {
    let (width, gateWidth) = (parameters.width, parameters.gateWidth)
    tape.products.run(
      m: RecurrentSteps.padded(rowCount), n: gateWidth, k: width, a: Operand(operands.0, columns: width),
      b: weight,
      bias: parameters.state.bias.map { tape.store.values + $0.offset },
      c: Operand(product, columns: gateWidth), inputType: type, outputType: .float32)
    var step = cloze_recurrent_step(
      rows: rowCount, width: width, tokens: rows, input_stride: gateWidth, output_stride: width)
    parameters.cell.run(
      &step, type, input: gates.bytes, product: product, state: states.0, operand: operands.0, kept: kept,
      output: output.bytes)
  }
}

extension Tape {
  /// One step of a recurrent layer: one new token for each row of `state`, [R, D] to [R, H]. Further rows of `input` are
  /// padding, and become zeros.
  package func recurrent(step input: Tensor, _ parameters: RecurrentParameters, state: RecurrentState)
    -> Tensor
  {
    precondition(input.rows >= state.rowCount, "recurrent: \(input.rows) tokens for \(state.rowCount) rows")
    let gates = linear(input, parameters.input)
    let output = makeTensor(rows: input.rows, columns: parameters.width)
    clearRows(from: state.rowCount, of: output.bytes, columns: output.columns, rows: output.rows)
    state.advance(self, gates: gates, output: output)
    return output
  }
}
