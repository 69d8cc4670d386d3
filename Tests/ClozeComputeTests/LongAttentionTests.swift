import ClozeCompute
import ClozeTestSupport
import Testing

/// Attention whose probabilities are computed again in the backward pass, beside the one that keeps them.
@Suite struct LongAttentionTests {
  struct Variant: Sendable {
    var causal = false
    var reach: Int?
    var dropoutRate = 0.0
    var width = 32
    var headCount = 2
  }

  private struct Outcome {
    let values: [Float]
    let gradients: [[Float]]
    /// Bytes of the pass.
    let memory: Int
  }

  private func run(
    _ variant: Variant, _ precision: ElementType, spans: [AttentionSpan], queries: Int, keys: Int,
    longestKeptSpan: Int, units: MatrixUnits = .tiles
  ) -> Outcome {
    let store = ParameterStore(precision: precision)
    _ = store.declare("unread", shape: [1], initialization: .zeros)
    store.allocate(seed: nil)
    let tape = Tape(store: store, matrixUnits: units, longestKeptSpan: longestKeptSpan)
    tape.begin(lane: GradientLane(store), dropout: DropoutStream(seed: 1, step: 0, microbatch: 0))
    func tensor(_ rows: Int, _ seed: Int) -> Tensor {
      tape.makeTensor(
        rows: rows, columns: variant.width, values: RandomValues.signed(rows * variant.width, seed: seed))
    }
    let inputs = [tensor(queries, 1), tensor(keys, 2), tensor(keys, 3)]
    let output = tape.attention(
      queries: ColumnSlice(inputs[0]), keys: ColumnSlice(inputs[1]), values: ColumnSlice(inputs[2]),
      width: variant.width, headCount: variant.headCount, spans: spans, causal: variant.causal,
      reach: variant.reach, dropoutRate: variant.dropoutRate)
    tape.seedGradient(of: output, with: RandomValues.signed(output.count, seed: 4))
    tape.backward()
    return Outcome(
      values: output.values(), gradients: inputs.map { $0.gradientValues() }, memory: tape.peakBytes)
  }

  private func expectClose(_ found: Outcome, _ expected: Outcome, _ tolerance: Float) {
    for (found, expected) in zip([found.values] + found.gradients, [expected.values] + expected.gradients) {
      let scale = expected.map(abs).max() ?? 0
      #expect(scale > 1e-3)
      #expect(greatestDifference(found, expected) <= tolerance * scale)
    }
  }

  private static let variants = [
    Variant(), Variant(causal: true), Variant(dropoutRate: 0.1), Variant(causal: true, dropoutRate: 0.25),
    Variant(reach: 300), Variant(causal: true, reach: 300, dropoutRate: 0.1),
    Variant(reach: 190, dropoutRate: 0.1), Variant(dropoutRate: 0.1, width: 15, headCount: 3),
  ]

  /// f32 products of other sizes may sum in another order; bf16 adds the gradients of keys in another one.
  @Test(arguments: variants, [ElementType.float32, .bfloat16])
  func equalsKeptProbabilities(variant: Variant, precision: ElementType) {
    let spans = AttentionSpan.within(Sequences(lengths: [5, 701, 128, 530]))
    for units in precision == .float32 ? [.loops] : MatrixUnits.allCases {
      let (kept, again) = (10_000, 100)
      let outcomes = [kept, again].map {
        run(
          variant, precision, spans: spans, queries: 1364, keys: 1364, longestKeptSpan: $0, units: units
        )
      }
      expectClose(outcomes[1], outcomes[0], precision == .float32 ? 1e-5 : 1.0 / 64)
    }
  }

  @Test(arguments: [ElementType.float32, .bfloat16])
  func equalsKeptProbabilitiesAcross(precision: ElementType) {
    let spans = AttentionSpan.across(
      targets: Sequences(lengths: [7, 150]), sources: Sequences(lengths: [611, 33]))
    let outcomes = [10_000, 100].map {
      run(
        Variant(dropoutRate: 0.1), precision, spans: spans, queries: 157, keys: 644, longestKeptSpan: $0)
    }
    expectClose(outcomes[1], outcomes[0], precision == .float32 ? 1e-5 : 1.0 / 64)
  }

  /// The values of a sequence do not depend on what else is in the pack, nor on whether the pass is recorded.
  @Test(arguments: [ElementType.float32, .bfloat16])
  func packEqualsAlone(precision: ElementType) {
    func values(_ lengths: [Int], first: Int, isRecording: Bool) -> [Float] {
      let store = ParameterStore(precision: precision)
      _ = store.declare("unread", shape: [1], initialization: .zeros)
      store.allocate(seed: nil)
      let tape = Tape(store: store)
      tape.begin(lane: isRecording ? GradientLane(store) : nil)
      let rows = lengths.reduce(0, +)
      let all = RandomValues.signed(1400 * 96, seed: 1)
      let projection = tape.makeTensor(
        rows: rows, columns: 96, values: Array(all[first * 96..<(first + rows) * 96]))
      return tape.attention(
        queries: ColumnSlice(projection), keys: ColumnSlice(projection, firstColumn: 32),
        values: ColumnSlice(projection, firstColumn: 64), width: 32, headCount: 2,
        spans: AttentionSpan.within(Sequences(lengths: lengths))
      ).values()
    }
    let pack = values([300, 650, 450], first: 0, isRecording: true)
    #expect(pack == values([300, 650, 450], first: 0, isRecording: false))
    #expect(Array(pack[300 * 32..<950 * 32]) == values([650], first: 300, isRecording: true))
  }

  @Test(arguments: [ElementType.float32, .bfloat16], [false, true])
  func memoryGrowsLinearly(precision: ElementType, causal: Bool) {
    func memory(_ length: Int, longestKeptSpan: Int = 512) -> Int {
      run(
        Variant(causal: causal, dropoutRate: 0.1), precision,
        spans: [AttentionSpan(queries: 0..<length, keys: 0..<length)], queries: length, keys: length,
        longestKeptSpan: longestKeptSpan
      ).memory
    }
    let (short, long) = (memory(1024), memory(4096))
    #expect(long < 5 * short)
    #expect(memory(4096, longestKeptSpan: 4096) > 5 * long)
  }
}
