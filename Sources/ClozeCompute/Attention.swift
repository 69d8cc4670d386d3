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
    tensor.floats + place(row: row, column: column)
  }

  func halves(row: Int, column: Int) -> UnsafeMutablePointer<UInt16> {
    tensor.halves + place(row: row, column: column)
  }

  /// The index of an element in the tensor, and in its gradient.
  func place(row: Int, column: Int) -> Int { row * tensor.columns + firstColumn + column }
}

/// The query rows `queries` attend to the key rows `keys`, and to no others.
package struct AttentionSpan: Sendable, Equatable {
  package let queries: Range<Int>
  package let keys: Range<Int>
  /// The index among the keys of the one at which the first query stands, where queries do not see all keys.
  private(set) var place = 0

  package init(queries: Range<Int>, keys: Range<Int>) {
    self.queries = queries
    self.keys = keys
  }

  /// The span of a sequence that attends to itself, cut into blocks of queries with the keys that lie within `reach` of
  /// them, so that the work grows with the reach and not with the sequence.
  ///
  /// - Parameter causal: whether no query attends to a later key.
  func blocks(reach: Int, causal: Bool) -> [AttentionSpan] {
    precondition(queries == keys, "attention: a reach needs queries and keys of one sequence")
    let size = max(reach, AttentionSpan.smallestBlock)
    return stride(from: queries.lowerBound, to: queries.upperBound, by: size).map { first in
      let block = first..<min(first + size, queries.upperBound)
      let last = causal ? block.upperBound : min(block.upperBound + reach, keys.upperBound)
      var part = AttentionSpan(queries: block, keys: max(first - reach, keys.lowerBound)..<last)
      part.place = block.lowerBound - part.keys.lowerBound
      return part
    }
  }

  /// The span in blocks of `size` queries, each with the keys from the span's first to the last that any of its queries
  /// sees.
  ///
  /// - Parameter ahead: the keys after its own that a query sees.
  func blocks(of size: Int, ahead: Int) -> [AttentionSpan] {
    stride(from: 0, to: queries.count, by: size).map { first in
      let end = min(first + size, queries.count)
      var block = AttentionSpan(
        queries: queries.lowerBound + first..<queries.lowerBound + end,
        keys: keys.prefix(place + end + min(ahead, keys.count)))
      block.place = place + first
      return block
    }
  }

  /// Queries, enough for the products of a block to be worth their preparation.
  private static let smallestBlock = 64

  /// Each sequence attends to itself.
  package static func within(_ sequences: Sequences) -> [AttentionSpan] {
    (0..<sequences.count).map { AttentionSpan(queries: sequences[$0], keys: sequences[$0]) }
  }

  /// Sequence i of `targets` attends to sequence i of `sources`.
  package static func across(targets: Sequences, sources: Sequences) -> [AttentionSpan] {
    precondition(
      targets.count == sources.count, "attention: \(targets.count) targets, \(sources.count) sources")
    return (0..<targets.count).map { AttentionSpan(queries: targets[$0], keys: sources[$0]) }
  }
}

/// The operands and settings that all heads of an attention share.
struct AttentionHeads {
  let queries: ColumnSlice
  let keys: ColumnSlice
  let values: ColumnSlice
  let width: Int
  let headCount: Int
  let spans: [AttentionSpan]
  let isCausal: Bool
  /// The places to each side that a query sees; nil for all.
  let reach: Int?
  let dropout: Dropout
  /// The most keys of a span that is processed at once, and whose probabilities are kept.
  let longestKeptSpan: Int
  let isRecording: Bool

  var headWidth: Int { width / headCount }
  var scale: Float { 1 / Float(headWidth).squareRoot() }

  /// The keys after its own that a query sees.
  private func ahead(_ span: AttentionSpan) -> Int { isCausal ? 0 : reach ?? span.keys.count }

  /// Calls `body` with every head of every span that is not empty.
  func visit(_ body: (_ span: AttentionSpan, _ spanIndex: Int, _ head: Int) -> Void) {
    for (index, span) in spans.enumerated() where !span.queries.isEmpty && !span.keys.isEmpty {
      for head in 0..<headCount { body(span, index, head) }
    }
  }

  /// The queries of a long span that are processed at once.
  private static let blockQueries = 128

  /// Whether P of a span is kept for the backward pass.
  func keeps(_ span: AttentionSpan) -> Bool { isRecording && span.keys.count <= longestKeptSpan }

  /// The blocks in which a span is processed. They do not depend on whether it is recorded, so that its values do not.
  func blocks(_ span: AttentionSpan) -> [AttentionSpan] {
    span.keys.count <= longestKeptSpan
      ? [span] : span.blocks(of: AttentionHeads.blockQueries, ahead: ahead(span))
  }

  /// The keys of a span that each of its queries sees.
  func visibility(_ span: AttentionSpan) -> cloze_visibility {
    cloze_visibility(
      place: span.place, behind: reach ?? span.place + span.queries.count, ahead: ahead(span))
  }

  /// The row of the dropout matrix for the first query of a span in a head. The matrix has a row for every head and
  /// query.
  func dropoutRow(_ span: AttentionSpan, head: Int) -> UInt64 {
    UInt64(head * queries.tensor.rows + span.queries.lowerBound)
  }
}

extension Tape {
  /// Multi-head scaled dot-product attention over spans, giving [queries, D] in the tape's precision.
  ///
  ///     P = softmax(Q Kᵀ / sqrt(D / H)),  O = dropout(P) V, for each span and each head
  ///
  /// Q, K and V are column slices of fused projections. The products of a span read strided rows, so nothing is copied
  /// or transposed. A document in a pack is a span, so it never attends to another document, and no time is spent on
  /// masked scores.
  ///
  /// P of a span with more than `longestKeptSpan` keys is not kept for the backward pass, which computes it again for some
  /// queries at a time (Dao et al. 2022, section 3.1, arXiv:2205.14135). So the memory grows with the tokens and not with
  /// their square.
  ///
  /// - Parameters:
  ///   - causal: query i of a span attends to its keys 0 ... i only; spans then have as many keys as queries.
  ///   - reach: a query attends to keys at most so many places before and after it, in spans whose queries and keys are
  ///     the same rows; nil for all keys.
  ///
  /// Source: Vaswani et al. 2017, section 3.2, arXiv:1706.03762; the reach is the sliding window of Beltagy et al. 2020,
  /// section 3.1 (Longformer), arXiv:2004.05150.
  package func attention(
    queries: ColumnSlice, keys: ColumnSlice, values: ColumnSlice, width: Int, headCount: Int,
    spans: [AttentionSpan], causal: Bool = false, reach: Int? = nil, dropoutRate: Double = 0
  ) -> Tensor {
    precondition(
      queries.tensor.type == precision && keys.tensor.type == precision && values.tensor.type == precision
        && width % headCount == 0,
      "attention: width \(width), \(headCount) heads, \(queries.tensor.type) queries")
    precondition(
      spans.allSatisfy {
        $0.queries.upperBound <= queries.tensor.rows && $0.keys.upperBound <= keys.tensor.rows
          && $0.keys.upperBound <= values.tensor.rows && (!causal || $0.queries.count == $0.keys.count)
      }, "attention: a span lies outside \(queries.tensor.rows) queries or \(keys.tensor.rows) keys")
    let heads = AttentionHeads(
      queries: queries, keys: keys, values: values, width: width, headCount: headCount,
      spans: reach.map { reach in spans.flatMap { $0.blocks(reach: reach, causal: causal) } } ?? spans,
      isCausal: causal, reach: reach, dropout: nextDropout(rate: dropoutRate),
      longestKeptSpan: longestKeptSpan, isRecording: isRecording)
    let output = makeTensor(rows: queries.tensor.rows, columns: width)
    output.bytes.initializeMemory(as: UInt8.self, repeating: 0, count: output.count * output.type.size)
    switch precision {
    case .float32: floatAttention(heads, output)
    case .bfloat16: halfAttention(heads, output)
    }
    return output
  }

  /// The gradient of a tensor to which several spans and slices add. The first call fills it with zeros.
  func zeroedGradient(of tensor: Tensor) -> UnsafeMutableRawPointer {
    let (bytes, accumulates) = destination(of: tensor)
    if !accumulates {
      bytes.initializeMemory(as: UInt8.self, repeating: 0, count: tensor.count * tensor.type.size)
    }
    return bytes
  }
}
