internal import CKernels

/// The weights of a spatial gate: a weight for each distance between two places, and a bias, for each group of channels.
package struct SpatialGateParameters: Sendable {
  /// [groups, 2 reach - 1]: column reach - 1 + d weighs the token d places behind the one that is gated.
  package let weight: Parameter
  /// [groups]
  package let bias: Parameter

  package init(weight: Parameter, bias: Parameter) {
    precondition(
      weight.columns % 2 == 1 && bias.count == weight.rows,
      "spatialGate: \(weight.path) \(weight.shape), \(bias.path) \(bias.shape)")
    (self.weight, self.bias) = (weight, bias)
  }

  package var groupCount: Int { weight.rows }
  /// Tokens that are `reach` or more places apart do not see each other.
  package var reach: Int { (weight.columns + 1) / 2 }
}

extension Tape {
  /// gMLP's gating of tokens by their neighbours, over each sequence apart; all of shape [N, E]:
  ///
  ///     y[i, c] = content[i, c] · (bias[g] + Σ_j weight[g, reach - 1 + j - i] · mixed[j, c])
  ///
  /// where g is the group of the channel c, and j runs over the tokens of i's sequence less than `reach` away. The paper
  /// has a matrix with a weight for each pair of places and a bias for each place, one for all channels. A weight for each
  /// distance (a Toeplitz matrix, which the paper found that such matrices become) holds for sequences of any length.
  /// Rows in no sequence become zeros.
  ///
  /// The products are in f32 in either precision: sequences have as many lengths as texts, and `smallProduct` prepares none.
  ///
  /// Source: Liu et al. 2021, "Pay attention to MLPs", section 2.1. arXiv:2105.08050
  package func spatialGate(
    _ content: Tensor, _ mixed: Tensor, _ parameters: SpatialGateParameters, sequences: Sequences
  ) -> Tensor {
    precondition(
      content.rows == mixed.rows && content.columns == mixed.columns && content.type == precision
        && mixed.type == precision && content.columns % parameters.groupCount == 0
        && sequences.tokenCount <= content.rows,
      "spatialGate: [\(content.rows), \(content.columns)] and [\(mixed.rows), \(mixed.columns)], "
        + "\(parameters.groupCount) groups, sequences of \(sequences.tokenCount) tokens")
    let output = makeTensor(rows: content.rows, columns: content.columns)
    let kept = makeTensor(rows: content.rows, columns: content.columns)
    for tensor in [output, kept] {
      let bytes = sequences.tokenCount * tensor.columns * tensor.type.size
      (tensor.bytes + bytes).initializeMemory(
        as: UInt8.self, repeating: 0, count: tensor.count * tensor.type.size - bytes)
    }
    let gate = SpatialGate(
      content: content, mixed: mixed, kept: kept, output: output, parameters: parameters, sequences: sequences
    )
    let mark = arena.mark
    gate.run(self)
    arena.release(to: mark)
    record("spatialGate", output) { [unowned self] in
      guard let lane, let outputGradient = output.gradient, content.rows > 0 else { return }
      gate.runGradient(self, lane, of: outputGradient)
    }
    return output
  }
}

/// A spatial gate over a micro-batch. A sequence is computed in blocks of rows, each with the columns that it reaches.
private struct SpatialGate {
  let content: Tensor
  let mixed: Tensor
  /// The gates Σ + bias, which the backward pass reads.
  let kept: Tensor
  let output: Tensor
  let parameters: SpatialGateParameters
  let sequences: Sequences

  private static let blockRows = 128

  private var width: Int { mixed.columns }
  private var groupWidth: Int { width / parameters.groupCount }

  /// A block of rows of a sequence, and the rows within reach of any of them, both as rows of the micro-batch.
  private struct Block {
    let rows: Range<Int>
    let sources: Range<Int>

    /// The place of the first source, counted from the first row.
    var first: Int { sources.lowerBound - rows.lowerBound }
  }

  private func visitBlocks(_ sequence: Range<Int>, _ body: (Block) -> Void) {
    for start in stride(from: sequence.lowerBound, to: sequence.upperBound, by: SpatialGate.blockRows) {
      let rows = start..<min(start + SpatialGate.blockRows, sequence.upperBound)
      let reach = parameters.reach - 1
      body(
        Block(
          rows: rows,
          sources: max(sequence.lowerBound, start - reach)..<min(sequence.upperBound, rows.upperBound + reach)
        ))
    }
  }

  /// As many elements as the largest block of the micro-batch has weights.
  private func blockMemory(_ tape: Tape) -> UnsafeMutablePointer<Float> {
    var count = 0
    for index in 0..<sequences.count {
      visitBlocks(sequences[index]) { count = max(count, $0.rows.count * $0.sources.count) }
    }
    return tape.arena.allocate(Float.self, count: count)
  }

  /// The weights of a group [2 reach - 1].
  private func weights(_ tape: Tape, _ group: Int) -> UnsafeMutablePointer<Float> {
    tape.store.values + parameters.weight.offset + group * parameters.weight.columns
  }

  private func fill(_ matrix: UnsafeMutablePointer<Float>, _ tape: Tape, _ block: Block, _ group: Int) {
    cloze_toeplitz(
      block.rows.count, block.sources.count, block.first, parameters.reach, weights(tape, group), matrix)
  }

  /// Values [N, E] in f32: themselves, or a copy.
  private func floats(_ tape: Tape, _ tensor: Tensor) -> UnsafeMutablePointer<Float> {
    guard tensor.type == .bfloat16 else { return tensor.floats }
    let copy = tape.arena.allocate(Float.self, count: tensor.count)
    cloze_load_bf16(tensor.count, tensor.halves, copy)
    return copy
  }

  func run(_ tape: Tape) {
    let values = floats(tape, mixed)
    let matrix = blockMemory(tape)
    let product = tape.arena.allocate(Float.self, count: SpatialGate.blockRows * groupWidth)
    for index in 0..<sequences.count {
      visitBlocks(sequences[index]) { block in
        for group in 0..<parameters.groupCount {
          let column = group * groupWidth
          fill(matrix, tape, block, group)
          smallProduct(
            m: block.rows.count, n: groupWidth, k: block.sources.count, a: matrix,
            strideA: block.sources.count, b: values + block.sources.lowerBound * width + column,
            strideB: width, c: product, strideC: groupWidth)
          gate(block, column, tape.store.values[parameters.bias.offset + group], product)
        }
      }
    }
  }

  private func gate(_ block: Block, _ column: Int, _ bias: Float, _ product: UnsafeMutablePointer<Float>) {
    let place = block.rows.lowerBound * width + column
    switch output.type {
    case .float32:
      cloze_gate_f32(
        block.rows.count, groupWidth, width, bias, content.floats + place, product, kept.floats + place,
        output.floats + place)
    case .bfloat16:
      cloze_gate_bf16(
        block.rows.count, groupWidth, width, bias, content.halves + place, product, kept.halves + place,
        output.halves + place)
    }
  }

  func runGradient(_ tape: Tape, _ lane: GradientLane, of outputGradient: UnsafeMutableRawPointer) {
    let values = floats(tape, mixed)
    let (gateGradient, valuesGradient) = (
      tape.arena.allocate(Float.self, count: mixed.count), tape.arena.allocate(Float.self, count: mixed.count)
    )
    contentGradient(tape, of: outputGradient, gateGradient)
    clearPadding(gateGradient)
    valuesGradient.update(repeating: 0, count: mixed.count)
    let weight = tape.store.isFrozen(parameters.weight) ? nil : lane.accumulator(of: parameters.weight)
    let matrix = blockMemory(tape)
    for index in 0..<sequences.count {
      visitBlocks(sequences[index]) { block in
        for group in 0..<parameters.groupCount {
          let column = group * groupWidth
          let (rows, sources) = (block.rows.count, block.sources.count)
          let d = gateGradient + block.rows.lowerBound * width + column
          let place = block.sources.lowerBound * width + column
          // d mixed += Sᵀ d
          fill(matrix, tape, block, group)
          smallProduct(
            m: sources, n: groupWidth, k: rows, a: matrix, strideA: sources, transposeA: true, b: d,
            strideB: width, beta: 1, c: valuesGradient + place, strideC: width)
          // dS = d mixedᵀ, whose diagonals are the gradients of the weights.
          guard let weight else { continue }
          smallProduct(
            m: rows, n: sources, k: groupWidth, a: d, strideA: width, b: values + place, strideB: width,
            transposeB: true, c: matrix, strideC: sources)
          cloze_toeplitz_gradient(
            rows, sources, block.first, parameters.reach, matrix, weight + group * parameters.weight.columns)
        }
      }
    }
    addBiasGradient(tape, lane, gateGradient)
    let (bytes, accumulates) = tape.destination(of: mixed)
    switch mixed.type {
    case .float32:
      cloze_store_f32(
        mixed.count, valuesGradient, bytes.assumingMemoryBound(to: Float.self), accumulates ? 1 : 0)
    case .bfloat16:
      cloze_store_bf16(
        mixed.count, valuesGradient, bytes.assumingMemoryBound(to: UInt16.self), accumulates ? 1 : 0)
    }
  }

  /// The gradients of the content, and of the gates in f32 [N, E].
  private func contentGradient(
    _ tape: Tape, of outputGradient: UnsafeMutableRawPointer, _ gateGradient: UnsafeMutablePointer<Float>
  ) {
    let (bytes, accumulates) = tape.destination(of: content)
    switch content.type {
    case .float32:
      cloze_gate_gradient_f32(
        content.count, outputGradient.assumingMemoryBound(to: Float.self), content.floats, kept.floats,
        bytes.assumingMemoryBound(to: Float.self), accumulates ? 1 : 0, gateGradient)
    case .bfloat16:
      cloze_gate_gradient_bf16(
        content.count, outputGradient.assumingMemoryBound(to: UInt16.self), content.halves, kept.halves,
        bytes.assumingMemoryBound(to: UInt16.self), accumulates ? 1 : 0, gateGradient)
    }
  }

  /// Rows in no sequence have no gate, and so no part in the gradient of the bias.
  private func clearPadding(_ gateGradient: UnsafeMutablePointer<Float>) {
    let used = sequences.tokenCount * width
    (gateGradient + used).update(repeating: 0, count: mixed.count - used)
  }

  private func addBiasGradient(
    _ tape: Tape, _ lane: GradientLane, _ gateGradient: UnsafeMutablePointer<Float>
  ) {
    guard !tape.store.isFrozen(parameters.bias) else { return }
    let gradient = lane.accumulator(of: parameters.bias)
    let sums = tape.arena.allocate(Float.self, count: width)
    sums.update(repeating: 0, count: width)
    cloze_column_sum_f32(mixed.rows, width, gateGradient, sums)
    for group in 0..<parameters.groupCount {
      for channel in 0..<groupWidth { gradient[group] += sums[group * groupWidth + channel] }
    }
  }
}
