/// The keys and values of the tokens that a decoder has produced, for R rows decoded side by side, so that a step
/// computes the new token only.
///
/// Row r owns `capacity` places of [keys D | values D], in the precision of the tape. All rows are equally long.
package final class KeyValueCache {
  package let rowCapacity: Int
  package let width: Int
  package private(set) var length = 0
  package private(set) var rowCount: Int
  private let type: ElementType
  private var places: UnsafeMutableRawBufferPointer
  private var spare: UnsafeMutableRawBufferPointer

  /// - Parameters:
  ///   - rowCapacity: tokens a row can hold.
  ///   - width: D.
  ///   - type: of the projections that it takes.
  ///   - maximumRowCount: rows that `reorder` may grow to; `rowCount` where nil.
  package init(rowCount: Int, rowCapacity: Int, width: Int, type: ElementType, maximumRowCount: Int? = nil) {
    self.rowCount = rowCount
    self.rowCapacity = rowCapacity
    self.width = width
    self.type = type
    let byteCount = max(rowCount, maximumRowCount ?? 0) * rowCapacity * 2 * width * type.size
    places = .allocate(byteCount: byteCount, alignment: 64)
    spare = .allocate(byteCount: byteCount, alignment: 64)
    places.initializeMemory(as: UInt8.self, repeating: 0)
    spare.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit {
    places.deallocate()
    spare.deallocate()
  }

  private var placeBytes: Int { 2 * width * type.size }
  private var rowBytes: Int { rowCapacity * placeBytes }

  /// Adds one token a row: the columns D ..< 3D of a fused projection [R, 3D].
  package func append(projection: Tensor) {
    precondition(
      projection.rows == rowCount && projection.columns == 3 * width && projection.type == type
        && length < rowCapacity,
      "KeyValueCache: [\(projection.rows), \(projection.columns)] onto \(length) of \(rowCapacity) tokens")
    for row in 0..<rowCount {
      let start = row * rowBytes + length * placeBytes
      let source = UnsafeRawBufferPointer(
        start: projection.bytes + (row * 3 + 1) * width * type.size, count: placeBytes)
      UnsafeMutableRawBufferPointer(rebasing: places[start..<start + placeBytes]).copyMemory(from: source)
    }
    length += 1
  }

  /// Row r continues what was row `parents[r]`; rows may be dropped or repeated, up to the maximum.
  package func reorder(_ parents: [Int]) {
    precondition(
      parents.count * rowBytes <= spare.count && parents.allSatisfy { $0 >= 0 && $0 < rowCount },
      "KeyValueCache: \(rowCount) rows cannot become \(parents)")
    guard parents != Array(0..<rowCount) else { return }
    let used = length * placeBytes
    for (row, parent) in parents.enumerated() {
      let source = UnsafeRawBufferPointer(rebasing: places[parent * rowBytes..<parent * rowBytes + used])
      UnsafeMutableRawBufferPointer(rebasing: spare[row * rowBytes..<row * rowBytes + used])
        .copyMemory(from: source)
    }
    swap(&places, &spare)
    rowCount = parents.count
  }

  /// All places as a matrix [R * capacity, 2D] for the attention operation.
  var tensor: Tensor {
    guard let base = places.baseAddress else { preconditionFailure("KeyValueCache: no rows") }
    return Tensor(
      rows: rowCount * rowCapacity, columns: 2 * width, type: type, bytes: base, owner: self)
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
