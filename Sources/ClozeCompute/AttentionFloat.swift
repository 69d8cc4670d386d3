internal import CKernels

extension Tape {
  /// Attention in f32. Its products are oneDNN's `sgemm`, which takes any size and stride without preparation.
  func floatAttention(_ heads: AttentionHeads, _ output: Tensor) {
    let attention = FloatAttention(heads, arena: arena)
    attention.forward(output)
    record("attention", output) { [unowned self] in
      guard let outputGradient = output.gradient?.assumingMemoryBound(to: Float.self) else { return }
      func gradient(_ slice: ColumnSlice) -> UnsafeMutablePointer<Float> {
        zeroedGradient(of: slice.tensor).assumingMemoryBound(to: Float.self)
      }
      attention.backward(
        outputGradient, queries: gradient(heads.queries), keys: gradient(heads.keys),
        values: gradient(heads.values))
    }
  }
}

/// The heads of an attention in f32 and the memory for their probabilities.
private struct FloatAttention {
  let heads: AttentionHeads
  /// By span, the blocks in which it is processed.
  let blocks: [[AttentionSpan]]
  /// By span, P of all heads for the backward pass; nil where it is computed again.
  let kept: [UnsafeMutablePointer<Float>?]
  /// As large as the largest P of one block and head: P that is not kept, and what is made of P.
  let single: UnsafeMutablePointer<Float>
  let scratch: UnsafeMutablePointer<Float>

  init(_ heads: AttentionHeads, arena: Arena) {
    self.heads = heads
    blocks = heads.spans.map(heads.blocks)
    func largest(_ spans: some Sequence<AttentionSpan>) -> Int {
      spans.map { $0.queries.count * $0.keys.count }.max() ?? 0
    }
    scratch = arena.allocate(Float.self, count: largest(blocks.joined()))
    single = arena.allocate(
      Float.self, count: largest(heads.spans.filter { !heads.keeps($0) }.flatMap(heads.blocks)))
    kept = heads.spans.map { span in
      heads.keeps(span)
        ? arena.allocate(Float.self, count: heads.headCount * span.queries.count * span.keys.count) : nil
    }
  }

  func forward(_ output: Tensor) {
    let (values, width, headWidth) = (heads.values, heads.width, heads.headWidth)
    visit { block, p, column, dropoutRow, _ in
      let (n, k) = (block.queries.count, block.keys.count)
      makeProbabilities(block, column, p)
      smallProduct(
        m: n, n: headWidth, k: k, a: dropped(p, block, dropoutRow), strideA: k,
        b: values.floats(row: block.keys.lowerBound, column: column), strideB: values.tensor.columns,
        c: output.floats + block.queries.lowerBound * width + column, strideC: width)
    }
  }

  /// Adds to the gradients of queries, keys and values.
  ///
  /// - Parameter outputGradient: [N, D]
  func backward(
    _ outputGradient: UnsafeMutablePointer<Float>, queries dQueries: UnsafeMutablePointer<Float>,
    keys dKeys: UnsafeMutablePointer<Float>, values dValues: UnsafeMutablePointer<Float>
  ) {
    let (queries, keys, values) = (heads.queries, heads.keys, heads.values)
    let (width, headWidth, scale) = (heads.width, heads.headWidth, heads.scale)
    var kernel = heads.dropout.kernel
    visit { block, p, column, dropoutRow, isKept in
      let (n, k) = (block.queries.count, block.keys.count)
      let (firstQuery, firstKey) = (block.queries.lowerBound, block.keys.lowerBound)
      let dOutput = outputGradient + firstQuery * width + column
      if !isKept { makeProbabilities(block, column, p) }
      // dV += dropout(P)ᵀ dO
      smallProduct(
        m: k, n: headWidth, k: n, a: dropped(p, block, dropoutRow), strideA: k, transposeA: true, b: dOutput,
        strideB: width, beta: 1, c: dValues + values.place(row: firstKey, column: column),
        strideC: values.tensor.columns)
      // dP = dO Vᵀ, then dS in its place
      smallProduct(
        m: n, n: k, k: headWidth, a: dOutput, strideA: width,
        b: values.floats(row: firstKey, column: column), strideB: values.tensor.columns, transposeB: true,
        c: scratch, strideC: k)
      cloze_softmax_gradient(n, k, dropoutRow, &kernel, p, scratch)
      // dQ += dS K / sqrt(D / H), dK += dSᵀ Q / sqrt(D / H)
      smallProduct(
        m: n, n: headWidth, k: k, alpha: scale, a: scratch, strideA: k,
        b: keys.floats(row: firstKey, column: column), strideB: keys.tensor.columns, beta: 1,
        c: dQueries + queries.place(row: firstQuery, column: column), strideC: queries.tensor.columns)
      smallProduct(
        m: k, n: headWidth, k: n, alpha: scale, a: scratch, strideA: k, transposeA: true,
        b: queries.floats(row: firstQuery, column: column), strideB: queries.tensor.columns, beta: 1,
        c: dKeys + keys.place(row: firstKey, column: column), strideC: keys.tensor.columns)
    }
  }

  /// Calls `body` with every block, head by head, so that the keys and values of a head stay in the cache.
  private func visit(
    _ body: (
      _ block: AttentionSpan, _ probabilities: UnsafeMutablePointer<Float>, _ column: Int,
      _ dropoutRow: UInt64, _ isKept: Bool
    ) -> Void
  ) {
    heads.visit { span, index, head in
      let p = kept[index].map { $0 + head * span.queries.count * span.keys.count }
      for block in blocks[index] {
        body(block, p ?? single, head * heads.headWidth, heads.dropoutRow(block, head: head), p != nil)
      }
    }
  }

  /// P of a block in the head that begins at a column.
  private func makeProbabilities(_ block: AttentionSpan, _ column: Int, _ p: UnsafeMutablePointer<Float>) {
    let (queries, keys) = (heads.queries, heads.keys)
    let (n, k) = (block.queries.count, block.keys.count)
    smallProduct(
      m: n, n: k, k: heads.headWidth, alpha: heads.scale,
      a: queries.floats(row: block.queries.lowerBound, column: column), strideA: queries.tensor.columns,
      b: keys.floats(row: block.keys.lowerBound, column: column), strideB: keys.tensor.columns,
      transposeB: true, c: p, strideC: k)
    var visibility = heads.visibility(block)
    cloze_softmax(n, k, &visibility, p)
  }

  /// What multiplies the values: P itself, or dropout(P) in the scratch memory.
  private func dropped(
    _ p: UnsafeMutablePointer<Float>, _ block: AttentionSpan, _ dropoutRow: UInt64
  ) -> UnsafeMutablePointer<Float> {
    guard heads.dropout.isActive else { return p }
    var kernel = heads.dropout.kernel
    cloze_dropout_f32(block.queries.count, block.keys.count, dropoutRow, &kernel, p, scratch)
    return scratch
  }
}
