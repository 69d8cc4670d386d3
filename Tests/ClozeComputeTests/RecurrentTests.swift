import ClozeCompute
import ClozeTestSupport
import Testing

/// What the states of a sequence must not depend on: the other sequences and their lengths, of which the products of the
/// recurrence have a row each.
@Suite struct RecurrentTests {
  private static let width = 24

  private func makeParameters(
    _ cell: RecurrentCell, directions: Int, _ precision: ElementType
  ) -> (ParameterStore, RecurrentParameters) {
    let store = ParameterStore(precision: precision)
    let rows = directions * cell.gateCount * RecurrentTests.width
    func linear(_ name: String, inputs: Int) -> LinearParameters {
      LinearParameters(
        weight: store.declare(
          name, shape: [rows, inputs], initialization: .normal(standardDeviation: 0.4)),
        bias: store.declare(name + ".bias", shape: [rows], initialization: .normal(standardDeviation: 0.4)))
    }
    let parameters = RecurrentParameters(
      cell: cell, input: linear("input", inputs: 16), state: linear("state", inputs: RecurrentTests.width))
    store.allocate(seed: 1)
    return (store, parameters)
  }

  /// The values of a sequence, by its number and place.
  private func values(_ number: Int, length: Int) -> [Float] {
    RandomValues.signed(length * 16, seed: 1000 + number)
  }

  private struct Outcome {
    /// By sequence, its states and its input's gradient.
    let states: [[Float]]
    let gradients: [[Float]]
  }

  /// To the bit; but on processors without AVX-512, where oneDNN sums a row's product in an order that depends on the number
  /// of rows, within rounding.
  private func expectEqual(_ found: [[Float]], _ expected: [[Float]], _ comment: String = "") {
    let (found, expected) = (found.flatMap { $0 }, expected.flatMap { $0 })
    if Machine.multipliesBFloat16 {
      #expect(found.map(\.bitPattern) == expected.map(\.bitPattern), "\(comment)")
    } else {
      #expect(greatestDifference(found, expected) < 1e-5 * max(1, expected.map(abs).max() ?? 0), "\(comment)")
    }
  }

  /// - Parameter numbers: the sequences of the pack.
  private func run(
    _ store: ParameterStore, _ parameters: RecurrentParameters, lengths: [Int], numbers: [Int],
    padding: Int = 0
  ) -> Outcome {
    let (tape, lane) = (Tape(store: store), GradientLane(store))
    lane.begin()
    tape.begin(lane: lane)
    let sequences = Sequences(lengths: numbers.map { lengths[$0] })
    let rows = sequences.tokenCount + padding
    let input = tape.makeTensor(
      rows: rows, columns: 16,
      values: numbers.flatMap { values($0, length: lengths[$0]) } + [Float](repeating: 3, count: padding * 16)
    )
    let output = tape.recurrent(input, parameters, sequences: sequences)
    #expect(output.values()[(sequences.tokenCount * output.columns)...].allSatisfy { $0 == 0 })
    tape.seedGradient(
      of: output,
      with: numbers.flatMap {
        RandomValues.signed(lengths[$0] * output.columns, seed: 2000 + $0)
      } + [Float](repeating: 5, count: padding * output.columns))
    tape.backward()
    #expect(input.gradientValues()[(sequences.tokenCount * 16)...].allSatisfy { $0 == 0 })
    func parts(_ values: [Float], columns: Int) -> [[Float]] {
      (0..<sequences.count).map { index in
        let range = sequences[index]
        return Array(values[range.lowerBound * columns..<range.upperBound * columns])
      }
    }
    return Outcome(
      states: parts(output.values(), columns: output.columns),
      gradients: parts(input.gradientValues(), columns: 16))
  }

  /// Alone, in a pack of many, and in the pack turned round, a sequence has the same values.
  @Test(arguments: RecurrentCell.allCases, Machine.precisions)
  func aloneAsInAPack(cell: RecurrentCell, precision: ElementType) {
    let lengths = [1, 20, 7, 7, 33, 2, 0, 20] + (0..<40).map { 3 + $0 % 5 }
    let (store, parameters) = makeParameters(cell, directions: 2, precision)
    let all = Array(lengths.indices)
    let packed = run(store, parameters, lengths: lengths, numbers: all)
    let reversed = run(store, parameters, lengths: lengths, numbers: all.reversed(), padding: 5)
    expectEqual(reversed.states.reversed(), packed.states)
    expectEqual(reversed.gradients.reversed(), packed.gradients)
    for number in [0, 1, 2, 4, 7, 20] {
      let alone = run(store, parameters, lengths: lengths, numbers: [number])
      expectEqual(alone.states, [packed.states[number]], "sequence \(number)")
      expectEqual(alone.gradients, [packed.gradients[number]], "sequence \(number)")
    }
  }

  /// Where each sum of a product has one term at most, its order does not matter. So only the cell rounds, and to the same
  /// bits on every processor.
  @Test(arguments: RecurrentCell.allCases)
  func cellRoundsAloneAsInAPack(cell: RecurrentCell) {
    let (store, parameters) = makeParameters(cell, directions: 2, .float32)
    store.values(of: parameters.state.weight).update(repeating: 0)
    let weight = store.values(of: parameters.input.weight)
    weight.update(repeating: 0)
    for i in 0..<16 { weight[(6 * i + 1) * 16 + i] = 1 }
    let lengths = [1, 20, 7, 7, 33, 2, 20]
    let packed = run(store, parameters, lengths: lengths, numbers: Array(lengths.indices))
    for number in lengths.indices {
      let alone = run(store, parameters, lengths: lengths, numbers: [number])
      #expect(alone.states == [packed.states[number]], "sequence \(number)")
      #expect(alone.gradients == [packed.gradients[number]], "sequence \(number)")
    }
  }

  /// The reverse direction is the forward one over the reversed sequence.
  @Test(arguments: RecurrentCell.allCases)
  func directionsMirrorEachOther(cell: RecurrentCell) {
    let (store, parameters) = makeParameters(cell, directions: 2, .float32)
    // Both directions get equal weights.
    for parameter in store.parameters {
      let values = store.values(of: parameter)
      let half = values.count / 2
      for i in 0..<half { values[half + i] = values[i] }
    }
    let tape = Tape(store: store)
    tape.begin()
    func states(_ input: [[Float]]) -> [[Float]] {
      let tensor = tape.makeTensor(rows: input.count, columns: 16, values: input.flatMap { $0 })
      let output = tape.recurrent(tensor, parameters, sequences: Sequences(lengths: [input.count])).values()
      return (0..<input.count).map { Array(output[$0 * 48..<($0 + 1) * 48]) }
    }
    let input = (0..<9).map { RandomValues.signed(16, seed: $0) }
    let (plain, mirrored) = (states(input), states(input.reversed()))
    for row in 0..<9 {
      let other = mirrored[8 - row]
      #expect(greatestDifference(plain[row], Array(other.suffix(24) + other.prefix(24))) < 1e-6)
    }
    #expect(plain[4].prefix(24) != plain[4].suffix(24))
  }

  /// States that go on token by token, while rows are dropped, doubled and swapped, have the values of their tokens.
  @Test(
    arguments: RecurrentCell.allCases,
    [
      [[0], [0], [0]], [[0, 1], [1, 0], [1, 1], [0, 1]], [[0, 1, 2], [2, 2, 0], [1], [0, 0, 0], [2, 1]],
    ])
  func stepsEqualTheWhole(cell: RecurrentCell, parents: [[Int]]) {
    for precision in Machine.precisions {
      let (store, parameters) = makeParameters(cell, directions: 1, precision)
      let tape = Tape(store: store)
      tape.begin()
      let state = RecurrentState(tape, parameters, rowCount: parents[0].count, maximumRowCount: 3)
      var rows = [[Int]](repeating: [], count: parents[0].count)
      for (step, parents) in parents.enumerated() {
        state.reorder(parents)
        rows = parents.enumerated().map { row, parent in rows[parent] + [10 * step + row] }
        // Two rows of padding.
        let values = rows.flatMap { self.values($0[step], length: 1) } + [Float](repeating: 7, count: 32)
        let found = tape.recurrent(
          step: tape.makeTensor(rows: rows.count + 2, columns: 16, values: values), parameters, state: state
        ).values()
        #expect(found.suffix(48).allSatisfy { $0 == 0 })
        for (row, tokens) in rows.enumerated() {
          let whole = tape.recurrent(
            tape.makeTensor(
              rows: tokens.count, columns: 16, values: tokens.flatMap { self.values($0, length: 1) }),
            parameters, sequences: Sequences(lengths: [tokens.count]))
          expectEqual(
            [Array(found[row * 24..<(row + 1) * 24])], [Array(whole.values().suffix(24))], "step \(step)")
        }
        #expect(state.rowCount == rows.count)
      }
    }
  }

  /// A state far from 0, and sums of gates at which an exponential would overflow.
  @Test(arguments: RecurrentCell.allCases, [Float(1e3), 1e30])
  func saturatedGates(cell: RecurrentCell, scale: Float) {
    let (store, parameters) = makeParameters(cell, directions: 1, .float32)
    let tape = Tape(store: store)
    tape.begin()
    let values = RandomValues.signed(8 * 16, seed: 1).map { $0 * scale }
    let output = tape.recurrent(
      tape.makeTensor(rows: 8, columns: 16, values: values), parameters, sequences: Sequences(lengths: [8]))
    #expect(output.values().allSatisfy { abs($0) <= 1 })
  }

  /// A number that is none shows in its own sequence from its token on, and nowhere else.
  @Test(arguments: RecurrentCell.allCases)
  func notANumberStaysInItsSequence(cell: RecurrentCell) {
    let (store, parameters) = makeParameters(cell, directions: 1, .float32)
    let tape = Tape(store: store)
    tape.begin()
    var values = RandomValues.signed(9 * 16, seed: 1)
    values[4 * 16] = .nan
    let output = tape.recurrent(
      tape.makeTensor(rows: 9, columns: 16, values: values), parameters,
      sequences: Sequences(lengths: [2, 5, 2]))
    let isNaN = (0..<9).map { row in output.values()[row * 24..<(row + 1) * 24].allSatisfy(\.isNaN) }
    #expect(isNaN == [false, false, false, false, true, true, true, false, false])
    #expect(output.values()[..<(4 * 24)].allSatisfy { $0.isFinite })
    #expect(output.values()[(7 * 24)...].allSatisfy { $0.isFinite })
  }

  /// Frozen weights get no gradient; the input's is the same.
  @Test(arguments: RecurrentCell.allCases)
  func frozenWeights(cell: RecurrentCell) {
    func run(frozen: Bool) -> (input: [Float], weights: [[Float]]) {
      let (store, parameters) = makeParameters(cell, directions: 2, .float32)
      if frozen { store.freeze(store.parameters) }
      let (tape, lane) = (Tape(store: store), GradientLane(store))
      lane.begin()
      tape.begin(lane: lane)
      let input = tape.makeTensor(rows: 6, columns: 16, values: values(0, length: 6))
      let output = tape.recurrent(input, parameters, sequences: Sequences(lengths: [4, 2]))
      tape.seedGradient(of: output, with: RandomValues.signed(output.count, seed: 3))
      tape.backward()
      lane.end()
      return (input.gradientValues(), store.parameters.map { lane.numbers(of: $0) })
    }
    let (trained, frozen) = (run(frozen: false), run(frozen: true))
    #expect(trained.input == frozen.input)
    #expect(trained.weights.allSatisfy { $0.contains { $0 != 0 } })
    #expect(frozen.weights.allSatisfy { $0.allSatisfy { $0 == 0 } })
  }
}
