import ClozeCompute
import ClozeTestSupport
import Testing

@Suite struct DropoutTests {
  private let tape: Tape
  private let lane: GradientLane

  init() {
    let store = ParameterStore(precision: .float32)
    _ = store.declare("unread", shape: [1], initialization: .zeros)
    store.allocate(seed: nil)
    tape = Tape(store: store)
    lane = GradientLane(store)
  }

  /// Dropout of ones: 0 or the scale.
  private func mask(
    rows: Int, columns: Int, rate: Double, seed: UInt64 = 1, step: Int = 0, microbatch: Int = 0,
    skipping: Int = 0
  ) -> [Float] {
    tape.begin(lane: lane, dropout: DropoutStream(seed: seed, step: step, microbatch: microbatch))
    let ones = tape.makeTensor(
      rows: rows, columns: columns, values: [Float](repeating: 1, count: rows * columns))
    for _ in 0..<skipping { _ = tape.dropout(ones, rate: rate) }
    return tape.dropout(ones, rate: rate).values()
  }

  /// The count of zeros is binomial; five deviations from its mean are never chance. The mean of all is kept likewise.
  @Test(arguments: [0.01, 0.1, 0.5, 0.9], [64, 700, 2048])
  func dropsItsShare(rate: Double, columns: Int) {
    let values = mask(rows: 200, columns: columns, rate: rate)
    let count = Double(values.count)
    let dropped = Double(values.filter { $0 == 0 }.count)
    #expect(abs(dropped - rate * count) < 5 * (rate * (1 - rate) * count).squareRoot() + count / 65_536)
    let mean = values.reduce(0) { $0 + Double($1) } / count
    #expect(abs(mean - 1) < 5 * (rate / (1 - rate) / count).squareRoot() + 1e-4)
    #expect(Set(values).count == 2)
  }

  /// A rate that is rounded to none would be a setting without effect, one that is rounded to all an infinite scale.
  @Test func extremeRates() {
    let few = mask(rows: 400, columns: 2048, rate: 1e-9)
    #expect((1...100).contains(few.filter { $0 == 0 }.count))
    let many = mask(rows: 400, columns: 2048, rate: Dropout.rates.upperBound)
    #expect(many.filter { $0.isFinite }.count == many.count)
    #expect((1...2000).contains(many.filter { $0 > 0 }.count))
  }

  /// Neither a row, a column nor a piece of 512 columns is dropped more than its share.
  @Test(arguments: [0.1, 0.5])
  func dropsEverywhereAlike(rate: Double) {
    let (rows, columns) = (600, 1100)
    let values = mask(rows: rows, columns: columns, rate: rate)
    func expectShare(_ indices: [Int]) {
      let dropped = Double(indices.filter { values[$0] == 0 }.count)
      let count = Double(indices.count)
      #expect(abs(dropped - rate * count) < 6 * (rate * (1 - rate) * count).squareRoot())
    }
    for row in 0..<rows { expectShare((0..<columns).map { row * columns + $0 }) }
    for column in 0..<columns { expectShare((0..<rows).map { $0 * columns + column }) }
  }

  @Test(arguments: [0.1, 0.5])
  func isAFunctionOfItsPlace(rate: Double) {
    let (rows, columns) = (3, 700)
    let first = mask(rows: rows, columns: columns, rate: rate)
    #expect(mask(rows: rows, columns: columns, rate: rate) == first)
    let others = [
      mask(rows: rows, columns: columns, rate: rate, seed: 2),
      mask(rows: rows, columns: columns, rate: rate, step: 1),
      mask(rows: rows, columns: columns, rate: rate, step: 1 << 33),
      mask(rows: rows, columns: columns, rate: rate, microbatch: 1),
      mask(rows: rows, columns: columns, rate: rate, microbatch: 1 << 20),
      mask(rows: rows, columns: columns, rate: rate, skipping: 1),
      mask(rows: rows, columns: columns, rate: rate, skipping: 2),
    ]
    #expect(Set([first] + others).count == 1 + others.count)
    // Rows and pieces of one mask differ as well.
    let pieces = (0..<rows).map { Array(first[$0 * columns..<$0 * columns + 188]) }
    let tails = (0..<rows).map { Array(first[$0 * columns + 512..<($0 + 1) * columns]) }
    #expect(Set(pieces + tails).count == 2 * rows)
  }

  @Test(arguments: [0.1, 0.7], [5, 513])
  func backwardUsesTheSameMask(rate: Double, columns: Int) {
    let values = mask(rows: 7, columns: columns, rate: rate)
    tape.begin(lane: lane, dropout: DropoutStream(seed: 1, step: 0, microbatch: 0))
    let ones = [Float](repeating: 1, count: 7 * columns)
    let input = tape.makeTensor(rows: 7, columns: columns, values: ones)
    tape.seedGradient(of: tape.dropout(input, rate: rate), with: ones)
    tape.backward()
    #expect(input.gradientValues() == values)
  }

  @Test(arguments: [false, true])
  func isOffOutsideTraining(hasLane: Bool) {
    // No lane: a forward pass alone. No stream: gradients without dropout.
    tape.begin(
      lane: hasLane ? lane : nil, dropout: hasLane ? nil : DropoutStream(seed: 1, step: 0, microbatch: 0))
    let values = RandomValues.signed(12, seed: 1)
    #expect(tape.dropout(tape.makeTensor(rows: 3, columns: 4, values: values), rate: 0.5).values() == values)
  }
}
