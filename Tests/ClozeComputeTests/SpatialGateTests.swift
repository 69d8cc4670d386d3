import ClozeCompute
import ClozeTestSupport
import Testing

/// The gate against its formula, and what a sequence's values must not depend on.
@Suite struct SpatialGateTests {
  private struct Layer {
    let store: ParameterStore
    let parameters: SpatialGateParameters

    init(reach: Int, groups: Int, _ precision: ElementType = .float32) {
      store = ParameterStore(precision: precision)
      parameters = SpatialGateParameters(
        weight: store.declare(
          "weight", shape: [groups, 2 * reach - 1], initialization: .normal(standardDeviation: 0.5)),
        bias: store.declare("bias", shape: [groups], initialization: .normal(standardDeviation: 1)))
      store.allocate(seed: 1)
    }
  }

  /// The formula of `spatialGate`, for each channel and pair of places.
  private func reference(
    _ layer: Layer, content: [Float], mixed: [Float], columns: Int, sequences: Sequences
  ) -> [Double] {
    let (weights, biases) = (
      layer.store.numbers(of: layer.parameters.weight), layer.store.numbers(of: layer.parameters.bias)
    )
    let reach = layer.parameters.reach
    var output = [Double](repeating: 0, count: content.count)
    for index in 0..<sequences.count {
      for i in sequences[index] {
        for channel in 0..<columns {
          let group = channel / (columns / layer.parameters.groupCount)
          var gate = Double(biases[group])
          for j in sequences[index] where abs(i - j) < reach {
            gate +=
              Double(weights[group * (2 * reach - 1) + reach - 1 + j - i])
              * Double(mixed[j * columns + channel])
          }
          output[i * columns + channel] = Double(content[i * columns + channel]) * gate
        }
      }
    }
    return output
  }

  /// Sequences shorter and longer than the reach, and than a block of rows; two rows of padding.
  @Test(arguments: [(1, 2), (3, 1), (40, 2), (512, 4)], Machine.precisions)
  func equalsItsFormula(size: (reach: Int, groups: Int), precision: ElementType) {
    let layer = Layer(reach: size.reach, groups: size.groups, precision)
    let sequences = Sequences(lengths: [1, 9, 0, 150, 300, 2])
    let rows = sequences.tokenCount + 2
    let values = (0..<2).map { RandomValues.signed(rows * 8, seed: $0).map(ReferenceKernels.bfloat16) }
    let tape = Tape(store: layer.store)
    tape.begin()
    let output = tape.spatialGate(
      tape.makeTensor(rows: rows, columns: 8, values: values[0]),
      tape.makeTensor(rows: rows, columns: 8, values: values[1]), layer.parameters, sequences: sequences)
    let expected = reference(layer, content: values[0], mixed: values[1], columns: 8, sequences: sequences)
    #expect(greatestError(output.values(), expected) < (precision == .float32 ? 1e-5 : 1.0 / 256))
  }

  /// Alone and in a pack, a sequence has the same bits; padding changes nothing and gets no gradient.
  @Test(arguments: Machine.precisions)
  func aloneAsInAPack(precision: ElementType) {
    let lengths = [1, 9, 150, 300, 17]
    let layer = Layer(reach: 60, groups: 2, precision)
    func run(_ numbers: [Int], padding: Int) -> [[[UInt32]]] {
      let (tape, lane) = (Tape(store: layer.store), GradientLane(layer.store))
      lane.begin()
      tape.begin(lane: lane)
      let sequences = Sequences(lengths: numbers.map { lengths[$0] })
      func values(_ seed: Int) -> [Float] {
        numbers.flatMap { RandomValues.signed(lengths[$0] * 8, seed: 10 * seed + $0) }
          + [Float](repeating: 3, count: padding * 8)
      }
      let inputs = (0..<2).map {
        tape.makeTensor(rows: sequences.tokenCount + padding, columns: 8, values: values($0))
      }
      let output = tape.spatialGate(inputs[0], inputs[1], layer.parameters, sequences: sequences)
      tape.seedGradient(of: output, with: values(2))
      tape.backward()
      let results = [output.values()] + inputs.map { $0.gradientValues() }
      #expect(results.allSatisfy { $0[(sequences.tokenCount * 8)...].allSatisfy { $0 == 0 } })
      return (0..<sequences.count).map { index in
        let range = sequences[index].lowerBound * 8..<sequences[index].upperBound * 8
        return results.map { $0[range].map(\.bitPattern) }
      }
    }
    let packed = run([0, 1, 2, 3, 4], padding: 3)
    #expect(Array(run([4, 3, 2, 1, 0], padding: 0).reversed()) == packed)
    for number in lengths.indices { #expect(run([number], padding: 1)[0] == packed[number]) }
  }
}
