internal import CKernels

extension Tape {
  /// The sum of three table rows for each token: token + position + segment, [N] ids each, giving [N, D].
  ///
  /// Backward adds the gradient of each row to its three table rows, in the order of the tokens.
  ///
  /// Source: Devlin et al. 2019, section 3, "Input/output representations". arXiv:1810.04805
  package func embedding(
    tokens: [Int32], positions: [Int32], segments: [Int32], tokenTable: Parameter, positionTable: Parameter,
    segmentTable: Parameter
  ) -> Tensor {
    let (rows, width) = (tokens.count, tokenTable.columns)
    precondition(
      positions.count == rows && segments.count == rows && positionTable.columns == width
        && segmentTable.columns == width,
      "embedding: \(rows) tokens, \(positions.count) positions, \(segments.count) segments")
    precondition(
      tokens.allSatisfy { $0 >= 0 && $0 < tokenTable.rows }, "embedding: a token is outside the vocabulary")
    precondition(
      positions.allSatisfy { $0 >= 0 && $0 < positionTable.rows },
      "embedding: a position is outside the \(positionTable.rows) of \(positionTable.path)")
    precondition(
      segments.allSatisfy { $0 >= 0 && $0 < segmentTable.rows },
      "embedding: a segment is outside the \(segmentTable.rows) of \(segmentTable.path)")
    let output = makeTensor(rows: rows, columns: width)
    let ids = (arena.copy(tokens), arena.copy(positions), arena.copy(segments))
    let tables = (
      store.values + tokenTable.offset, store.values + positionTable.offset,
      store.values + segmentTable.offset
    )
    switch precision {
    case .float32:
      cloze_embedding_f32(rows, width, ids.0, ids.1, ids.2, tables.0, tables.1, tables.2, output.floats)
    case .bfloat16:
      cloze_embedding_bf16(rows, width, ids.0, ids.1, ids.2, tables.0, tables.1, tables.2, output.halves)
    }
    record("embedding") { [unowned self] in
      guard let lane, let gradient = output.gradient else { return }
      for (indices, table) in [(ids.0, tokenTable), (ids.1, positionTable), (ids.2, segmentTable)]
      where !store.isFrozen(table) {
        scatterAdd(gradient, rows: rows, width: width, indices: indices, to: lane.accumulator(of: table))
      }
    }
    return output
  }

  /// The rows `indices` [M] of `input` [N, D], giving [M, D]; an index of -1 gives a row of zeros.
  ///
  /// Backward adds the gradient of each row to the row that it was copied from.
  package func gatherRows(_ input: Tensor, _ indices: [Int32]) -> Tensor {
    precondition(
      indices.allSatisfy { $0 >= -1 && $0 < input.rows }, "gatherRows: an index is outside \(input.rows)")
    let rowBytes = input.columns * input.type.size
    let output = makeTensor(rows: indices.count, columns: input.columns, type: input.type)
    output.needsGradient = input.needsGradient
    for (row, index) in indices.enumerated() {
      let destination = output.bytes + row * rowBytes
      if index < 0 {
        destination.initializeMemory(as: UInt8.self, repeating: 0, count: rowBytes)
      } else {
        destination.copyMemory(from: input.bytes + Int(index) * rowBytes, byteCount: rowBytes)
      }
    }
    record("gather") { [unowned self] in
      guard let outputGradient = output.gradient, input.needsGradient else { return }
      let (inputGradient, accumulates) = destination(of: input)
      if !accumulates {
        inputGradient.initializeMemory(as: UInt8.self, repeating: 0, count: input.rows * rowBytes)
      }
      for (row, index) in indices.enumerated() where index >= 0 {
        add(
          outputGradient + row * rowBytes, to: inputGradient + Int(index) * rowBytes, count: input.columns,
          type: input.type)
      }
    }
    return output
  }

  private func scatterAdd(
    _ source: UnsafeMutableRawPointer, rows: Int, width: Int, indices: UnsafePointer<Int32>,
    to table: UnsafeMutablePointer<Float>
  ) {
    switch precision {
    case .float32:
      cloze_scatter_add_f32(rows, width, indices, source.assumingMemoryBound(to: Float.self), table)
    case .bfloat16:
      cloze_scatter_add_bf16(rows, width, indices, source.assumingMemoryBound(to: UInt16.self), table)
    }
  }
}
