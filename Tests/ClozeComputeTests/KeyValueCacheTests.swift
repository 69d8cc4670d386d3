import ClozeCompute
import ClozeTestSupport
import Testing

/// Attention one token at a time against attention over all tokens at once.
@Suite struct KeyValueCacheTests {
  private let width = 6
  private let tape: Tape

  init() {
    let store = ParameterStore(precision: .float32)
    _ = store.declare("unread", shape: [1], initialization: .zeros)
    store.allocate(seed: nil)
    tape = Tape(store: store)
    tape.begin()
  }

  /// The fused projection [3D] of a token.
  private func projection(_ token: Int) -> [Float] { RandomValues.signed(3 * width, seed: token) }

  private func lastContext(_ tokens: [Int], headCount: Int, reach: Int? = nil) -> [Float] {
    let tensor = tape.makeTensor(rows: tokens.count, columns: 3 * width, values: tokens.flatMap(projection))
    let context = tape.attention(
      queries: ColumnSlice(tensor), keys: ColumnSlice(tensor, firstColumn: width),
      values: ColumnSlice(tensor, firstColumn: 2 * width), width: width, headCount: headCount,
      spans: [AttentionSpan(queries: 0..<tokens.count, keys: 0..<tokens.count)], causal: true, reach: reach)
    return Array(context.values().suffix(width))
  }

  /// A step that sees the newest token and two before it.
  @Test func stepsWithinReach() {
    let cache = KeyValueCache(tape, rowCount: 1, rowCapacity: 6, width: width)
    for step in 0..<6 {
      let token = tape.makeTensor(rows: 1, columns: 3 * width, values: projection(step))
      let context = tape.attention(step: token, cache: cache, width: width, headCount: 2, reach: 2)
      let expected = lastContext(Array(0...step), headCount: 2, reach: 2)
      #expect(greatestDifference(context.values(), expected) < 1e-5)
    }
  }

  /// - Parameter parents: which row each row continues after every step; rows are dropped, doubled and swapped.
  @Test(
    arguments: [
      [[0], [0], [0]], [[0, 1], [1, 0], [1, 1], [0, 1]], [[0, 1, 2], [2, 2, 0], [1], [0, 0, 0], [2, 1]],
    ], [1, 3])
  func stepsEqualTheWhole(parents: [[Int]], headCount: Int) {
    let rowCount = parents[0].count
    let cache = KeyValueCache(tape, rowCount: rowCount, rowCapacity: parents.count, width: width)
    var rows = [[Int]](repeating: [], count: rowCount)
    for (step, parents) in parents.enumerated() {
      cache.reorder(parents)
      rows = parents.enumerated().map { row, parent in rows[parent] + [10 * step + row] }
      let tokens = tape.makeTensor(
        rows: rows.count, columns: 3 * width, values: rows.flatMap { projection($0[step]) })
      let context = tape.attention(step: tokens, cache: cache, width: width, headCount: headCount)
      let expected = rows.flatMap { lastContext($0, headCount: headCount) }
      #expect(greatestDifference(context.values(), expected) < 1e-5)
      #expect(cache.length == step + 1)
      #expect(cache.rowCount == rows.count)
    }
  }
}
