import ClozeCompute
import ClozeTestSupport
import Testing

/// Attention in bf16: with each of the processor's matrix units and without, at sizes around those that the kernel cuts by.
@Suite struct AttentionHalfTests {
  struct Size: Sendable {
    let queries: Int
    let keys: Int
    let width: Int
    let headCount: Int
  }

  private struct Outcome {
    let values: [Float]
    let gradients: [[Float]]
  }

  private func run(
    _ size: Size, _ precision: ElementType, _ units: MatrixUnits = .loops, causal: Bool, dropoutRate: Double
  ) -> Outcome {
    let store = ParameterStore(precision: precision)
    _ = store.declare("unread", shape: [1], initialization: .zeros)
    store.allocate(seed: nil)
    let tape = Tape(store: store, matrixUnits: units)
    tape.begin(
      lane: GradientLane(store), dropout: DropoutStream(seed: 1, step: 0, microbatch: 0))
    // Rounded first, so that f32 and bf16 read the same numbers.
    func tensor(_ rows: Int, _ seed: Int) -> Tensor {
      let values = RandomValues.signed(rows * size.width, seed: seed).map(ReferenceKernels.bfloat16)
      return tape.makeTensor(rows: rows, columns: size.width, values: values)
    }
    let inputs = [tensor(size.queries, 1), tensor(size.keys, 2), tensor(size.keys, 3)]
    let output = tape.attention(
      queries: ColumnSlice(inputs[0]), keys: ColumnSlice(inputs[1]), values: ColumnSlice(inputs[2]),
      width: size.width, headCount: size.headCount,
      spans: [AttentionSpan(queries: 0..<size.queries, keys: 0..<size.keys)], causal: causal,
      dropoutRate: dropoutRate)
    tape.seedGradient(of: output, with: RandomValues.signed(output.count, seed: 4))
    tape.backward()
    return Outcome(values: output.values(), gradients: inputs.map { $0.gradientValues() })
  }

  private func expectClose(_ found: [Float], _ expected: [Float], _ tolerance: Float) {
    let scale = expected.map(abs).max() ?? 0
    #expect(scale > 1e-3)
    #expect(greatestDifference(found, expected) <= tolerance * scale)
  }

  private static let sizes = [
    Size(queries: 1, keys: 1, width: 2, headCount: 1), Size(queries: 5, keys: 3, width: 15, headCount: 3),
    Size(queries: 31, keys: 70, width: 64, headCount: 1),
    Size(queries: 33, keys: 17, width: 96, headCount: 2),
    Size(queries: 130, keys: 128, width: 128, headCount: 2),
    Size(queries: 7, keys: 300, width: 64, headCount: 4),
  ]

  /// bf16 rounds probabilities and results by up to 1 / 256 each.
  @Test(arguments: sizes, [0, 0.25])
  func equalsFloatAttention(size: Size, dropoutRate: Double) {
    let expected = run(size, .float32, causal: false, dropoutRate: dropoutRate)
    for units in MatrixUnits.allCases {
      let found = run(size, .bfloat16, units, causal: false, dropoutRate: dropoutRate)
      expectClose(found.values, expected.values, 3.0 / 256)
      for (found, expected) in zip(found.gradients, expected.gradients)
      where (expected.map(abs).max() ?? 0) > 1e-3 {
        expectClose(found, expected, 6.0 / 256)
      }
    }
  }

  /// All sum in f32; their orders differ, so an element may round to the next bf16.
  @Test(arguments: [MatrixUnits.vectors, .tiles], [1, 16, 33, 47, 140])
  func unitsEqualLoops(units: MatrixUnits, length: Int) {
    let size = Size(queries: length, keys: length, width: 64, headCount: 2)
    for (causal, dropoutRate) in [(false, 0), (false, 0.1), (true, 0), (true, 0.1)] {
      let found = run(size, .bfloat16, units, causal: causal, dropoutRate: dropoutRate)
      let loops = run(size, .bfloat16, .loops, causal: causal, dropoutRate: dropoutRate)
      expectClose(found.values, loops.values, 1.0 / 128)
      for (found, loops) in zip(found.gradients, loops.gradients) where (loops.map(abs).max() ?? 0) > 1e-3 {
        expectClose(found, loops, 1.0 / 64)
      }
    }
  }
}
