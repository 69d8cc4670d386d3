internal import CKernels

extension Tape {
  /// Attention in f32. Its products are oneDNN's `sgemm`, which takes any size and stride without preparation.
  func floatAttention(_ heads: AttentionHeads, _ output: Tensor) {
    let (queries, keys, values) = (heads.queries, heads.keys, heads.values)
    let (width, headWidth, scale) = (heads.width, heads.headWidth, heads.scale)
    let longest = heads.spans.map { $0.queries.count * $0.keys.count }.max() ?? 0
    let scratch = arena.allocate(Float.self, count: longest)
    // P of every span and head, which the backward pass reads; without recording, all share one buffer.
    let places = heads.spans.map { span in
      arena.allocate(
        Float.self, count: isRecording ? heads.headCount * span.queries.count * span.keys.count : 0)
    }
    let single = arena.allocate(Float.self, count: isRecording ? 0 : longest)

    heads.visit { span, index, head in
      let (n, k) = (span.queries.count, span.keys.count)
      let p = isRecording ? places[index] + head * n * k : single
      let column = head * headWidth
      smallProduct(
        m: n, n: k, k: headWidth, alpha: scale,
        a: queries.floats(row: span.queries.lowerBound, column: column), strideA: queries.tensor.columns,
        b: keys.floats(row: span.keys.lowerBound, column: column), strideB: keys.tensor.columns,
        transposeB: true, c: p, strideC: k)
      var visibility = heads.visibility(span)
      cloze_softmax(n, k, &visibility, p)
      var weights = p
      if heads.dropout.isActive {
        var kernel = heads.dropout.kernel
        cloze_dropout_f32(n, k, heads.dropoutRow(span, head: head), &kernel, p, scratch)
        weights = scratch
      }
      smallProduct(
        m: n, n: headWidth, k: k, a: weights, strideA: k,
        b: values.floats(row: span.keys.lowerBound, column: column), strideB: values.tensor.columns,
        c: output.floats + span.queries.lowerBound * width + column, strideC: width)
    }

    record("attention") { [unowned self] in
      guard let outputGradient = output.gradient?.assumingMemoryBound(to: Float.self) else { return }
      floatAttentionGradient(heads, of: outputGradient, probabilities: places, scratch: scratch)
    }
  }

  /// Adds to the gradients of queries, keys and values.
  ///
  /// - Parameters:
  ///   - outputGradient: [N, D]
  ///   - probabilities: by span, P of all heads.
  ///   - scratch: as large as the largest P of one span and head.
  private func floatAttentionGradient(
    _ heads: AttentionHeads, of outputGradient: UnsafeMutablePointer<Float>,
    probabilities: [UnsafeMutablePointer<Float>], scratch: UnsafeMutablePointer<Float>
  ) {
    let (queries, keys, values) = (heads.queries, heads.keys, heads.values)
    let (width, headWidth, scale) = (heads.width, heads.headWidth, heads.scale)
    func gradient(_ slice: ColumnSlice) -> UnsafeMutablePointer<Float> {
      zeroedGradient(of: slice.tensor).assumingMemoryBound(to: Float.self)
    }
    let (dQueries, dKeys, dValues) = (gradient(queries), gradient(keys), gradient(values))
    var kernel = heads.dropout.kernel
    heads.visit { span, index, head in
      let (n, k) = (span.queries.count, span.keys.count)
      let p = probabilities[index] + head * n * k
      let column = head * headWidth
      let (firstQuery, firstKey) = (span.queries.lowerBound, span.keys.lowerBound)
      let dOutput = outputGradient + firstQuery * width + column
      let dropoutRow = heads.dropoutRow(span, head: head)
      var weights = p
      if heads.dropout.isActive {
        cloze_dropout_f32(n, k, dropoutRow, &kernel, p, scratch)
        weights = scratch
      }
      // dV += dropout(P)ᵀ dO
      smallProduct(
        m: k, n: headWidth, k: n, a: weights, strideA: k, transposeA: true, b: dOutput, strideB: width,
        beta: 1, c: dValues + values.place(row: firstKey, column: column), strideC: values.tensor.columns)
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
}
