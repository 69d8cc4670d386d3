import ClozeCompute
import ClozeTestSupport
import Testing

/// A tensor that several operations read has the sum of their gradients, whichever comes first.
@Suite struct SharedTensorGradientTests {
  /// The operations that read a tensor [4, 6] and give one of the same shape.
  enum Reader: CaseIterable {
    case linear, gatherRows, norm, residual, activation, linearAfterActivation, dropout

    var readsWeight: Bool { [.linear, .residual, .linearAfterActivation].contains(self) }

    func callAsFunction(_ tape: Tape, _ input: Tensor, _ parameters: [Parameter]) -> Tensor {
      let norm = NormParameters(gain: parameters[0], bias: parameters[1])
      switch self {
      case .linear: return tape.linear(input, LinearParameters(weight: parameters[2], bias: parameters[1]))
      case .gatherRows: return tape.gatherRows(input, [3, 1, 1, 0])
      case .norm: return tape.norm(input, norm, epsilon: 1e-3, dropoutRate: 0.2)
      case .residual:
        let product = tape.linear(input, LinearParameters(weight: parameters[2], bias: nil))
        return tape.norm(product, residual: input, norm, epsilon: 1e-3, dropoutRate: 0.2)
      case .activation: return tape.activation(input, .gelu)
      case .linearAfterActivation:
        return tape.linear(
          input, after: Nonlinearity(.gelu), LinearParameters(weight: parameters[2], bias: parameters[1]))
      case .dropout: return tape.dropout(input, rate: 0.3)
      }
    }
  }

  private func expectRight(readsWeight: Bool, _ operation: @escaping (Tape, Tensor, [Parameter]) -> Tensor) {
    let check = GradientCheck(inputs: [.init(4, 6)], parameters: [[6], [6]] + (readsWeight ? [[6, 6]] : [])) {
      tape, inputs, parameters in
      .values(operation(tape, inputs[0], parameters))
    }
    let violations = check.violations()
    #expect(violations.isEmpty, "\(violations.count) wrong, such as \(violations.prefix(3))")
  }

  @Test(arguments: Reader.allCases, Reader.allCases)
  func twoReaders(first: Reader, second: Reader) {
    expectRight(readsWeight: first.readsWeight || second.readsWeight) { tape, input, parameters in
      let a = first(tape, input, parameters)
      let b = second(tape, input, parameters)
      return tape.norm(
        a, residual: b, NormParameters(gain: parameters[0], bias: parameters[1]), epsilon: 1e-3)
    }
  }

  /// Both inputs of one operation are the same tensor.
  @Test(arguments: [0, 0.4])
  func inputIsItsOwnResidual(dropoutRate: Double) {
    expectRight(readsWeight: false) { tape, input, parameters in
      tape.norm(
        input, residual: input, NormParameters(gain: parameters[0], bias: parameters[1]), epsilon: 1e-3,
        dropoutRate: dropoutRate)
    }
  }

  /// Two attentions whose slices overlap in one projection.
  @Test func overlappingSlices() {
    let check = GradientCheck(inputs: [.init(5, 12)], parameters: [[4], [4]]) {
      tape, inputs, parameters in
      func attention(_ columns: [Int], causal: Bool) -> Tensor {
        let slices = columns.map { ColumnSlice(inputs[0], firstColumn: $0) }
        return tape.attention(
          queries: slices[0], keys: slices[1], values: slices[2], width: 4, headCount: 2,
          spans: AttentionSpan.within(Sequences(lengths: [3, 2])), causal: causal)
      }
      return .values(
        tape.norm(
          attention([0, 4, 8], causal: true), residual: attention([8, 8, 0], causal: false),
          NormParameters(gain: parameters[0], bias: parameters[1]), epsilon: 1e-3))
    }
    let violations = check.violations()
    #expect(violations.isEmpty, "\(violations.count) wrong, such as \(violations.prefix(3))")
  }
}
