internal import CKernels

extension Tape {
  /// Attention in bf16, by a kernel in `CKernels`. The products have some hundred rows and as many shapes as sentences
  /// have lengths, too small and too many for a library that prepares each shape.
  func halfAttention(_ heads: AttentionHeads, _ output: Tensor) {
    let (queries, keys, values) = (heads.queries, heads.keys, heads.values)
    let (width, headWidth) = (heads.width, heads.headWidth)
    func probabilityCount(_ span: AttentionSpan) -> Int {
      cloze_attention_probabilities_bf16(span.queries.count, span.keys.count)
    }
    let scratch = arena.allocate(
      bytes: heads.spans.map {
        cloze_attention_scratch_bf16($0.queries.count, $0.keys.count, headWidth, heads.keeps($0) ? 1 : 0)
      }.max() ?? 0)
    // By span, P of all heads for the backward pass, or nothing.
    let places = heads.spans.map { span in
      heads.keeps(span) ? arena.allocate(UInt16.self, count: heads.headCount * probabilityCount(span)) : nil
    }

    func kernelSpan(_ span: AttentionSpan, _ head: Int) -> cloze_attention_span {
      let column = head * headWidth
      return cloze_attention_span(
        queries: span.queries.count, keys: span.keys.count, width: headWidth,
        query: queries.halves(row: span.queries.lowerBound, column: column),
        key: keys.halves(row: span.keys.lowerBound, column: column),
        value: values.halves(row: span.keys.lowerBound, column: column), query_stride: queries.tensor.columns,
        key_stride: keys.tensor.columns, value_stride: values.tensor.columns, scale: heads.scale,
        visibility: heads.visibility(span), dropout: heads.dropout.kernel,
        first_dropout_row: heads.dropoutRow(span, head: head))
    }
    func probabilities(_ index: Int, _ span: AttentionSpan, _ head: Int) -> UnsafeMutablePointer<UInt16>? {
      places[index].map { $0 + head * probabilityCount(span) }
    }

    heads.visit { span, index, head in
      var kernel = kernelSpan(span, head)
      cloze_attention_bf16(
        &kernel, probabilities(index, span, head),
        output.halves + span.queries.lowerBound * width + head * headWidth, width, scratch, matrixUnits.kernel
      )
    }

    record("attention", output) { [unowned self] in
      guard let outputGradient = output.gradient?.assumingMemoryBound(to: UInt16.self) else { return }
      func gradient(_ slice: ColumnSlice) -> UnsafeMutablePointer<UInt16> {
        zeroedGradient(of: slice.tensor).assumingMemoryBound(to: UInt16.self)
      }
      let (dQueries, dKeys, dValues) = (gradient(queries), gradient(keys), gradient(values))
      heads.visit { span, index, head in
        var kernel = kernelSpan(span, head)
        let column = head * headWidth
        cloze_attention_gradient_bf16(
          &kernel, probabilities(index, span, head),
          outputGradient + span.queries.lowerBound * width + column, width,
          dQueries + queries.place(row: span.queries.lowerBound, column: column),
          dKeys + keys.place(row: span.keys.lowerBound, column: column),
          dValues + values.place(row: span.keys.lowerBound, column: column), scratch, matrixUnits.kernel)
      }
    }
  }
}

/// What multiplies matrices of bf16 in a kernel of ours: loops, the vectors of AVX512-BF16 or the tiles of AMX. Where the
/// processor has none of the last, the ones before do it.
package enum MatrixUnits: CaseIterable, Sendable {
  case loops, vectors, tiles

  var kernel: cloze_matrix_units {
    switch self {
    case .loops: CLOZE_LOOPS
    case .vectors: CLOZE_VECTORS
    case .tiles: CLOZE_TILES
    }
  }
}
