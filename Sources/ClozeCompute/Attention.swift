internal import CKernels

/// Part of a tensor's columns: the queries, keys or values of a fused projection.
package struct ColumnSlice {
  package let tensor: Tensor
  package let firstColumn: Int

  package init(_ tensor: Tensor, firstColumn: Int = 0) {
    self.tensor = tensor
    self.firstColumn = firstColumn
  }

  func floats(row: Int, column: Int) -> UnsafeMutablePointer<Float> {
    tensor.floats + row * tensor.columns + firstColumn + column
  }
}

/// Which queries see which keys: query rows `queries` see key rows `keys`, and nothing else.
package struct AttentionSpan: Sendable, Equatable {
  package let queries: Range<Int>
  package let keys: Range<Int>

  package init(queries: Range<Int>, keys: Range<Int>) {
    self.queries = queries
    self.keys = keys
  }

  /// Each sequence sees itself.
  package static func within(_ sequences: Sequences) -> [AttentionSpan] {
    (0..<sequences.count).map { AttentionSpan(queries: sequences[$0], keys: sequences[$0]) }
  }

  /// Sequence i of `targets` sees sequence i of `sources`.
  package static func across(targets: Sequences, sources: Sequences) -> [AttentionSpan] {
    precondition(
      targets.count == sources.count, "attention: \(targets.count) targets, \(sources.count) sources")
    return (0..<targets.count).map { AttentionSpan(queries: targets[$0], keys: sources[$0]) }
  }
}

extension Tape {
  /// Multi-head scaled dot-product attention over spans, giving [queries, D] in the tape's precision.
  ///
  ///     P = softmax(Q Kᵀ / sqrt(D / H)),  O = dropout(P) V, for each span and each head
  ///
  /// Q, K and V are f32 column slices of fused projections, so nothing is copied or transposed: a span's products read
  /// strided rows. A document in a pack is a span, which is why it never sees another and costs nothing for it.
  ///
  /// - Parameter causal: a query sees keys up to its own place only; spans then have as many keys as queries.
  ///
  /// Source: Vaswani et al. 2017, section 3.2. arXiv:1706.03762
  package func attention(
    queries: ColumnSlice, keys: ColumnSlice, values: ColumnSlice, width: Int, headCount: Int,
    spans: [AttentionSpan], causal: Bool = false, dropoutRate: Double = 0
  ) -> Tensor {
    precondition(
      queries.tensor.type == .float32 && keys.tensor.type == .float32 && values.tensor.type == .float32
        && width % headCount == 0,
      "attention: width \(width), \(headCount) heads")
    precondition(
      spans.allSatisfy {
        $0.queries.upperBound <= queries.tensor.rows && $0.keys.upperBound <= keys.tensor.rows
          && $0.keys.upperBound <= values.tensor.rows
      }, "attention: a span lies outside \(queries.tensor.rows) queries or \(keys.tensor.rows) keys")
    let rows = queries.tensor.rows
    let headWidth = width / headCount
    let scale = 1 / Float(headWidth).squareRoot()
    let dropout = nextDropout(rate: dropoutRate)
    let longest = spans.map { $0.queries.count * $0.keys.count }.max() ?? 0
    let scratch = arena.allocate(Float.self, count: longest)
    let context = arena.allocate(Float.self, count: rows * width)
    context.initialize(repeating: 0, count: rows * width)

    // Every span's and head's P, for the backward pass; a forward pass alone reuses one place.
    var probabilities: [UnsafeMutablePointer<Float>] = []
    for span in spans {
      let (n, k) = (span.queries.count, span.keys.count)
      precondition(!causal || n == k, "attention: a causal span has \(n) queries and \(k) keys")
      let place =
        isRecording || probabilities.isEmpty
        ? arena.allocate(Float.self, count: isRecording ? headCount * n * k : longest) : probabilities[0]
      probabilities.append(place)
      for head in 0..<headCount where n > 0 && k > 0 {
        let p = place + (isRecording ? head * n * k : 0)
        smallProduct(
          m: n, n: k, k: headWidth, alpha: scale,
          a: queries.floats(row: span.queries.lowerBound, column: head * headWidth),
          strideA: queries.tensor.columns,
          b: keys.floats(row: span.keys.lowerBound, column: head * headWidth), strideB: keys.tensor.columns,
          transposeB: true, c: p, strideC: k)
        cloze_softmax(n, k, causal ? 1 : k, causal ? 1 : 0, p)
        var weights = p
        if dropout.isActive {
          var kernel = dropout.kernel
          cloze_dropout_f32(n, k, UInt64(head * rows + span.queries.lowerBound), &kernel, p, scratch)
          weights = scratch
        }
        smallProduct(
          m: n, n: headWidth, k: k, a: weights, strideA: k,
          b: values.floats(row: span.keys.lowerBound, column: head * headWidth),
          strideB: values.tensor.columns,
          c: context + span.queries.lowerBound * width + head * headWidth, strideC: width)
      }
    }
    let output = makeTensor(rows: rows, columns: width)
    convert(context, count: rows * width, to: output)

    record { [unowned self] in
      guard let outputGradient = output.gradient else { return }
      let gradients = (
        zeroedGradient(of: queries.tensor), zeroedGradient(of: keys.tensor), zeroedGradient(of: values.tensor)
      )
      func place(_ gradient: UnsafeMutablePointer<Float>, _ slice: ColumnSlice, _ row: Int, _ column: Int)
        -> UnsafeMutablePointer<Float>
      { gradient + row * slice.tensor.columns + slice.firstColumn + column }
      let contextGradient = floats(outputGradient, count: rows * width)
      var kernel = dropout.kernel
      for (index, span) in spans.enumerated() {
        let (n, k) = (span.queries.count, span.keys.count)
        for head in 0..<headCount where n > 0 && k > 0 {
          let p = probabilities[index] + head * n * k
          let column = head * headWidth
          let (firstQuery, firstKey) = (span.queries.lowerBound, span.keys.lowerBound)
          let dContext = contextGradient + firstQuery * width + column
          let dropoutRow = UInt64(head * rows + firstQuery)
          var weights = p
          if dropout.isActive {
            cloze_dropout_f32(n, k, dropoutRow, &kernel, p, scratch)
            weights = scratch
          }
          // dV += dropout(P)ᵀ dO
          smallProduct(
            m: k, n: headWidth, k: n, a: weights, strideA: k, transposeA: true, b: dContext, strideB: width,
            beta: 1,
            c: place(gradients.2, values, firstKey, column), strideC: values.tensor.columns)
          // dP = dO Vᵀ, then dS in its place
          smallProduct(
            m: n, n: k, k: headWidth, a: dContext, strideA: width,
            b: values.floats(row: firstKey, column: column), strideB: values.tensor.columns, transposeB: true,
            c: scratch, strideC: k)
          cloze_softmax_gradient(n, k, dropoutRow, &kernel, p, scratch)
          // dQ += dS K / sqrt(D / H), dK += dSᵀ Q / sqrt(D / H)
          smallProduct(
            m: n, n: headWidth, k: k, alpha: scale, a: scratch, strideA: k,
            b: keys.floats(row: firstKey, column: column), strideB: keys.tensor.columns, beta: 1,
            c: place(gradients.0, queries, firstQuery, column), strideC: queries.tensor.columns)
          smallProduct(
            m: k, n: headWidth, k: n, alpha: scale, a: scratch, strideA: k, transposeA: true,
            b: queries.floats(row: firstQuery, column: column), strideB: queries.tensor.columns, beta: 1,
            c: place(gradients.1, keys, firstKey, column), strideC: keys.tensor.columns)
        }
      }
    }
    return output
  }

  /// The f32 gradient of a tensor that several slices add to: zeros at the first call.
  private func zeroedGradient(of tensor: Tensor) -> UnsafeMutablePointer<Float> {
    let (bytes, accumulates) = destination(of: tensor)
    let values = bytes.assumingMemoryBound(to: Float.self)
    if !accumulates { values.update(repeating: 0, count: tensor.count) }
    return values
  }

  /// A gradient in the tape's precision, as f32.
  private func floats(_ gradient: UnsafeMutableRawPointer, count: Int) -> UnsafeMutablePointer<Float> {
    switch precision {
    case .float32: return gradient.assumingMemoryBound(to: Float.self)
    case .bfloat16:
      let converted = arena.allocate(Float.self, count: count)
      cloze_convert_bf16_f32(count, gradient.assumingMemoryBound(to: UInt16.self), converted)
      return converted
    }
  }
}
