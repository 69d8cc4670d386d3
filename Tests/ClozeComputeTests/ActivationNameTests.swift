import ClozeCompute
import ClozeTestSupport
import Testing

/// Every nonlinearity of `transformers`, by each of its names, against what `transformers` computes.
@Suite struct ActivationNameTests {
  /// `x` [N], and under each name of `ACT2FN` [2, N]: values and slopes, computed in float64.
  private let reference: TensorFile

  init() throws {
    reference = try TensorFile(Fixtures.url("activations.safetensors"))
  }

  @Test func everyNameHasItsValuesAndSlopes() throws {
    let x = try reference.floats("x")
    let names = reference.entries.keys.filter { $0 != "x" }.sorted()
    #expect(names.count == 22)
    for name in names {
      let activation = try #require(Activation(transformersName: name), "\(name)")
      let expected = try reference.floats(name)
      let store = ParameterStore(precision: .float32)
      _ = store.declare("unread", shape: [1], initialization: .zeros)
      store.allocate(seed: nil)
      let lane = GradientLane(store)
      lane.begin()
      let tape = Tape(store: store)
      tape.begin(lane: lane)
      let input = tape.makeTensor(rows: 1, columns: x.count, values: x)
      let output = tape.activation(input, activation)
      tape.seedGradient(of: output, with: [Float](repeating: 1, count: x.count))
      tape.backward()
      lane.end()
      let slopes = input.gradientValues()
      for (i, value) in output.values().enumerated() {
        let (wanted, slope) = (expected[i], expected[x.count + i])
        #expect(
          abs(value - wanted) <= 2e-6 * max(1, abs(wanted)), "\(name)(\(x[i])) = \(value), not \(wanted)")
        #expect(
          abs(slopes[i] - slope) <= 2e-6 * max(1, abs(slope)),
          "\(name)'(\(x[i])) = \(slopes[i]), not \(slope)")
      }
    }
  }

  /// Those with parameters of their own, and those that no version has.
  @Test(arguments: ["prelu", "xielu", "GELU", "geglu", ""])
  func others(name: String) {
    #expect(Activation(transformersName: name) == nil)
  }
}
