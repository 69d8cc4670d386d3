internal import CKernels

/// What lies between the two products of a feed-forward layer: h = activation(x), or gated, for x = [a | b],
/// h = activation(a) * b.
///
/// Source: Vaswani et al. 2017, section 3.3, arXiv:1706.03762; gated: Dauphin et al. 2017, arXiv:1612.08083; Shazeer 2020, "GLU
/// variants improve Transformer", arXiv:2002.05202.
package struct Nonlinearity: Sendable {
  package let activation: Activation
  package let isGated: Bool

  package init(_ activation: Activation, isGated: Bool = false) {
    self.activation = activation
    self.isGated = isGated
  }

  /// The most bytes of h that the backward pass does not compute again.
  static let largestKeptResult = 16 << 20

  /// The columns of h for those of x.
  func width(_ inputColumns: Int) -> Int { isGated ? inputColumns / 2 : inputColumns }

  /// Writes h to `output`.
  func values(of input: Tensor, into output: UnsafeMutableRawPointer) {
    let (kernel, rows, width) = (activation.kernel, input.rows, width(input.columns))
    switch input.type {
    case .float32:
      let output = output.assumingMemoryBound(to: Float.self)
      if isGated {
        cloze_gated_activation_f32(kernel, rows, width, input.floats, output)
      } else {
        cloze_activation_f32(kernel, rows * width, input.floats, output)
      }
    case .bfloat16:
      let output = output.assumingMemoryBound(to: UInt16.self)
      if isGated {
        cloze_gated_activation_bf16(kernel, rows, width, input.halves, output)
      } else {
        cloze_activation_bf16(kernel, rows * width, input.halves, output)
      }
    }
  }

  /// Writes dx to `inputGradient`: dx = dh activation'(x), or gated, da = dh b activation'(a) and db = dh activation(a).
  func gradient(
    at input: Tensor, of outputGradient: UnsafeMutableRawPointer, into inputGradient: UnsafeMutableRawPointer
  ) {
    let (kernel, rows, width) = (activation.kernel, input.rows, width(input.columns))
    switch input.type {
    case .float32:
      let dh = outputGradient.assumingMemoryBound(to: Float.self)
      let dx = inputGradient.assumingMemoryBound(to: Float.self)
      if isGated {
        cloze_gated_activation_gradient_f32(kernel, rows, width, input.floats, dh, dx)
      } else {
        cloze_activation_gradient_f32(kernel, rows * width, input.floats, dh, dx)
      }
    case .bfloat16:
      let dh = outputGradient.assumingMemoryBound(to: UInt16.self)
      let dx = inputGradient.assumingMemoryBound(to: UInt16.self)
      if isGated {
        cloze_gated_activation_gradient_bf16(kernel, rows, width, input.halves, dh, dx)
      } else {
        cloze_activation_gradient_bf16(kernel, rows * width, input.halves, dh, dx)
      }
    }
  }
}

extension Tape {
  /// y = h Wᵀ + b with h = nonlinearity(x), for x [N, F] ([N, 2F] if gated), giving [N, outputs]: the second half of a
  /// feed-forward layer.
  ///
  /// A large h is not kept: the backward pass computes it again, in memory that is released at once.
  ///
  /// Backward: dh = dy W, dW += dyᵀ h, db += Σ rows of dy, dx from dh.
  ///
  /// - Parameter keeps: whether h is kept; nil decides by its size.
  package func linear(
    _ input: Tensor, after nonlinearity: Nonlinearity, _ parameters: LinearParameters, keeps: Bool? = nil
  ) -> Tensor {
    let (rows, width, outputs) = (input.rows, parameters.weight.columns, parameters.weight.rows)
    precondition(
      input.type == precision && input.columns == (nonlinearity.isGated ? 2 : 1) * width,
      "linear: \(input.type) input [\(rows), \(input.columns)], \(parameters.weight.path) \(parameters.weight.shape)"
    )
    let bytes = rows * width * input.type.size
    let keeps = isRecording && keeps ?? (bytes <= Nonlinearity.largestKeptResult)
    let output = makeTensor(rows: rows, columns: outputs)
    let mark = arena.mark
    let result = arena.allocate(bytes: bytes)
    nonlinearity.values(of: input, into: result)
    lap("activation")
    linearValues(result, rows: rows, parameters, into: output.bytes, type: output.type)
    if !keeps { arena.release(to: mark) }
    record("linear", output) { [unowned self] in
      guard let lane, let outputGradient = output.gradient, rows > 0 else { return }
      let hidden = keeps ? result : arena.allocate(bytes: bytes)
      if !keeps {
        nonlinearity.values(of: input, into: hidden)
        profile?.lap("activation", isBackward: true)
      }
      let hiddenGradient = arena.allocate(bytes: bytes)
      linearGradient(
        of: outputGradient, type: output.type, rows: rows, input: hidden, inputGradient: hiddenGradient,
        accumulates: false, parameters, lane)
      profile?.lap("linear", isBackward: true)
      addGradient(of: nonlinearity, at: input, from: hiddenGradient)
      profile?.lap("activation", isBackward: true)
    }
    return output
  }

  /// Adds dx of `nonlinearity` at x = `input` to the input's gradient, from dh = `outputGradient`.
  func addGradient(
    of nonlinearity: Nonlinearity, at input: Tensor, from outputGradient: UnsafeMutableRawPointer
  ) {
    let (inputGradient, accumulates) = destination(of: input)
    let dx = accumulates ? arena.allocate(bytes: input.count * input.type.size) : inputGradient
    nonlinearity.gradient(at: input, of: outputGradient, into: dx)
    if accumulates { add(dx, to: inputGradient, count: input.count, type: input.type) }
  }
}
