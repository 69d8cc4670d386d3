import ClozeCompute
import ClozeTestSupport
import Foundation
import Testing

/// Every operation's values against `ReferenceKernels`.
///
/// f32 must agree to its rounding; bf16 results may differ by a rounding of what is read (exact here: the inputs are
/// rounded first) and of what is written, 1 / 256 in all.
@Suite struct OperationValueTests {
  /// A tape over parameters with the given values.
  private func makeTape(_ precision: ElementType, _ parameters: [(shape: [Int], values: [Float])]) -> (
    Tape, [Parameter]
  ) {
    let store = ParameterStore(precision: precision)
    let declared = parameters.map { store.declare("p", shape: $0.shape, initialization: .zeros) }
    if declared.isEmpty { _ = store.declare("unread", shape: [1], initialization: .zeros) }
    store.allocate(seed: nil)
    for (parameter, (_, values)) in zip(declared, parameters) {
      _ = store.values(of: parameter).update(fromContentsOf: values)
    }
    store.refreshCopies()
    let tape = Tape(store: store)
    tape.begin()
    return (tape, declared)
  }

  /// Values that bf16 holds exactly.
  private func values(_ count: Int, seed: Int) -> [Float] {
    RandomValues.signed(count, seed: seed).map(ReferenceKernels.bfloat16)
  }

  private func tolerance(_ precision: ElementType) -> Double { precision == .float32 ? 2e-5 : 1.0 / 256 }

  @Test(arguments: [1, 3, 17, 64, 100], Machine.precisions)
  func linear(size: Int, precision: ElementType) {
    for (rows, inputs, outputs) in [(size, 17, 64), (3, size, 100), (64, 3, size), (size, size, size)] {
      let x = values(rows * inputs, seed: 1)
      let w = values(outputs * inputs, seed: 2)
      let b = values(outputs, seed: 3)
      let (tape, parameters) = makeTape(precision, [([outputs, inputs], w), ([outputs], b)])
      let result = tape.linear(
        tape.makeTensor(rows: rows, columns: inputs, values: x),
        LinearParameters(weight: parameters[0], bias: parameters[1]))
      let expected = ReferenceKernels.linear(x, weight: w, bias: b, inputs: inputs)
      #expect(
        greatestError(result.values(), expected) < tolerance(precision), "\(rows) x \(inputs) x \(outputs)")
    }
  }

  @Test(arguments: [1, 3, 33, 256], Machine.precisions)
  func norm(width: Int, precision: ElementType) {
    let (x, residual) = (values(5 * width, seed: 1), values(5 * width, seed: 2))
    let (gain, bias) = (values(width, seed: 3), values(width, seed: 4))
    let (tape, parameters) = makeTape(precision, [([width], gain), ([width], bias)])
    for hasResidual in [false, true] {
      let result = tape.norm(
        tape.makeTensor(rows: 5, columns: width, values: x),
        residual: hasResidual ? tape.makeTensor(rows: 5, columns: width, values: residual) : nil,
        NormParameters(gain: parameters[0], bias: parameters[1]), epsilon: 1e-2)
      let sum = zip(x, residual).map { Double($0) + (hasResidual ? Double($1) : 0) }
      let expected = ReferenceKernels.norm(sum, gain: gain, bias: bias, epsilon: 1e-2)
      #expect(greatestError(result.values(), expected) < 4 * tolerance(precision), "residual \(hasResidual)")
    }
  }

  @Test(arguments: Activation.allCases)
  func activationOverItsRange(_ activation: Activation) {
    let x = (-4000...4000).map { Float($0) / 200 } + [-1e30, -87, 88, 1e30]
    let (tape, _) = makeTape(.float32, [])
    let result = tape.activation(tape.makeTensor(rows: 1, columns: x.count, values: x), activation)
    for (input, output) in zip(x, result.values()) {
      let expected = ReferenceKernels.activation(activation, Double(input))
      guard Float(expected).isFinite else {
        #expect(Double(output) == Double(Float(expected)), "\(activation)(\(input)) = \(output)")
        continue
      }
      let error = abs(Double(output) - expected) / max(1, abs(expected))
      #expect(error < 1e-6, "\(activation)(\(input)) = \(output), not \(expected)")
    }
  }

  @Test(arguments: Activation.allCases)
  func activationInBFloat16(_ activation: Activation) {
    let x = values(257, seed: 5)
    let (tape, _) = makeTape(.bfloat16, [])
    let result = tape.activation(tape.makeTensor(rows: 1, columns: x.count, values: x), activation)
    let expected = x.map { ReferenceKernels.activation(activation, Double($0)) }
    #expect(greatestError(result.values(), expected) < tolerance(.bfloat16))
  }

  /// Sequences of lengths 1, 5 and 3, then two rows of padding.
  @Test(arguments: [(6, 1), (6, 3), (64, 4)], [false, true])
  func attention(size: (width: Int, headCount: Int), causal: Bool) {
    let width = size.width
    let parts = (0..<3).map { values(11 * width, seed: $0) }
    let fused = (0..<11).flatMap { row in parts.flatMap { $0[row * width..<(row + 1) * width] } }
    let spans = AttentionSpan.within(Sequences(lengths: [1, 5, 3]))
    for precision in Machine.precisions {
      // What a bf16 tape reads is rounded already.
      let read = precision == .bfloat16 ? parts.map { $0.map(ReferenceKernels.bfloat16) } : parts
      let expected = ReferenceKernels.attention(
        queries: read[0], keys: read[1], values: read[2], width: width, headCount: size.headCount,
        spans: spans, causal: causal)
      let (tape, _) = makeTape(precision, [])
      let projection = tape.makeTensor(rows: 11, columns: 3 * width, values: fused)
      let result = tape.attention(
        queries: ColumnSlice(projection), keys: ColumnSlice(projection, firstColumn: width),
        values: ColumnSlice(projection, firstColumn: 2 * width), width: width, headCount: size.headCount,
        spans: spans, causal: causal)
      // In bf16 the probabilities are rounded as well as the result.
      #expect(
        greatestError(result.values(), expected) < tolerance(precision) * (precision == .bfloat16 ? 2 : 1))
    }
  }

  /// Reaches of none, some and all places, over sequences shorter and longer than a block of queries.
  @Test(arguments: [1, 5, 64, 70, 300], [false, true])
  func attentionWithinReach(reach: Int, causal: Bool) {
    let (width, rows) = (8, 220)
    let parts = (0..<3).map { values(rows * width, seed: $0) }
    let fused = (0..<rows).flatMap { row in parts.flatMap { $0[row * width..<(row + 1) * width] } }
    let spans = AttentionSpan.within(Sequences(lengths: [3, 150, 64, 1]))
    for precision in Machine.precisions {
      let expected = ReferenceKernels.attention(
        queries: parts[0], keys: parts[1], values: parts[2], width: width, headCount: 2, spans: spans,
        causal: causal, reach: reach)
      let (tape, _) = makeTape(precision, [])
      let projection = tape.makeTensor(rows: rows, columns: 3 * width, values: fused)
      let result = tape.attention(
        queries: ColumnSlice(projection), keys: ColumnSlice(projection, firstColumn: width),
        values: ColumnSlice(projection, firstColumn: 2 * width), width: width, headCount: 2, spans: spans,
        causal: causal, reach: reach)
      #expect(
        greatestError(result.values(), expected) < tolerance(precision) * (precision == .bfloat16 ? 2 : 1))
    }
  }

  /// Each pair (i, i + W / 2) of a head, as a complex number, is multiplied by e^(i position base^(-2i / W)).
  @Test(arguments: [2, 8, 34], [ElementType.float32, .bfloat16])
  func rotary(headWidth: Int, precision: ElementType) {
    let (positions, columns): ([Int32], Int) = ([0, 1, 5, 130, 1000], 2 * headWidth + 3)
    let x = values(positions.count * columns, seed: 8)
    let (tape, _) = makeTape(precision, [])
    let result = tape.rotary(
      tape.makeTensor(rows: positions.count, columns: columns, values: x), headCount: 2,
      headWidth: headWidth, positions: positions, base: 10_000)
    let half = headWidth / 2
    let expected = x.indices.map { index -> Double in
      let (row, column) = (index / columns, index % columns)
      guard column < 2 * headWidth else { return Double(x[index]) }
      let place = column % headWidth
      let angle = Double(positions[row]) * pow(10_000, -2 * Double(place % half) / Double(headWidth))
      let other = Double(x[place < half ? index + half : index - half])
      return Double(x[index]) * cos(angle) + (place < half ? -1 : 1) * other * sin(angle)
    }
    // Angles up to 1,000 are rounded to f32, as in transformers.
    #expect(greatestError(result.values(), expected) < tolerance(precision) + 1e-4)
  }

  /// The values of the nonlinearity itself, by the identity as the weight.
  @Test(arguments: [(Activation.gelu, false), (.gelu, true), (.silu, true)], Machine.precisions)
  func linearAfterNonlinearity(_ kind: (activation: Activation, isGated: Bool), precision: ElementType) {
    let (rows, width, columns) = (3, 21, kind.isGated ? 42 : 21)
    let x = values(rows * columns, seed: 6)
    let identity: [Float] = (0..<width * width).map { $0 % (width + 1) == 0 ? 1 : 0 }
    let (tape, parameters) = makeTape(precision, [([width, width], identity)])
    let result = tape.linear(
      tape.makeTensor(rows: rows, columns: columns, values: x),
      after: Nonlinearity(kind.activation, isGated: kind.isGated),
      LinearParameters(weight: parameters[0], bias: nil))
    let expected = (0..<rows * width).map { index in
      let first = index / width * columns + index % width
      return ReferenceKernels.activation(kind.activation, Double(x[first]))
        * (kind.isGated ? Double(x[first + width]) : 1)
    }
    #expect(greatestError(result.values(), expected) < 2 * tolerance(precision))
  }

  /// Scores far apart: the softmax must neither overflow nor lose the sum of its probabilities.
  @Test(arguments: [1, 30, 1000] as [Float])
  func attentionToDistantScores(spread: Float) {
    let (tape, _) = makeTape(.float32, [])
    let queries = [spread, -spread, spread, 0]
    let tensor = tape.makeTensor(rows: 4, columns: 1, values: queries)
    let ones = tape.makeTensor(rows: 4, columns: 1, values: [1, 1, 1, 1])
    let result = tape.attention(
      queries: ColumnSlice(tensor), keys: ColumnSlice(tensor), values: ColumnSlice(ones), width: 1,
      headCount: 1,
      spans: [AttentionSpan(queries: 0..<4, keys: 0..<4)])
    #expect(greatestDifference(result.values(), [1, 1, 1, 1]) < 1e-6)
  }
}
