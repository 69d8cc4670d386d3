import ClozeCompute
import ClozeTestSupport
import Testing

/// The values of `torch.nn.GRU` and `torch.nn.LSTM`, both directions, on rows of several lengths.
@Suite struct ReferenceRecurrentTests {
  /// torch's layer: its tensors, and the parameters here, whose rows are those of both directions.
  private struct Reference {
    let file: TensorFile
    let lengths: [Int]
    let store: ParameterStore
    let parameters: RecurrentParameters
    /// Parameters with the first part of torch's names for them.
    let named: [(name: String, parameter: Parameter)]

    static let (rowLength, inputs, width) = (7, 12, 10)

    init(_ cell: RecurrentCell, precision: ElementType = .float32) throws {
      let file = try TensorFile(Fixtures.url("\(cell.rawValue).safetensors"))
      lengths = try file.integers("lengths").map { Int($0) }
      let store = ParameterStore(precision: precision)
      let rows = 2 * cell.gateCount * Reference.width
      func declare(_ name: String, _ shape: [Int]) -> Parameter {
        store.declare(name, shape: shape, initialization: .zeros)
      }
      let input = LinearParameters(
        weight: declare("weight_ih_l0", [rows, Reference.inputs]), bias: declare("bias_ih_l0", [rows]))
      let state = LinearParameters(
        weight: declare("weight_hh_l0", [rows, Reference.width]), bias: declare("bias_hh_l0", [rows]))
      named = store.parameters.map { ($0.path, $0) }
      parameters = RecurrentParameters(cell: cell, input: input, state: state)
      store.allocate(seed: nil)
      for (name, parameter) in named {
        let values = try file.floats(name) + file.floats(name + "_reverse")
        _ = store.values(of: parameter).update(fromContentsOf: values)
      }
      store.refreshCopies()
      (self.file, self.store) = (file, store)
    }

    /// The rows of `name` [3, 7, columns] without those behind a row's end, one after another.
    func packed(_ name: String, columns: Int) throws -> [Float] {
      let values = try file.floats(name)
      return lengths.enumerated().flatMap { row, length in
        let first = row * Reference.rowLength * columns
        return values[first..<first + length * columns]
      }
    }
  }

  @Test(arguments: RecurrentCell.allCases)
  func statesAndEveryGradient(cell: RecurrentCell) throws {
    let reference = try Reference(cell)
    let tape = Tape(store: reference.store)
    let lane = GradientLane(reference.store)
    lane.begin()
    tape.begin(lane: lane)
    let sequences = Sequences(lengths: reference.lengths)
    let input = tape.makeTensor(
      rows: sequences.tokenCount, columns: 12, values: try reference.packed("input", columns: 12))
    let output = tape.recurrent(input, reference.parameters, sequences: sequences)
    #expect(greatestDifference(output.values(), try reference.packed("output", columns: 20)) < 1e-5)
    tape.seedGradient(of: output, with: try reference.packed("upstream_gradient", columns: 20))
    tape.backward()
    lane.end()
    let inputGradient = try reference.packed("gradient.input", columns: 12)
    #expect(greatestDifference(input.gradientValues(), inputGradient) < 1e-4)
    for (name, parameter) in reference.named {
      let expected =
        try reference.file.floats("gradient." + name) + reference.file.floats("gradient.\(name)_reverse")
      #expect(greatestDifference(lane.numbers(of: parameter), expected) < 1e-4, "\(name)")
      #expect((expected.map(abs).max() ?? 0) > 0.1, "\(name)")
    }
  }

  /// In bf16 the same states within its rounding, which the recurrence does not let grow.
  @Test(.enabled(if: Machine.multipliesBFloat16), arguments: RecurrentCell.allCases)
  func statesInBFloat16(cell: RecurrentCell) throws {
    let reference = try Reference(cell, precision: .bfloat16)
    let tape = Tape(store: reference.store)
    tape.begin()
    let sequences = Sequences(lengths: reference.lengths)
    let input = tape.makeTensor(
      rows: sequences.tokenCount, columns: 12, values: try reference.packed("input", columns: 12))
    let output = tape.recurrent(input, reference.parameters, sequences: sequences)
    #expect(greatestDifference(output.values(), try reference.packed("output", columns: 20)) < 4.0 / 256)
  }
}
