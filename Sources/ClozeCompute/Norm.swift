internal import CKernels

/// A layer normalisation's gain and bias, [D] each; some have no bias.
package struct NormParameters: Sendable {
  package let gain: Parameter
  package let bias: Parameter?

  package init(gain: Parameter, bias: Parameter?) {
    self.gain = gain
    self.bias = bias
  }
}

extension Tape {
  /// y = norm(residual + dropout(x)), in one pass over memory: the end of each sub-layer of a post-norm block.
  ///
  ///     norm(z) = (z - mean(z)) / sqrt(variance(z) + epsilon) * gain + bias, over the columns
  ///
  /// All shapes [N, D]; statistics in f32.
  ///
  /// - Parameter overwritesInput: whether the sum takes the memory of x, whose values nothing may read afterwards.
  ///
  /// Source: Ba, Kiros and Hinton 2016, "Layer normalization", arXiv:1607.06450; Vaswani et al. 2017, section 3.1 and 5.4.
  package func norm(
    _ input: Tensor, residual: Tensor? = nil, _ parameters: NormParameters, epsilon: Float,
    dropoutRate: Double = 0, overwritesInput: Bool = false
  ) -> Tensor {
    let (rows, width) = (input.rows, input.columns)
    precondition(
      width == parameters.gain.columns && input.type == precision
        && residual.map { $0.rows == rows && $0.columns == width && $0.type == precision } ?? true,
      "norm: \(input.type) input [\(rows), \(width)], \(parameters.gain.path) \(parameters.gain.shape)")
    let dropout = nextDropout(rate: dropoutRate)
    // Without residual and dropout the sum is the input.
    let isInput = overwritesInput || residual == nil && !dropout.isActive
    let sum = isInput ? input : makeTensor(rows: rows, columns: width)
    let output = makeTensor(rows: rows, columns: width)
    let mean = arena.allocate(Float.self, count: rows)
    let inverseDeviation = arena.allocate(Float.self, count: rows)
    let gain = store.values + parameters.gain.offset
    let bias = parameters.bias.map { store.values + $0.offset } ?? zeros(width)
    var kernel = dropout.kernel
    switch precision {
    case .float32:
      cloze_norm_f32(
        rows, width, epsilon, &kernel, residual?.floats, input.floats, gain, bias, sum.floats, output.floats,
        mean,
        inverseDeviation)
    case .bfloat16:
      cloze_norm_bf16(
        rows, width, epsilon, &kernel, residual?.halves, input.halves, gain, bias, sum.halves, output.halves,
        mean,
        inverseDeviation)
    }
    record("norm", output) { [unowned self] in
      guard let lane, let outputGradient = output.gradient else { return }
      // The kernel writes the residual's gradient first, which matters if residual and input are one tensor.
      let dr = residual.map { destination(of: $0) }
      let (dx, inputAccumulates) = destination(of: input)
      let gainGradient = lane.accumulator(of: parameters.gain)
      let biasGradient = parameters.bias.map { lane.accumulator(of: $0) } ?? zeros(width)
      var kernel = dropout.kernel
      switch precision {
      case .float32:
        cloze_norm_gradient_f32(
          rows, width, &kernel, outputGradient.assumingMemoryBound(to: Float.self), sum.floats, gain, mean,
          inverseDeviation, dr?.bytes.assumingMemoryBound(to: Float.self), dr?.accumulates == true ? 1 : 0,
          dx.assumingMemoryBound(to: Float.self), inputAccumulates ? 1 : 0, gainGradient, biasGradient)
      case .bfloat16:
        cloze_norm_gradient_bf16(
          rows, width, &kernel, outputGradient.assumingMemoryBound(to: UInt16.self), sum.halves, gain, mean,
          inverseDeviation, dr?.bytes.assumingMemoryBound(to: UInt16.self), dr?.accumulates == true ? 1 : 0,
          dx.assumingMemoryBound(to: UInt16.self), inputAccumulates ? 1 : 0, gainGradient, biasGradient)
      }
    }
    return output
  }

  /// What a norm without a bias reads and writes for one.
  private func zeros(_ count: Int) -> UnsafeMutablePointer<Float> {
    let zeros = arena.allocate(Float.self, count: count)
    zeros.initialize(repeating: 0, count: count)
    return zeros
  }
}
