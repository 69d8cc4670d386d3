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
  /// - Parameter type: the type of y; nil means the tape's precision, in which x and W are read in any case.
  package func linear(_ input: Tensor, _ parameters: LinearParameters, type: ElementType? = nil) -> Tensor {
    let (rows, inputs, outputs) = (input.rows, parameters.weight.columns, parameters.weight.rows)
    precondition(
      input.columns == inputs && input.type == precision,
      "linear: input [\(rows), \(input.columns)], \(parameters.weight.path) \(parameters.weight.shape)")
    let output = makeTensor(rows: rows, columns: outputs, type: type)
    linearValues(input.bytes, rows: rows, parameters, into: output.bytes, type: output.type)
    record("linear", output) { [unowned self] in
      // A product without rows writes nothing, so the lane would keep values of an earlier step.
      guard let lane, let outputGradient = output.gradient, rows > 0 else { return }
      let inputGradient = input.needsGradient ? destination(of: input) : nil
      linearGradient(
        of: outputGradient, type: output.type, rows: rows, input: input.bytes,
        inputGradient: inputGradient?.bytes, accumulates: inputGradient?.accumulates ?? false, parameters,
        lane)
    }
    return output
  }

  /// The forward pass of `linear` on raw memory: x [rows, inputs] in the tape's precision to y [rows, outputs] in
  /// `type`.
  func linearValues(
    _ input: UnsafeMutableRawPointer, rows: Int, _ parameters: LinearParameters,
    into output: UnsafeMutableRawPointer, type: ElementType
  ) {
    let (inputs, outputs) = (parameters.weight.columns, parameters.weight.rows)
    products.run(
      m: rows, n: outputs, k: inputs, a: Operand(input, columns: inputs),
      b: Operand(store.operandBytes(parameters.weight), columns: inputs).transposed,
      bias: parameters.bias.map { store.values + $0.offset }, c: Operand(output, columns: outputs),
      inputType: precision, outputType: type)
  }

  /// The backward pass of `linear` on raw memory, for at least one row: from dy [rows, outputs] in `type` to dx, and to
  /// the lane's gradients of weight and bias unless they are frozen.
  ///
  /// - Parameters:
  ///   - inputGradient: nil if dx is not needed.
  ///   - accumulates: whether dx is added to the values in `inputGradient`.
  func linearGradient(
    of outputGradient: UnsafeMutableRawPointer, type: ElementType, rows: Int, input: UnsafeMutableRawPointer,
    inputGradient: UnsafeMutableRawPointer?, accumulates: Bool, _ parameters: LinearParameters,
    _ lane: GradientLane
  ) {
    let (weight, inputs, outputs) = (parameters.weight, parameters.weight.columns, parameters.weight.rows)
    let dy = operand(outputGradient, type: type, count: rows * outputs)
    if let inputGradient {
      products.run(
        m: rows, n: inputs, k: outputs, a: Operand(dy, columns: outputs),
        b: Operand(store.operandBytes(weight), columns: inputs), c: Operand(inputGradient, columns: inputs),
        inputType: precision, outputType: precision, accumulates: accumulates)
    }
    if !store.isFrozen(weight) {
      let (dw, weightAccumulates) = lane.destination(of: weight)
      products.run(
        m: outputs, n: inputs, k: rows, a: Operand(dy, columns: outputs).transposed,
        b: Operand(input, columns: inputs), c: Operand(UnsafeMutableRawPointer(dw), columns: inputs),
        inputType: precision, outputType: .float32, accumulates: weightAccumulates)
    }
    if let bias = parameters.bias, !store.isFrozen(bias) {
      addColumnSums(of: dy, rows: rows, columns: outputs, to: lane.accumulator(of: bias))
    }
  }

  /// Values in the type that the products read: f32 values are converted on a bf16 tape.
  private func operand(_ values: UnsafeMutableRawPointer, type: ElementType, count: Int)
    -> UnsafeMutableRawPointer
  {
    guard type != precision else { return values }
    let converted = arena.allocate(UInt16.self, count: count)
    cloze_convert_f32_bf16(count, values.assumingMemoryBound(to: Float.self), converted)
    return UnsafeMutableRawPointer(converted)
  }

  /// sums [columns] += the rows of values [rows, columns] in the tape's precision.
  func addColumnSums(
    of values: UnsafeMutableRawPointer, rows: Int, columns: Int, to sums: UnsafeMutablePointer<Float>
  ) {
    switch precision {
    case .float32: cloze_column_sum_f32(rows, columns, values.assumingMemoryBound(to: Float.self), sums)
    case .bfloat16: cloze_column_sum_bf16(rows, columns, values.assumingMemoryBound(to: UInt16.self), sums)
    }
  }

  /// Copies f32 values into `tensor`, rounded if it is bf16.
  func convert(_ source: UnsafePointer<Float>, count: Int, to tensor: Tensor) {
    switch tensor.type {
    case .float32: tensor.floats.update(from: source, count: count)
    case .bfloat16: cloze_convert_f32_bf16(count, source, tensor.halves)
    }
  }
}
