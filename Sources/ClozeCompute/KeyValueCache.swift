/// The keys and values of the tokens that a decoder has produced, for R rows decoded side by side, so that a step
/// computes the new token only.
///
/// Row r owns `capacity` places of [keys D | values D], f32. All rows are equally long.
package final class KeyValueCache {
  package let rowCapacity: Int
  package let width: Int
  package private(set) var length = 0
  package private(set) var rowCount: Int
  private var places: UnsafeMutableBufferPointer<Float>
  private var spare: UnsafeMutableBufferPointer<Float>

  /// - Parameters:
  ///   - rowCapacity: tokens a row can hold.
  ///   - width: D.
  ///   - maximumRowCount: rows that `reorder` may grow to; `rowCount` where nil.
  package init(rowCount: Int, rowCapacity: Int, width: Int, maximumRowCount: Int? = nil) {
    self.rowCount = rowCount
    self.rowCapacity = rowCapacity
    self.width = width
    let capacity = max(rowCount, maximumRowCount ?? 0) * rowCapacity * 2 * width
    places = .allocate(capacity: capacity)
    spare = .allocate(capacity: capacity)
    places.initialize(repeating: 0)
    spare.initialize(repeating: 0)
  }

  deinit {
    places.deallocate()
    spare.deallocate()
  }

  private var rowElements: Int { rowCapacity * 2 * width }

  /// Adds one token a row: the columns D ..< 3D of a fused projection [R, 3D].
  package func append(projection: Tensor) {
    precondition(
      projection.rows == rowCount && projection.columns == 3 * width && projection.type == .float32
        && length < rowCapacity,
      "KeyValueCache: [\(projection.rows), \(projection.columns)] onto \(length) of \(rowCapacity) tokens")
    for row in 0..<rowCount {
      let start = row * rowElements + length * 2 * width
      let source = UnsafeBufferPointer(start: projection.floats + row * 3 * width + width, count: 2 * width)
      _ = UnsafeMutableBufferPointer(rebasing: places[start..<start + 2 * width]).update(
        fromContentsOf: source)
    }
    length += 1
  }

  /// Row r continues what was row `parents[r]`; rows may be dropped or repeated, up to the maximum.
  package func reorder(_ parents: [Int]) {
    precondition(
      parents.count * rowElements <= spare.count && parents.allSatisfy { $0 >= 0 && $0 < rowCount },
      "KeyValueCache: \(rowCount) rows cannot become \(parents)")
    guard parents != Array(0..<rowCount) else { return }
    let used = length * 2 * width
    for (row, parent) in parents.enumerated() {
      let source = UnsafeMutableBufferPointer(
        rebasing: places[parent * rowElements..<parent * rowElements + used])
      _ = UnsafeMutableBufferPointer(rebasing: spare[row * rowElements..<row * rowElements + used])
        .update(fromContentsOf: source)
    }
    swap(&places, &spare)
    rowCount = parents.count
  }

  /// All places as a matrix [R * capacity, 2D] for the attention operation.
  var tensor: Tensor {
    guard let base = places.baseAddress else { preconditionFailure("KeyValueCache: no rows") }
    return Tensor(
      rows: rowCount * rowCapacity, columns: 2 * width, type: .float32, bytes: UnsafeMutableRawPointer(base),
      owner: self)
  }

  /// Row r's query sees row r's tokens so far.
  var spans: [AttentionSpan] {
    (0..<rowCount).map {
      AttentionSpan(queries: $0..<$0 + 1, keys: $0 * rowCapacity..<$0 * rowCapacity + length)
    }
  }
}

extension Tape {
  /// One step of causal self-attention: the new token of each row [R, 3D] against the row's cache, which it joins.
  package func attention(
    step projection: Tensor, cache: KeyValueCache, width: Int, headCount: Int
  ) -> Tensor {
    cache.append(projection: projection)
    let past = cache.tensor
    return attention(
      queries: ColumnSlice(projection), keys: ColumnSlice(past),
      values: ColumnSlice(past, firstColumn: width),
      width: width, headCount: headCount, spans: cache.spans)
  }
}
