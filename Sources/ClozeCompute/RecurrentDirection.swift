internal import CKernels

/// One direction of a recurrent layer over a micro-batch: the loop over its steps, and what the loop back reads.
///
/// Memory whose comment says "by step" has a row for each token in the order of `RecurrentSteps`, not in that of the tokens.
struct RecurrentDirection {
  private let parameters: RecurrentParameters
  private let index: Int
  private let steps: RecurrentSteps
  /// N, of which the first rows are tokens.
  private let rowCount: Int
  private let gates: Tensor
  private let output: Tensor
  /// By step, the number of the token.
  private let tokens: UnsafePointer<Int32>
  /// By step, what the cell keeps for its gradient [N, kept · H]. Without recording, of one step only.
  private let kept: UnsafeMutableRawPointer
  /// By step, the state before the step [N, H], with rows of zeros behind the last; only if recorded.
  private let previous: UnsafeMutableRawPointer
  private let isRecorded: Bool

  /// Allocates the memory that lasts until the backward pass.
  ///
  /// - Parameters:
  ///   - gates: W_i x + b_i of all directions [N, directions · gates · H].
  ///   - output: [N, directions · H]
  init(
    _ tape: Tape, _ parameters: RecurrentParameters, index: Int, steps: RecurrentSteps, gates: Tensor,
    output: Tensor
  ) {
    (self.parameters, self.index, self.steps) = (parameters, index, steps)
    (self.gates, self.output, rowCount) = (gates, output, gates.rows)
    isRecorded = tape.isRecording
    tokens = tape.arena.copy(steps.tokens[index])
    let keptRows = isRecorded ? rowCount : steps.counts.first ?? 0
    kept = tape.arena.allocate(
      bytes: keptRows * parameters.cell.keptCount * parameters.width * gates.type.size)
    let previousBytes = isRecorded ? rowCount * parameters.width * gates.type.size : 0
    previous = tape.arena.allocate(bytes: previousBytes)
    previous.initializeMemory(as: UInt8.self, repeating: 0, count: previousBytes)
  }

  private var width: Int { parameters.width }
  private var type: ElementType { gates.type }
  private var stateWeightOffset: Int { index * parameters.gateWidth * width }

  private func stateBias(_ tape: Tape) -> UnsafeMutablePointer<Float>? {
    parameters.state.bias.map { tape.store.values + $0.offset + index * parameters.gateWidth }
  }

  private func stateWeight(_ tape: Tape) -> UnsafeMutableRawPointer {
    tape.store.operandBytes(parameters.state.weight) + stateWeightOffset * type.size
  }

  private func step(_ t: Int) -> cloze_recurrent_step {
    cloze_recurrent_step(
      rows: steps.counts[t], width: width, tokens: tokens + steps.starts[t], input_stride: gates.columns,
      output_stride: output.columns)
  }

  /// The kept rows of a step.
  private func keptRows(_ t: Int) -> UnsafeMutableRawPointer {
    isRecorded ? kept + steps.starts[t] * parameters.cell.keptCount * width * type.size : kept
  }

  /// This direction's columns of the first row of a matrix [N, directions · `columns`].
  private func columns(_ bytes: UnsafeMutableRawPointer, _ columns: Int) -> UnsafeMutableRawPointer {
    bytes + index * columns * type.size
  }

  private func zeros(_ tape: Tape, bytes: Int) -> UnsafeMutableRawPointer {
    let memory = tape.arena.allocate(bytes: bytes)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    return memory
  }

  /// Computes the states of all tokens.
  func run(_ tape: Tape) {
    let mark = tape.arena.mark
    defer { tape.arena.release(to: mark) }
    let (rows, gateWidth) = (steps.rowCount, parameters.gateWidth)
    // The state in f32, of an LSTM its cell; and the state as the products read it.
    let state = zeros(tape, bytes: rows * width * 4).assumingMemoryBound(to: Float.self)
    let operand = zeros(tape, bytes: rows * width * type.size)
    let product = tape.arena.allocate(Float.self, count: rows * gateWidth)
    let weight = tape.products.pack(
      Operand(stateWeight(tape), columns: width).transposed, n: gateWidth, k: width, type: type,
      in: tape.arena)
    for t in steps.counts.indices {
      let count = steps.counts[t]
      if isRecorded {
        (previous + steps.starts[t] * width * type.size).copyMemory(
          from: operand, byteCount: count * width * type.size)
      }
      tape.products.run(
        m: RecurrentSteps.padded(count), n: gateWidth, k: width, a: Operand(operand, columns: width),
        b: weight,
        bias: stateBias(tape), c: Operand(product, columns: gateWidth), inputType: type,
        outputType: .float32)
      var step = step(t)
      parameters.cell.run(
        &step, type, input: columns(gates.bytes, gateWidth), product: product, state: state, operand: operand,
        kept: keptRows(t), output: columns(output.bytes, width))
    }
  }

  /// Computes the gradient of the gates' sums from that of the output.
  ///
  /// - Parameters:
  ///   - outputGradient: [N, directions · H]
  ///   - gatesGradient: [N, directions · gates · H], of which the rows of tokens are written.
  func runGradient(
    _ tape: Tape, of outputGradient: UnsafeMutableRawPointer, gates gatesGradient: UnsafeMutableRawPointer
  ) {
    let mark = tape.arena.mark
    defer { tape.arena.release(to: mark) }
    let (rows, gateWidth) = (steps.rowCount, parameters.gateWidth)
    let stateGradient = zeros(tape, bytes: rows * width * 4).assumingMemoryBound(to: Float.self)
    let cellGradient = zeros(tape, bytes: parameters.cell == .lstm ? rows * width * 4 : 0)
      .assumingMemoryBound(to: Float.self)
    // Its rows behind the last sequence stay zeros, since the number of rows grows on the way back.
    let productGradient = zeros(tape, bytes: rows * gateWidth * type.size)
    let beforeFirst = zeros(
      tape, bytes: parameters.cell == .lstm ? rows * parameters.cell.keptCount * width * type.size : 0)
    let weight = tape.products.pack(
      Operand(stateWeight(tape), columns: width), n: width, k: gateWidth, type: type, in: tape.arena)
    for t in steps.counts.indices.reversed() {
      runCellGradient(
        t, before: t > 0 ? keptRows(t - 1) : beforeFirst, of: outputGradient, state: stateGradient,
        cell: cellGradient, gates: gatesGradient, product: productGradient)
      if t > 0 {
        tape.products.run(
          m: RecurrentSteps.padded(steps.counts[t]), n: width, k: gateWidth,
          a: Operand(productGradient, columns: gateWidth), b: weight,
          c: Operand(stateGradient, columns: width), inputType: type, outputType: .float32, accumulates: true)
      }
      keepProductGradient(t, productGradient)
    }
  }

  /// - Parameter before: what the step before has kept, zeros for the first.
  private func runCellGradient(
    _ t: Int, before: UnsafeMutableRawPointer, of outputGradient: UnsafeMutableRawPointer,
    state: UnsafeMutablePointer<Float>, cell: UnsafeMutablePointer<Float>,
    gates gatesGradient: UnsafeMutableRawPointer, product: UnsafeMutableRawPointer
  ) {
    var step = step(t)
    let outputGradient = columns(outputGradient, width)
    let gatesGradient = columns(gatesGradient, parameters.gateWidth)
    let previous = previous + steps.starts[t] * width * type.size
    switch type {
    case .float32:
      func floats(_ bytes: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Float> {
        bytes.assumingMemoryBound(to: Float.self)
      }
      switch parameters.cell {
      case .gru:
        cloze_gru_gradient_f32(
          &step, floats(keptRows(t)), floats(previous), floats(outputGradient), state, floats(gatesGradient),
          floats(product))
      case .lstm:
        cloze_lstm_gradient_f32(
          &step, floats(keptRows(t)), floats(before), floats(outputGradient), state, cell,
          floats(gatesGradient),
          floats(product))
      }
    case .bfloat16:
      func halves(_ bytes: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt16> {
        bytes.assumingMemoryBound(to: UInt16.self)
      }
      switch parameters.cell {
      case .gru:
        cloze_gru_gradient_bf16(
          &step, halves(keptRows(t)), halves(previous), halves(outputGradient), state, halves(gatesGradient),
          halves(product))
      case .lstm:
        cloze_lstm_gradient_bf16(
          &step, halves(keptRows(t)), halves(before), halves(outputGradient), state, cell,
          halves(gatesGradient),
          halves(product))
      }
    }
  }

  /// Moves the gradient of the product to the place of what the step has kept, which nothing reads any more: each row of
  /// [N, kept · H] begins with gates · H of it.
  private func keepProductGradient(_ t: Int, _ gradient: UnsafeMutableRawPointer) {
    let (rowBytes, keptBytes) = (
      parameters.gateWidth * type.size, parameters.cell.keptCount * width * type.size
    )
    for row in 0..<steps.counts[t] {
      (keptRows(t) + row * keptBytes).copyMemory(from: gradient + row * rowBytes, byteCount: rowBytes)
    }
  }

  /// Adds the gradients of the weights of the states: one product over all tokens. After `runGradient`.
  ///
  /// - Parameter weight: the memory for that of the matrix, all directions, and whether to add to it; nil if it is frozen.
  func addWeightGradient(
    _ tape: Tape, _ lane: GradientLane, _ weight: (values: UnsafeMutablePointer<Float>, accumulates: Bool)?
  ) {
    let mark = tape.arena.mark
    defer { tape.arena.release(to: mark) }
    let (gateWidth, keptWidth) = (parameters.gateWidth, parameters.cell.keptCount * width)
    let tokenCount = (steps.starts.last ?? 0) + (steps.counts.last ?? 0)
    // As many rows as the micro-batch has, so that the product has few shapes.
    (kept + tokenCount * keptWidth * type.size).initializeMemory(
      as: UInt8.self, repeating: 0, count: (rowCount - tokenCount) * keptWidth * type.size)
    if let weight {
      tape.products.run(
        m: gateWidth, n: width, k: rowCount, a: Operand(kept, columns: keptWidth).transposed,
        b: Operand(previous, columns: width),
        c: Operand(UnsafeMutableRawPointer(weight.values + stateWeightOffset), columns: width),
        inputType: type, outputType: .float32, accumulates: weight.accumulates)
    }
    if let bias = parameters.state.bias, !tape.store.isFrozen(bias) {
      let sums = zeros(tape, bytes: keptWidth * 4).assumingMemoryBound(to: Float.self)
      tape.addColumnSums(of: kept, rows: rowCount, columns: keptWidth, to: sums)
      cloze_add_f32(gateWidth, lane.accumulator(of: bias) + index * gateWidth, sums)
    }
  }
}

extension RecurrentCell {
  /// A step of the cell, see `cloze_recurrent_step` in `kernels.h`.
  func run(
    _ step: inout cloze_recurrent_step, _ type: ElementType, input: UnsafeMutableRawPointer,
    product: UnsafeMutablePointer<Float>, state: UnsafeMutablePointer<Float>,
    operand: UnsafeMutableRawPointer, kept: UnsafeMutableRawPointer, output: UnsafeMutableRawPointer
  ) {
    switch type {
    case .float32:
      (self == .gru ? cloze_gru_f32 : cloze_lstm_f32)(
        &step, input.assumingMemoryBound(to: Float.self), product, state,
        operand.assumingMemoryBound(to: Float.self), kept.assumingMemoryBound(to: Float.self),
        output.assumingMemoryBound(to: Float.self))
    case .bfloat16:
      (self == .gru ? cloze_gru_bf16 : cloze_lstm_bf16)(
        &step, input.assumingMemoryBound(to: UInt16.self), product, state,
        operand.assumingMemoryBound(to: UInt16.self), kept.assumingMemoryBound(to: UInt16.self),
        output.assumingMemoryBound(to: UInt16.self))
    }
  }
}
