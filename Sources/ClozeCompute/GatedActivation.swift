internal import CKernels

extension Tape {
  /// y = activation(a) * b, element by element, for x = [a | b] of shape [N, 2F], giving [N, F].
  ///
  /// Backward: da = dy b activation'(a), db = dy activation(a).
  ///
  /// Source: Dauphin et al. 2017, arXiv:1612.08083; Shazeer 2020, "GLU variants improve Transformer", arXiv:2002.05202.
  package func gatedActivation(_ input: Tensor, _ activation: Activation) -> Tensor {
    let (rows, width) = (input.rows, input.columns / 2)
    precondition(
      input.type == precision && input.columns % 2 == 0,
      "gatedActivation: \(input.type) input [\(rows), \(input.columns)], the tape \(precision)")
    let output = makeTensor(rows: rows, columns: width)
    switch precision {
    case .float32:
      cloze_gated_activation_f32(activation.kernel, rows, width, input.floats, output.floats)
    case .bfloat16:
      cloze_gated_activation_bf16(activation.kernel, rows, width, input.halves, output.halves)
    }
    record("gatedActivation", output) { [unowned self] in
      guard let gradient = output.gradient else { return }
      let (inputGradient, accumulates) = destination(of: input)
      let dx = accumulates ? arena.allocate(bytes: input.count * input.type.size) : inputGradient
      switch precision {
      case .float32:
        cloze_gated_activation_gradient_f32(
          activation.kernel, rows, width, input.floats, gradient.assumingMemoryBound(to: Float.self),
          dx.assumingMemoryBound(to: Float.self))
      case .bfloat16:
        cloze_gated_activation_gradient_bf16(
          activation.kernel, rows, width, input.halves, gradient.assumingMemoryBound(to: UInt16.self),
          dx.assumingMemoryBound(to: UInt16.self))
      }
      if accumulates { add(dx, to: inputGradient, count: input.count, type: input.type) }
    }
    return output
  }
}
