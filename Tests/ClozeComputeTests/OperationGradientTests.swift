import ClozeCompute
import ClozeTestSupport
import Testing

/// Every operation's gradient, for every input and every parameter, against central differences; and in bf16 against f32.
@Suite struct OperationGradientTests {
  private func expectRight(_ check: GradientCheck) {
    let violations = check.violations()
    #expect(violations.isEmpty, "\(violations.count) wrong, such as \(violations.prefix(3))")
    let rounded = check.bfloat16Violations()
    #expect(rounded.isEmpty, "\(rounded.count) wrong in bf16, such as \(rounded.prefix(3))")
  }

  @Test(arguments: [(1, 1, 1), (3, 2, 5), (5, 17, 3), (2, 16, 32)], [true, false])
  func linear(size: (rows: Int, inputs: Int, outputs: Int), hasBias: Bool) {
    let shapes = [[size.outputs, size.inputs]] + (hasBias ? [[size.outputs]] : [])
    for type in [nil, ElementType.float32] {
      expectRight(
        GradientCheck(inputs: [.init(size.rows, size.inputs)], parameters: shapes) {
          tape, inputs, parameters in
          let linear = LinearParameters(weight: parameters[0], bias: hasBias ? parameters[1] : nil)
          return .values(tape.linear(inputs[0], linear, type: type))
        })
    }
  }

  /// Repeated tokens, so that rows of the tables have several readers.
  @Test(arguments: [1, 4, 19])
  func embedding(width: Int) {
    expectRight(
      GradientCheck(inputs: [], parameters: [[5, width], [4, width], [2, width]]) { tape, _, tables in
        .values(
          tape.embedding(
            tokens: [4, 0, 4, 4, 2], positions: [0, 1, 2, 3, 0], segments: [0, 0, 1, 1, 0],
            tokenTable: tables[0],
            positionTable: tables[1], segmentTable: tables[2]))
      })
  }

  @Test(arguments: [[0], [2, 0], [1, -1, 3, 1], [-1, 2, 2, 2, -1]] as [[Int32]])
  func gatherRows(indices: [Int32]) {
    expectRight(
      GradientCheck(inputs: [.init(4, 5)]) { tape, inputs, _ in .values(tape.gatherRows(inputs[0], indices)) }
    )
  }

  /// The sum may take the memory of its input.
  @Test(arguments: [(1, 3), (3, 8), (2, 19)], [0, 0.3])
  func norm(size: (rows: Int, width: Int), dropoutRate: Double) {
    let input = GradientCheck.Input(size.rows, size.width)
    for (hasResidual, overwritesInput) in [(false, false), (true, false), (true, true)] {
      expectRight(
        GradientCheck(
          inputs: hasResidual ? [input, input] : [input], parameters: [[size.width], [size.width]]
        ) {
          tape, inputs, parameters in
          .values(
            tape.norm(
              inputs[0], residual: hasResidual ? inputs[1] : nil,
              NormParameters(gain: parameters[0], bias: parameters[1]), epsilon: 1e-3,
              dropoutRate: dropoutRate, overwritesInput: overwritesInput))
        })
    }
  }

  /// The residual may be the input itself, whose gradient is then the sum of both, and the sum may take the input's memory.
  @Test(arguments: [(1, 3), (4, 600)], [0, 0.3])
  func residualSum(size: (rows: Int, width: Int), dropoutRate: Double) {
    let input = GradientCheck.Input(size.rows, size.width)
    for (inputs, overwritesInput) in [([input], false), ([input, input], false), ([input, input], true)] {
      expectRight(
        GradientCheck(inputs: inputs) { tape, inputs, _ in
          .values(
            tape.add(
              inputs[0], to: inputs[inputs.count - 1], dropoutRate: dropoutRate,
              overwritesInput: overwritesInput))
        })
    }
  }

  @Test(arguments: Activation.allCases)
  func activation(_ activation: Activation) {
    expectRight(
      GradientCheck(inputs: [.init(5, 7)]) { tape, inputs, _ in
        .values(tape.activation(inputs[0], activation))
      })
  }

  @Test(arguments: [Activation.gelu, .silu, .sigmoid], [false, true])
  func linearAfterNonlinearity(_ activation: Activation, isGated: Bool) {
    for keeps in [false, true] {
      expectRight(
        GradientCheck(inputs: [.init(5, isGated ? 14 : 7)], parameters: [[3, 7], [3]]) {
          tape, inputs, parameters in
          .values(
            tape.linear(
              inputs[0], after: Nonlinearity(activation, isGated: isGated),
              LinearParameters(weight: parameters[0], bias: parameters[1]), keeps: keeps))
        })
    }
  }

  /// The columns behind the heads stay as they are.
  @Test(arguments: [(1, 2), (3, 4)])
  func rotary(headCount: Int, headWidth: Int) {
    expectRight(
      GradientCheck(inputs: [.init(4, headCount * headWidth + 3)]) { tape, inputs, _ in
        .values(
          tape.rotary(
            inputs[0], headCount: headCount, headWidth: headWidth, positions: [0, 1, 70, 2], base: 100))
      })
  }

  /// Without positions and segments, and with a norm that has no bias.
  @Test func bareEmbedding() {
    expectRight(
      GradientCheck(inputs: [], parameters: [[5, 6], [6]]) { tape, _, parameters in
        let sum = tape.embedding(
          tokens: [4, 0, 4], positions: [], segments: [], tokenTable: parameters[0], positionTable: nil,
          segmentTable: nil)
        return .values(tape.norm(sum, NormParameters(gain: parameters[1], bias: nil), epsilon: 1e-3))
      })
  }

  /// A sequence that is cut into two blocks of queries, and a short one.
  @Test(arguments: [false, true], [0, 0.25])
  func attentionWithinReach(causal: Bool, dropoutRate: Double) {
    let spans = AttentionSpan.within(Sequences(lengths: [67, 2]))
    expectRight(
      GradientCheck(inputs: [.init(70, 12)]) { tape, inputs, _ in
        .values(
          tape.attention(
            queries: ColumnSlice(inputs[0]), keys: ColumnSlice(inputs[0], firstColumn: 4),
            values: ColumnSlice(inputs[0], firstColumn: 8), width: 4, headCount: 2, spans: spans,
            causal: causal, reach: 3, dropoutRate: dropoutRate))
      })
  }

  @Test(arguments: [0.1, 0.5], [3, 600])
  func dropout(rate: Double, width: Int) {
    expectRight(
      GradientCheck(inputs: [.init(4, width)]) { tape, inputs, _ in
        .values(tape.dropout(inputs[0], rate: rate))
      })
  }

  /// Spans of lengths 1, 4 and 2 over 9 rows: the last two are padding in no span.
  @Test(arguments: [false, true], [0, 0.25])
  func selfAttention(causal: Bool, dropoutRate: Double) {
    let spans = AttentionSpan.within(Sequences(lengths: [1, 4, 2]))
    for headCount in [1, 2, 3] {
      expectRight(
        GradientCheck(inputs: [.init(9, 18)]) { tape, inputs, _ in
          .values(
            tape.attention(
              queries: ColumnSlice(inputs[0]), keys: ColumnSlice(inputs[0], firstColumn: 6),
              values: ColumnSlice(inputs[0], firstColumn: 12), width: 6, headCount: headCount, spans: spans,
              causal: causal, dropoutRate: dropoutRate))
        })
    }
  }

  /// Targets of lengths 2, 1 and 3 over sources of lengths 1, 4 and 2.
  @Test(arguments: [0, 0.25], [1, 2])
  func crossAttention(dropoutRate: Double, headCount: Int) {
    let spans = AttentionSpan.across(
      targets: Sequences(lengths: [2, 1, 3]), sources: Sequences(lengths: [1, 4, 2]))
    expectRight(
      GradientCheck(inputs: [.init(7, 4), .init(8, 8)]) { tape, inputs, _ in
        .values(
          tape.attention(
            queries: ColumnSlice(inputs[0]), keys: ColumnSlice(inputs[1]),
            values: ColumnSlice(inputs[1], firstColumn: 4), width: 4, headCount: headCount, spans: spans,
            dropoutRate: dropoutRate))
      })
  }

  /// Sequences of several lengths, one of them empty, over 9 rows: the last two are padding.
  @Test(arguments: RecurrentCell.allCases, [[2], [4, 1, 0, 2]])
  func recurrent(cell: RecurrentCell, lengths: [Int]) {
    for (directions, width) in [(1, 3), (2, 2), (2, 5)] {
      let rows = directions * cell.gateCount * width
      expectRight(
        GradientCheck(
          inputs: [.init(lengths.reduce(2, +), 4)], parameters: [[rows, 4], [rows], [rows, width], [rows]]
        ) { tape, inputs, parameters in
          .values(
            tape.recurrent(
              inputs[0],
              RecurrentParameters(
                cell: cell, input: LinearParameters(weight: parameters[0], bias: parameters[1]),
                state: LinearParameters(weight: parameters[2], bias: parameters[3])),
              sequences: Sequences(lengths: lengths)))
        })
    }
  }

  /// Sequences shorter and longer than the reach of 4; the content may be what is mixed.
  @Test(arguments: [1, 2, 3], [false, true])
  func spatialGate(groupCount: Int, mixesItself: Bool) {
    expectRight(
      GradientCheck(
        inputs: [GradientCheck.Input](repeating: .init(11, 6), count: mixesItself ? 1 : 2),
        parameters: [[groupCount, 7], [groupCount]]
      ) { tape, inputs, parameters in
        .values(
          tape.spatialGate(
            inputs[0], inputs[inputs.count - 1],
            SpatialGateParameters(weight: parameters[0], bias: parameters[1]),
            sequences: Sequences(lengths: [2, 6, 1])))
      })
  }

  @Test(arguments: [[2], [-1, 0], [3, -1, 0, 6]] as [[Int32]], [0, 0.1])
  func crossEntropy(labels: [Int32], labelSmoothing: Double) {
    expectRight(
      GradientCheck(inputs: [.init(labels.count, 4)], parameters: [[7, 4], [7]]) { tape, inputs, parameters in
        let vocabulary = VocabularyParameters(table: parameters[0], bias: parameters[1])
        return .losses(
          tape.crossEntropy(inputs[0], vocabulary, labels: labels, labelSmoothing: labelSmoothing).losses)
      })
  }

  /// Row weights of both signs: the gradient is that of the weighted sum of the losses, times the scale.
  @Test(arguments: [0, 0.1]) func weightedCrossEntropy(labelSmoothing: Double) {
    let weights: [Float] = [-1.5, 0.25, 4, 0, 2]
    expectRight(
      GradientCheck(inputs: [.init(5, 4)], parameters: [[7, 4], [7]]) { tape, inputs, parameters in
        let vocabulary = VocabularyParameters(table: parameters[0], bias: parameters[1])
        let losses = tape.crossEntropy(
          inputs[0], vocabulary, labels: [3, 0, -1, 6, 3], labelSmoothing: labelSmoothing, gradientScale: 0.5,
          rowWeights: weights
        ).losses
        return .losses(zip(losses, weights).map { 0.5 * $0 * $1 })
      })
  }

  /// The token table is read by the embedding and by the product with the vocabulary: its gradients add.
  @Test func tiedTable() {
    expectRight(
      GradientCheck(inputs: [], parameters: [[6, 4], [3, 4], [1, 4], [6]]) { tape, _, parameters in
        let hidden = tape.embedding(
          tokens: [5, 1, 1], positions: [0, 1, 2], segments: [0, 0, 0], tokenTable: parameters[0],
          positionTable: parameters[1], segmentTable: parameters[2])
        let vocabulary = VocabularyParameters(table: parameters[0], bias: parameters[3])
        return .losses(tape.crossEntropy(hidden, vocabulary, labels: [2, -1, 5]).losses)
      })
  }

  /// A tensor may have a loss and another reader: their gradients add, in either order.
  @Test(arguments: [false, true]) func readBesideTheLoss(lossComesFirst: Bool) {
    expectRight(
      GradientCheck(inputs: [.init(3, 4)], parameters: [[7, 4], [7], [4], [4]]) { tape, inputs, parameters in
        let vocabulary = VocabularyParameters(table: parameters[0], bias: parameters[1])
        func loss(_ input: Tensor) -> [Float] {
          tape.crossEntropy(input, vocabulary, labels: [2, -1, 6]).losses
        }
        func other() -> Tensor {
          tape.norm(
            inputs[0], NormParameters(gain: parameters[2], bias: parameters[3]), epsilon: 1e-5)
        }
        let (first, second) =
          lossComesFirst
          ? (loss(inputs[0]), loss(other()))
          : {
            let next = other()
            return (loss(inputs[0]), loss(next))
          }()
        return .losses(first + second)
      })
  }
}
