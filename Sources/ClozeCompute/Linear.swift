internal import CKernels

/// A weight [outputs, inputs], row-major as `transformers` stores it, and its bias [outputs].
package struct LinearParameters: Sendable {
  package let weight: Parameter
  package let bias: Parameter?

  package init(weight: Parameter, bias: Parameter?) {
    self.weight = weight
    self.bias = bias
  }
}

extension Tape {
  /// y = x Wᵀ + b for x [N, inputs], giving [N, outputs].
  ///
  /// Backward: dx = dy W, dW += dyᵀ x, db += Σ rows of dy.
  ///
  /// - Parameter type: the type of y; the products read the tape's precision in any case.
  package func linear(_ input: Tensor, _ parameters: LinearParameters, type: ElementType? = nil) -> Tensor {
    let weight = parameters.weight
    let bias = parameters.bias
    let (rows, inputs, outputs) = (input.rows, weight.columns, weight.rows)
    precondition(
      input.columns == inputs && input.type == precision,
      "linear: input [\(rows), \(input.columns)], \(weight.path) \(weight.shape)")
    let output = makeTensor(rows: rows, columns: outputs, type: type)
    products.run(
      m: rows, n: outputs, k: inputs, a: Operand(input.bytes, columns: inputs),
      b: Operand(store.operandBytes(weight), columns: inputs).transposed,
      bias: bias.map { store.values + $0.offset }, c: Operand(output.bytes, columns: outputs),
      inputType: precision, outputType: output.type)
    record("linear") { [unowned self] in
      // Without rows a product would write nothing, and the lane would take what it held before for this gradient.
      guard let lane, let outputGradient = output.gradient, rows > 0 else { return }
      let dy = operandGradient(outputGradient, of: output)
      let (dx, inputAccumulates) = destination(of: input)
      products.run(
        m: rows, n: inputs, k: outputs, a: Operand(dy, columns: outputs),
        b: Operand(store.operandBytes(weight), columns: inputs), c: Operand(dx, columns: inputs),
        inputType: precision, outputType: precision, accumulates: inputAccumulates)
      let (dw, weightAccumulates) = lane.destination(of: weight)
      products.run(
        m: outputs, n: inputs, k: rows, a: Operand(dy, columns: outputs).transposed,
        b: Operand(input.bytes, columns: inputs), c: Operand(dw, columns: inputs),
        inputType: precision, outputType: .float32, accumulates: weightAccumulates)
      if let bias { addColumnSums(of: dy, rows: rows, columns: outputs, to: lane.accumulator(of: bias)) }
    }
    return output
  }

  /// A gradient in the type that the products read: converted where the tensor is f32 in a bf16 tape.
  private func operandGradient(_ gradient: UnsafeMutableRawPointer, of tensor: Tensor)
    -> UnsafeMutableRawPointer
  {
    guard tensor.type != precision else { return gradient }
    let converted = arena.allocate(UInt16.self, count: tensor.count)
    cloze_convert_f32_bf16(tensor.count, gradient.assumingMemoryBound(to: Float.self), converted)
    return UnsafeMutableRawPointer(converted)
  }

  private func addColumnSums(
    of values: UnsafeMutableRawPointer, rows: Int, columns: Int, to sums: UnsafeMutablePointer<Float>
  ) {
    switch precision {
    case .float32: cloze_column_sum_f32(rows, columns, values.assumingMemoryBound(to: Float.self), sums)
    case .bfloat16: cloze_column_sum_bf16(rows, columns, values.assumingMemoryBound(to: UInt16.self), sums)
    }
  }

  /// Copies f32 values into `tensor`, rounding where it is bf16.
  func convert(_ source: UnsafePointer<Float>, count: Int, to tensor: Tensor) {
    switch tensor.type {
    case .float32: tensor.floats.update(from: source, count: count)
    case .bfloat16: cloze_convert_f32_bf16(count, source, tensor.halves)
    }
  }
}
