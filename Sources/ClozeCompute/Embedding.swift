internal import CKernels

extension Tape {
  /// The sum of three table rows for each token: token + position + segment, [N] ids each, giving [N, D]. Position or
  /// segment are left out if they have no table.
  ///
  /// Backward adds the gradient of each row to its three table rows, in the order of the tokens.
  ///
  /// Source: Devlin et al. 2019, section 3, "Input/output representations". arXiv:1810.04805
  package func embedding(
    tokens: [Int32], positions: [Int32], segments: [Int32], tokenTable: Parameter, positionTable: Parameter?,
    segmentTable: Parameter?
  ) -> Tensor {
    let (rows, width) = (tokens.count, tokenTable.columns)
    let output = makeTensor(rows: rows, columns: width)
    let parts = [
      embedded(tokens, tokenTable, rows: rows, width: width),
      embedded(positions, positionTable, rows: rows, width: width),
      embedded(segments, segmentTable, rows: rows, width: width),
    ]
    let (token, position, segment) = (parts[0], parts[1], parts[2])
    switch precision {
    case .float32:
      cloze_embedding_f32(
        rows, width, token.ids, position.ids, segment.ids, token.values, position.values, segment.values,
        output.floats)
    case .bfloat16:
      cloze_embedding_bf16(
        rows, width, token.ids, position.ids, segment.ids, token.values, position.values, segment.values,
        output.halves)
    }
    record("embedding", output) { [unowned self] in
      guard let lane, let gradient = output.gradient else { return }
      for part in parts {
        guard let table = part.table, !store.isFrozen(table) else { continue }
        scatterAdd(gradient, rows: rows, width: width, indices: part.ids, to: lane.accumulator(of: table))
      }
    }
    return output
  }

  /// The checked ids and the rows of a table; without a table, ids of a row of zeros.
  private func embedded(
    _ ids: [Int32], _ table: Parameter?, rows: Int, width: Int
  ) -> (ids: UnsafePointer<Int32>, values: UnsafePointer<Float>, table: Parameter?) {
    guard let table else {
      let (zeros, row) = (arena.allocate(Int32.self, count: rows), arena.allocate(Float.self, count: width))
      zeros.initialize(repeating: 0, count: rows)
      row.initialize(repeating: 0, count: width)
      return (UnsafePointer(zeros), UnsafePointer(row), nil)
    }
    precondition(
      ids.count == rows && table.columns == width,
      "embedding: \(ids.count) ids of \(table.path) \(table.shape) for \(rows) tokens")
    precondition(
      ids.allSatisfy { $0 >= 0 && $0 < table.rows },
      "embedding: an id is outside the \(table.rows) rows of \(table.path)")
    return (arena.copy(ids), UnsafePointer(store.values + table.offset), table)
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
    record("gather", output) { [unowned self] in
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
