internal import CKernels

/// The elements that one dropout operation zeroes: a pure function of key, index, row and column. The backward pass
/// computes it again, so no mask is stored.
///
/// Source: Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks from overfitting".
package struct Dropout: Sendable {
  let kernel: cloze_dropout

  static let none = Dropout(key: (0, 0), index: 0, rate: 0)

  /// The rates that are allowed. At 1 the scale 1 / (1 - rate) would be infinite.
  package static let rates = 0...0.999

  /// - Parameter rate: the probability of a zero, in `rates`. It is rounded to a multiple of 1 / 65,536, and to at
  ///   least that if it is above 0.
  init(key: (UInt32, UInt32), index: UInt64, rate: Double) {
    precondition(Dropout.rates.contains(rate), "Dropout: rate \(rate) is outside \(Dropout.rates)")
    let threshold = rate > 0 ? max(1, UInt32((rate * 65_536).rounded())) : 0
    kernel = cloze_dropout(
      key: key, index: index, threshold: threshold, scale: 65_536 / Float(65_536 - threshold))
  }

  var isActive: Bool { kernel.threshold > 0 }
}

extension Tape {
  /// Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate), in training only.
  package func dropout(_ input: Tensor, rate: Double) -> Tensor {
    let dropout = nextDropout(rate: rate)
    guard dropout.isActive else { return input }
    let output = makeTensor(rows: input.rows, columns: input.columns, type: input.type)
    addDropout(dropout, of: input, input.bytes, to: nil, into: output.bytes)
    record("dropout", output) { [unowned self] in
      guard let outputGradient = output.gradient else { return }
      let (inputGradient, accumulates) = destination(of: input)
      addDropout(
        dropout, of: input, outputGradient, to: accumulates ? inputGradient : nil, into: inputGradient)
    }
    return output
  }

  /// Writes residual + dropout(values) to `output`, which may be the memory of either; without an active dropout the values
  /// stay as they are.
  ///
  /// - Parameters:
  ///   - tensor: has the shape and the type of all three.
  ///   - residual: nil for 0.
  func addDropout(
    _ dropout: Dropout, of tensor: Tensor, _ values: UnsafeMutableRawPointer,
    to residual: UnsafeMutableRawPointer?,
    into output: UnsafeMutableRawPointer
  ) {
    var kernel = dropout.kernel
    switch tensor.type {
    case .float32:
      cloze_dropout_rows_f32(
        tensor.rows, tensor.columns, &kernel, residual?.assumingMemoryBound(to: Float.self),
        values.assumingMemoryBound(to: Float.self), output.assumingMemoryBound(to: Float.self))
    case .bfloat16:
      cloze_dropout_rows_bf16(
        tensor.rows, tensor.columns, &kernel, residual?.assumingMemoryBound(to: UInt16.self),
        values.assumingMemoryBound(to: UInt16.self), output.assumingMemoryBound(to: UInt16.self))
    }
  }
}
