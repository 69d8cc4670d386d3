import ClozeCompute
import ClozeTestSupport
import Testing

/// torch's values of a gMLP block, whose gate has a weight for each pair of places and a bias for each place.
///
/// The operation has weights by distance, so one gate of it cannot hold that matrix. But a row of the matrix has one weight
/// for each distance, and a bias. So the test has a gate for each row, of which it takes that row: eight operations compute
/// the block, forward and backward, and only the weights of the matrix are moved to their places by the test.
@Suite struct ReferenceGatedMLPTests {
  private struct Block {
    let file: TensorFile
    let prefix: String
    let store = ParameterStore(precision: .float32)
    /// Each parameter with the rows of the fixture's tensor that it holds; the gates apart.
    private(set) var named: [(name: String, rows: Range<Int>, parameter: Parameter)] = []
    private(set) var gates: [SpatialGateParameters] = []
    /// Sequences of the fixture, and their places.
    let rowCount = 2
    let length = 8

    /// - Parameter prefix: of the tensors that the fixture has twice.
    init(prefix: String) throws {
      (file, self.prefix) = (try TensorFile(Fixtures.url("gmlp.safetensors")), prefix)
      for (name, rows) in [
        ("norm.weight", 0..<12), ("norm.bias", 0..<12), ("proj_in.weight", 0..<12), ("proj_in.bias", 0..<12),
        ("proj_in.weight", 12..<24), ("proj_in.bias", 12..<24), ("gate_norm.weight", 0..<12),
        ("gate_norm.bias", 0..<12), ("proj_out.weight", 0..<12), ("proj_out.bias", 0..<12),
      ] {
        let shape = name.hasPrefix("proj") && name.hasSuffix("weight") ? [rows.count, 12] : [rows.count]
        named.append((name, rows, store.declare(name, shape: shape, initialization: .zeros)))
      }
      gates = (0..<length).map { row in
        SpatialGateParameters(
          weight: store.declare("gate.\(row).weight", shape: [1, 2 * length - 1], initialization: .zeros),
          bias: store.declare("gate.\(row).bias", shape: [1], initialization: .zeros))
      }
      store.allocate(seed: nil)
      for (name, rows, parameter) in named {
        let columns = parameter.count / rows.count
        let values = try file.floats(name)[rows.lowerBound * columns..<rows.upperBound * columns]
        _ = store.values(of: parameter).update(fromContentsOf: values)
      }
      let (matrix, biases) = (
        try file.floats(prefix + "spatial.weight"), try file.floats(prefix + "spatial.bias")
      )
      for (row, gate) in gates.enumerated() {
        let weights = store.values(of: gate.weight)
        for column in 0..<length { weights[length - 1 + column - row] = matrix[row * length + column] }
        store.values(of: gate.bias)[0] = biases[row]
      }
    }

    func callAsFunction(_ tape: Tape, _ input: Tensor) -> Tensor {
      let p = named.map(\.parameter)
      let normalized = tape.norm(input, NormParameters(gain: p[0], bias: p[1]), epsilon: 1e-5)
      func half(_ weight: Int) -> Tensor {
        tape.activation(
          tape.linear(normalized, LinearParameters(weight: p[weight], bias: p[weight + 1])), .gelu)
      }
      let (content, values) = (half(2), half(4))
      let mixed = tape.norm(values, NormParameters(gain: p[6], bias: p[7]), epsilon: 1e-5)
      let sequences = Sequences(lengths: [Int](repeating: length, count: rowCount))
      let gated = gates.enumerated().map { row, gate in
        tape.gatherRows(
          tape.spatialGate(content, mixed, gate, sequences: sequences),
          (0..<Int32(rowCount * length)).map { Int($0) % length == row ? $0 : -1 })
      }
      let sum = gated.dropFirst().reduce(gated[0]) { tape.add($1, to: $0) }
      return tape.add(tape.linear(sum, LinearParameters(weight: p[8], bias: p[9])), to: input)
    }
  }

  @Test(arguments: ["", "random."])
  func outputAndEveryGradient(prefix: String) throws {
    let block = try Block(prefix: prefix)
    let (file, length) = (block.file, block.length)
    let (tape, lane) = (Tape(store: block.store), GradientLane(block.store))
    lane.begin()
    tape.begin(lane: lane)
    let input = tape.makeTensor(rows: 16, columns: 12, values: try file.floats("input"))
    let output = block(tape, input)
    #expect(greatestDifference(output.values(), try file.floats(prefix + "output")) < 1e-5)
    tape.seedGradient(of: output, with: try file.floats("upstream_gradient"))
    tape.backward()
    lane.end()
    func gradient(_ name: String) throws -> [Float] { try file.floats("\(prefix)gradient.\(name)") }
    #expect(greatestDifference(input.gradientValues(), try gradient("input")) < 1e-4)
    for (name, rows, parameter) in block.named {
      let columns = parameter.count / rows.count
      let expected = Array(try gradient(name)[rows.lowerBound * columns..<rows.upperBound * columns])
      #expect(greatestDifference(lane.numbers(of: parameter), expected) < 1e-4, "\(name)")
    }
    let (matrix, biases) = (try gradient("spatial.weight"), try gradient("spatial.bias"))
    for (row, gate) in block.gates.enumerated() {
      let found = lane.numbers(of: gate.weight)[(length - 1 - row)..<(2 * length - 1 - row)]
      #expect(
        greatestDifference(Array(found), Array(matrix[row * length..<(row + 1) * length])) < 1e-4,
        "row \(row)")
      #expect(abs(lane.numbers(of: gate.bias)[0] - biases[row]) < 1e-4, "row \(row)")
    }
    #expect((matrix.map(abs).max() ?? 0) > 0.1)
  }
}
