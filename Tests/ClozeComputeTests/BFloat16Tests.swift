import ClozeCompute
import ClozeTestSupport
import Testing

/// The conversion to bf16 and back, which is how every bf16 tensor begins.
@Suite struct BFloat16Tests {
  private func rounded(_ values: [Float]) -> [Float] {
    let store = ParameterStore(precision: .bfloat16)
    _ = store.declare("unread", shape: [1], initialization: .zeros)
    store.allocate(seed: nil)
    return Tape(store: store).makeTensor(rows: 1, columns: values.count, values: values).values()
  }

  /// Numbers of all sizes; every length, because vectors end somewhere.
  @Test(arguments: [1, 7, 16, 33, 1000])
  func roundsToTheNearest(count: Int) {
    let values = (0..<count).map { Float(bitPattern: UInt32($0) &* 2_654_435_761 & 0x7F7F_FFFF) }
    #expect(rounded(values) == values.map(ReferenceKernels.bfloat16))
    #expect(rounded(values.map { -$0 }) == values.map { -ReferenceKernels.bfloat16($0) })
  }

  @Test(
    arguments: [
      (0x3F80_8000, 0x3F80_0000), (0x3F81_8000, 0x3F82_0000), (0x3F80_8001, 0x3F81_0000),
      (0x3F81_7FFF, 0x3F81_0000),
      (0x0000_8000, 0x0000_0000), (0x0001_8000, 0x0002_0000), (0x7F7F_7FFF, 0x7F7F_0000),
      (0x7F7F_8000, 0x7F80_0000),
    ] as [(UInt32, UInt32)])
  func tiesGoToEven(bits: UInt32, expected: UInt32) {
    #expect(rounded([Float(bitPattern: bits)])[0].bitPattern == expected)
    #expect(rounded([Float(bitPattern: bits | 0x8000_0000)])[0].bitPattern == expected | 0x8000_0000)
  }

  @Test func infinityAndNaNStay() {
    #expect(rounded([.infinity, -.infinity]) == [.infinity, -.infinity])
    // The second has its only bits where bf16 has none, the third would round up to a negative zero.
    let notNumbers = [Float.nan, Float(bitPattern: 0x7F80_0001), Float(bitPattern: 0x7FFF_FFFF)]
    #expect(rounded(notNumbers).allSatisfy { $0.isNaN })
  }

  /// A defect in the data must show in the loss, not vanish in a clamp.
  @Test(arguments: [Float.nan, .infinity])
  func operationsPassNaNOn(value: Float) {
    for precision in [ElementType.float32, .bfloat16] {
      let store = ParameterStore(precision: precision)
      let norm = NormParameters(
        gain: store.declare("gain", shape: [4], initialization: .ones),
        bias: store.declare("bias", shape: [4], initialization: .zeros))
      let vocabulary = VocabularyParameters(
        table: store.declare("table", shape: [4, 4], initialization: .zeros),
        bias: store.declare("logits", shape: [4], initialization: .zeros))
      store.allocate(seed: nil)
      _ = store.values(of: vocabulary.bias).update(fromContentsOf: [1, 2, value, 4])
      let tape = Tape(store: store)
      tape.begin()
      let input = tape.makeTensor(rows: 1, columns: 4, values: [1, 2, value, 4])
      #expect(tape.norm(input, norm, epsilon: 1e-5).values().allSatisfy { $0.isNaN })
      for activation in Activation.allCases where value.isNaN {
        #expect(tape.activation(input, activation).values()[2].isNaN, "\(activation)")
      }
      // A product, which not every processor has in bfloat16.
      if Machine.precisions.contains(precision) {
        let hidden = tape.makeTensor(rows: 1, columns: 4, values: [0, 0, 0, 0])
        #expect(tape.crossEntropy(hidden, vocabulary, labels: [0]).losses[0].isNaN)
      }
      let context = tape.attention(
        queries: ColumnSlice(input), keys: ColumnSlice(input), values: ColumnSlice(input), width: 4,
        headCount: 1,
        spans: [AttentionSpan(queries: 0..<1, keys: 0..<1)])
      #expect(context.values().allSatisfy { $0.isNaN })
    }
  }
}
