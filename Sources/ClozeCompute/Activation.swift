internal import CKernels
internal import ClozeCore

/// The nonlinearity of feed-forward layers and heads, by the names that `transformers` uses.
package enum Activation: String, NamedChoice {
  /// x Φ(x), exact. Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
  case gelu
  /// The tanh approximation of it, from the same paper.
  case geluTanh = "gelu_new"
  case relu
  /// x / (1 + e^-x).
  case silu

  var kernel: Int32 {
    switch self {
    case .gelu: Int32(CLOZE_GELU)
    case .geluTanh: Int32(CLOZE_GELU_TANH)
    case .relu: Int32(CLOZE_RELU)
    case .silu: Int32(CLOZE_SILU)
    }
  }
}

extension Tape {
  /// y = activation(x), element by element. Backward: dx = dy activation'(x).
  package func activation(_ input: Tensor, _ activation: Activation) -> Tensor {
    precondition(input.type == precision, "activation: input is \(input.type), the tape \(precision)")
    let output = makeTensor(rows: input.rows, columns: input.columns)
    switch precision {
    case .float32: cloze_activation_f32(activation.kernel, input.count, input.floats, output.floats)
    case .bfloat16: cloze_activation_bf16(activation.kernel, input.count, input.halves, output.halves)
    }
    record("activation") { [unowned self] in
      guard let gradient = output.gradient else { return }
      let (inputGradient, accumulates) = destination(of: input)
      let dx = accumulates ? arena.allocate(bytes: input.count * input.type.size) : inputGradient
      switch precision {
      case .float32:
        cloze_activation_gradient_f32(
          activation.kernel, input.count, input.floats, gradient.assumingMemoryBound(to: Float.self),
          dx.assumingMemoryBound(to: Float.self))
      case .bfloat16:
        cloze_activation_gradient_bf16(
          activation.kernel, input.count, input.halves, gradient.assumingMemoryBound(to: UInt16.self),
          dx.assumingMemoryBound(to: UInt16.self))
      }
      if accumulates { add(dx, to: inputGradient, count: input.count, type: input.type) }
    }
    return output
  }
}
