import ClozeCompute
import ClozeTestSupport
import Testing

/// The memory of a backward pass.
@Suite struct GradientMemoryTests {
  private let tape: Tape
  private let lane: GradientLane
  private static let (rows, columns) = (64, 128)
  private static let tensorBytes = rows * columns * 4

  init() {
    let store = ParameterStore(precision: .float32)
    _ = store.declare("unread", shape: [1], initialization: .zeros)
    store.allocate(seed: nil)
    tape = Tape(store: store)
    lane = GradientLane(store)
  }

  /// A chain of residual sums and nonlinearities, after its backward pass.
  ///
  /// - Parameter overwritesInput: whether a sum takes the memory of its branch.
  private func run(layers: Int, overwritesInput: Bool = false) -> (input: Tensor, outputs: [Tensor]) {
    tape.begin(lane: lane)
    let (rows, columns) = (GradientMemoryTests.rows, GradientMemoryTests.columns)
    let input = tape.makeTensor(
      rows: rows, columns: columns, values: RandomValues.signed(rows * columns, seed: 1))
    var states = [input]
    for _ in 0..<layers {
      let branch = tape.activation(states[states.count - 1], .tanh)
      states.append(tape.add(branch, to: states[states.count - 1], overwritesInput: overwritesInput))
    }
    tape.seedGradient(of: states[layers], with: RandomValues.signed(rows * columns, seed: 2))
    tape.backward()
    return (input, Array(states.dropFirst()))
  }

  /// A chain keeps its activations, two for each layer, and at most three gradients at a time: those of a layer's output, of
  /// its branch and of its input.
  @Test func gradientsOfAChainAreReleased() {
    for layers in [1, 4, 16] {
      _ = run(layers: layers)
      let activations = (1 + 2 * layers) * GradientMemoryTests.tensorBytes
      #expect(tape.peakBytes > activations)
      // The nonlinearity adds to a gradient that is there, by a tensor of its own.
      #expect(tape.peakBytes <= activations + 4 * GradientMemoryTests.tensorBytes, "\(layers) layers")
    }
  }

  /// Sums in the memory of their branches: a chain keeps one activation for each layer, and its gradient is the same.
  @Test func sumsTakeTheMemoryOfTheirBranches() {
    let expected = run(layers: 16).input.gradientValues()
    #expect(run(layers: 16, overwritesInput: true).input.gradientValues() == expected)
    #expect(tape.peakBytes <= (1 + 16 + 4) * GradientMemoryTests.tensorBytes)
  }

  /// The gradient of what no operation made is there after the pass, and that of an operation's output is not.
  @Test func gradientsOfInputsAreKept() {
    let (input, outputs) = run(layers: 3)
    #expect(input.gradientValues().contains { abs($0) > 0.1 })
    #expect(outputs.allSatisfy { $0.gradient == nil })
  }

  /// Passes of other sizes begin anew, and equal passes have equal gradients.
  @Test func passesDoNotDisturbEachOther() {
    let expected = run(layers: 5).input.gradientValues()
    _ = run(layers: 9)
    #expect(run(layers: 5).input.gradientValues() == expected)
  }
}
