import ClozeCompute
import ClozeTestSupport
import Foundation
import Testing

/// The product with the vocabulary and what is made of its logits, chunk by chunk of rows.
@Suite struct VocabularyProductTests {
  /// A tape, and a vocabulary of `classes` tokens whose logits of the unit vectors [rows, rows] are exactly `logits`.
  private func makeVocabulary(logits: [Float], classes: Int) -> (Tape, VocabularyParameters, input: Tensor) {
    let rows = logits.count / classes
    let (tape, vocabulary) = makeVocabulary(.float32, width: rows, classes: classes)
    let table = tape.store.values(of: vocabulary.table)
    for row in 0..<rows {
      for token in 0..<classes { table[token * rows + row] = logits[row * classes + token] }
    }
    let unit = (0..<rows * rows).map { Float($0 / rows == $0 % rows ? 1 : 0) }
    return (tape, vocabulary, tape.makeTensor(rows: rows, columns: rows, values: unit))
  }

  private func makeVocabulary(_ precision: ElementType, width: Int, classes: Int) -> (
    Tape, VocabularyParameters
  ) {
    let store = ParameterStore(precision: precision)
    let vocabulary = VocabularyParameters(
      table: store.declare(
        "table", shape: [classes, width], initialization: .normal(standardDeviation: 0.3)),
      bias: store.declare("bias", shape: [classes], initialization: .zeros))
    store.allocate(seed: 1)
    let tape = Tape(store: store)
    tape.begin()
    return (tape, vocabulary)
  }

  @Test(arguments: [2, 5, 1000], [0, 0.1, 0.9])
  func losses(classes: Int, labelSmoothing: Double) {
    let logits = RandomValues.uniform(4 * classes, from: -20, to: 20, seed: classes)
    let labels: [Int32] = [0, -1, Int32(classes - 1), Int32(classes / 2)]
    let (tape, vocabulary, input) = makeVocabulary(logits: logits, classes: classes)
    let result = tape.crossEntropy(input, vocabulary, labels: labels, labelSmoothing: labelSmoothing)
    for (row, label) in labels.enumerated() {
      let x = logits[row * classes..<(row + 1) * classes].map(Double.init)
      let expected =
        label < 0 ? 0 : ReferenceKernels.crossEntropy(x, label: Int(label), smoothing: labelSmoothing)
      #expect(abs(Double(result.losses[row]) - expected) < 1e-5 * max(1, expected))
      #expect(result.ranks[row] == (label < 0 ? -1 : Int32(x.filter { $0 > x[Int(label)] }.count)))
    }
  }

  /// Of equal scores only one can be the prediction: the first.
  @Test func equalScoresRankInOrder() {
    let (tape, vocabulary, input) = makeVocabulary(logits: [Float](repeating: 0.5, count: 9), classes: 3)
    #expect(tape.crossEntropy(input, vocabulary, labels: [0, 1, 2]).ranks == [0, 1, 2])
  }

  @Test(arguments: [1, 3, 20, 60], [[], [0, 7, 8]] as [Set<Int32>])
  func likeliestClasses(count: Int, excluded: Set<Int32>) {
    // Ten scores only, so that many are equal.
    let logits = RandomValues.tokens(3 * 50, below: 10, seed: count).map(Float.init)
    let (tape, vocabulary, input) = makeVocabulary(logits: logits, classes: 50)
    let found = tape.likeliest(input, vocabulary, count: count, excluded: excluded)
    for row in 0..<3 {
      let x = logits[row * 50..<(row + 1) * 50].map(Double.init)
      let order = x.indices.filter { !excluded.contains(Int32($0)) }.sorted { (x[$1], $0) < (x[$0], $1) }
      #expect(found[row].map(\.index) == order.prefix(count).map { Int32($0) })
      let expected = ReferenceKernels.softmax(x)
      #expect(
        zip(found[row], order).allSatisfy { abs(Double($0.logProbability) - log(expected[$1])) < 1e-5 })
    }
  }

  /// Classes are looked through in blocks, of which the last is not whole; rows of padding have no answer.
  @Test func likeliestOfManyClasses() {
    let classes = 700
    let logits = RandomValues.tokens(3 * classes, below: 40, seed: 7).map(Float.init)
    let (tape, vocabulary, input) = makeVocabulary(logits: logits, classes: classes)
    let found = tape.likeliest(input, vocabulary, rowCount: 2, count: 12, excluded: [5, 699])
    #expect(found.count == 2)
    for (row, found) in found.enumerated() {
      let x = logits[row * classes..<(row + 1) * classes].map(Double.init)
      let order = x.indices.filter { $0 != 5 && $0 != 699 }.sorted { (x[$1], $0) < (x[$0], $1) }
      #expect(found.map(\.index) == order.prefix(12).map { Int32($0) })
    }
  }

  /// Nothing predicted in a micro-batch: no rows, no values, and the gradient is that of no predictions.
  @Test(arguments: Machine.precisions)
  func noRows(precision: ElementType) {
    let (tape, vocabulary) = makeVocabulary(precision, width: 4, classes: 3)
    let lane = GradientLane(tape.store)
    lane.values(of: vocabulary.table).update(repeating: .nan)
    lane.begin()
    tape.begin(lane: lane)
    let input = tape.makeTensor(rows: 2, columns: 4, values: RandomValues.signed(8, seed: 2))
    #expect(tape.crossEntropy(tape.gatherRows(input, []), vocabulary, labels: []).losses.isEmpty)
    tape.backward()
    lane.end()
    #expect(lane.numbers(of: vocabulary.table).allSatisfy { $0 == 0 })
    #expect(lane.numbers(of: vocabulary.bias).allSatisfy { $0 == 0 })
  }

  /// Rows by the hundred, several chunks of them, against the same rows in pieces so small that each is one chunk: equal
  /// losses and ranks, and gradients that differ by the order of their sums.
  @Test(
    arguments: [(ElementType.float32, Float(1e-5)), (.bfloat16, 0.02)].filter {
      Machine.precisions.contains($0.0)
    })
  func chunksOfRowsEqualTheWhole(precision: ElementType, tolerance: Float) {
    // 64 rows a chunk, which is the least.
    let (rows, width, classes, piece) = (208, 16, 70_000, 16)
    let (tape, vocabulary) = makeVocabulary(precision, width: width, classes: classes)
    let values = RandomValues.signed(rows * width, seed: 3)
    let labels = (0..<rows).map { $0 % 7 == 3 ? -1 : Int32($0 * 331 % classes) }
    let weights = RandomValues.signed(rows, seed: 5)
    let lane = GradientLane(tape.store)

    func run(_ ranges: [Range<Int>]) -> (losses: [Float], ranks: [Int32], gradients: [[Float]]) {
      lane.begin()
      var (losses, ranks, inputGradient): ([Float], [Int32], [Float]) = ([], [], [])
      for range in ranges {
        tape.begin(lane: lane)
        let input = tape.makeTensor(
          rows: range.count, columns: width,
          values: Array(values[range.lowerBound * width..<range.upperBound * width]))
        let result = tape.crossEntropy(
          input, vocabulary, labels: Array(labels[range]), labelSmoothing: 0.1,
          rowWeights: Array(weights[range]))
        tape.backward()
        losses += result.losses
        ranks += result.ranks
        inputGradient += input.gradientValues()
      }
      lane.end()
      return (
        losses, ranks, [inputGradient, lane.numbers(of: vocabulary.table), lane.numbers(of: vocabulary.bias)]
      )
    }
    let whole = run([0..<rows])
    let parts = run(stride(from: 0, to: rows, by: piece).map { $0..<$0 + piece })
    #expect(greatestDifference(whole.losses, parts.losses) < 1e-4)
    #expect(whole.ranks == parts.ranks)
    for (a, b) in zip(whole.gradients, parts.gradients) {
      let scale = b.map(abs).max() ?? 0
      #expect(scale > 1e-3)
      #expect(greatestDifference(a, b) < tolerance * scale)
    }
  }

  /// Memory does not grow with rows times tokens: 640 rows against 100,000 tokens would have 256 MB of logits.
  @Test(arguments: Machine.precisions, [false, true])
  func memoryIsThatOfAChunk(precision: ElementType, isRecording: Bool) {
    let (rows, width, classes) = (640, 4, 100_000)
    let (tape, vocabulary) = makeVocabulary(precision, width: width, classes: classes)
    let lane = isRecording ? GradientLane(tape.store) : nil
    // 64 rows of logits in f32 and their gradients in bf16, beside the rows themselves.
    let limit = 64 * classes * 6 + 1 << 20
    func begin() -> Tensor {
      lane?.begin()
      tape.begin(lane: lane)
      return tape.makeTensor(
        rows: rows, columns: width, values: RandomValues.signed(rows * width, seed: 4))
    }
    // The second time the arena is one piece, without gaps.
    for _ in 0..<2 {
      let input = begin()
      let losses = tape.crossEntropy(input, vocabulary, labels: [Int32](repeating: 7, count: rows)).losses
      #expect(losses.allSatisfy { $0 > 5 && $0 < 20 })
    }
    #expect(tape.arena.peak <= limit)
    #expect(tape.arena.inUse <= 1 << 20)
    guard !isRecording else { return }
    let found = tape.likeliest(tape.gatherRows(begin(), (0..<130).map { $0 }), vocabulary, count: 3)
    #expect(found.count == 130 && found.allSatisfy { $0.count == 3 })
    #expect(tape.arena.peak <= limit)
  }
}
