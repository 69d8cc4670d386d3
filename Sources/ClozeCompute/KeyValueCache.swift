/// The keys and values of the tokens that a decoder has produced, for R rows that are decoded together. With it a step
/// computes the new token only.
///
/// Row r has room for `rowCapacity` tokens of [keys D | values D], in the precision of the tape. All rows have the same
/// length. The memory belongs to the tape and is valid until the tape begins its next micro-batch.
package final class KeyValueCache {
  package let rowCapacity: Int
  package let width: Int
  package private(set) var length = 0
  package private(set) var rowCount: Int
  private let type: ElementType
  private let maximumRowCount: Int
  /// One row more than the maximum, in which `reorder` saves a row.
  private let places: UnsafeMutableRawBufferPointer
  private let arena: Arena

  /// - Parameters:
  ///   - rowCapacity: the most tokens of a row.
  ///   - width: D.
  ///   - maximumRowCount: the most rows after a `reorder`; nil means `rowCount`.
  package init(_ tape: Tape, rowCount: Int, rowCapacity: Int, width: Int, maximumRowCount: Int? = nil) {
    self.rowCount = rowCount
    self.rowCapacity = rowCapacity
    self.width = width
    type = tape.precision
    arena = tape.arena
    self.maximumRowCount = max(rowCount, maximumRowCount ?? 0)
    let count =
      (self.maximumRowCount + 1) * rowCapacity * KeyValueCache.bytesPerToken(width: width, type: type)
    places = UnsafeMutableRawBufferPointer(start: arena.allocate(bytes: count), count: count)
  }

  /// Bytes of one token of a row: its keys and values.
  package static func bytesPerToken(width: Int, type: ElementType) -> Int { 2 * width * type.size }

  private var placeBytes: Int { KeyValueCache.bytesPerToken(width: width, type: type) }
  private var rowBytes: Int { rowCapacity * placeBytes }

  /// Appends one token to each row: the columns D ..< 3D of a fused projection [R, 3D]. Further rows of it are padding.
  package func append(projection: Tensor) {
    precondition(
      projection.rows >= rowCount && projection.columns == 3 * width && projection.type == type
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

  /// Replaces row r by the old row `parents[r]`. Rows may be dropped or repeated, up to the maximum.
  ///
  /// In place: a row is overwritten when no other row has to be copied from it any more. In a cycle of rows, one of
  /// them is saved first.
  package func reorder(_ parents: [Int]) {
    precondition(
      parents.count <= maximumRowCount && parents.allSatisfy { $0 >= 0 && $0 < rowCount },
      "KeyValueCache: \(rowCount) rows cannot become \(parents)")
    defer { rowCount = parents.count }
    var sources = parents
    var waiting = Set(parents.indices.filter { parents[$0] != $0 })
    var readers = [Int](repeating: 0, count: maximumRowCount + 1)
    for row in waiting { readers[parents[row]] += 1 }
    var free = waiting.filter { readers[$0] == 0 }.sorted()
    while !waiting.isEmpty {
      if free.isEmpty, let row = waiting.min() {
        copyRow(row, to: maximumRowCount)
        for reader in waiting where sources[reader] == row { sources[reader] = maximumRowCount }
        readers[row] = 0
        free.append(row)
      }
      while let row = free.popLast() {
        let source = sources[row]
        copyRow(source, to: row)
        waiting.remove(row)
        readers[source] -= 1
        if readers[source] == 0, waiting.contains(source) { free.append(source) }
      }
    }
  }

  private func copyRow(_ source: Int, to destination: Int) {
    let used = length * placeBytes
    UnsafeMutableRawBufferPointer(rebasing: places[destination * rowBytes..<destination * rowBytes + used])
      .copyMemory(
        from: UnsafeRawBufferPointer(rebasing: places[source * rowBytes..<source * rowBytes + used]))
  }

  /// The memory of all rows as a matrix [R * capacity, 2D] for the attention operation.
  var tensor: Tensor {
    guard let base = places.baseAddress else { preconditionFailure("KeyValueCache: no rows") }
    return Tensor(
      rows: rowCount * rowCapacity, columns: 2 * width, type: type, bytes: base, owner: arena)
  }

  /// The query of row r attends to the tokens of row r so far: to the newest and the `reach` before it, nil for all.
  func spans(reach: Int?) -> [AttentionSpan] {
    let first = reach.map { max(0, length - 1 - $0) } ?? 0
    return (0..<rowCount).map {
      AttentionSpan(queries: $0..<$0 + 1, keys: $0 * rowCapacity + first..<$0 * rowCapacity + length)
    }
  }
}

extension Tape {
  /// One step of causal self-attention: appends the new token of each row [R, 3D] to the cache, and attends to all
  /// tokens of the row, or to those that lie at most `reach` places before it.
  package func attention(
    step projection: Tensor, cache: KeyValueCache, width: Int, headCount: Int, reach: Int? = nil
  ) -> Tensor {
    cache.append(projection: projection)
    let past = cache.tensor
    return attention(
      queries: ColumnSlice(projection), keys: ColumnSlice(past),
      values: ColumnSlice(past, firstColumn: width),
      width: width, headCount: headCount, spans: cache.spans(reach: reach))
  }
}
