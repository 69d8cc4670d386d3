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
    runDropout(
      dropout, rows: input.rows, columns: input.columns, type: input.type, input.bytes, output.bytes, false)
    record("dropout", output) { [unowned self] in
      guard let outputGradient = output.gradient else { return }
      let (inputGradient, accumulates) = destination(of: input)
      runDropout(
        dropout, rows: input.rows, columns: input.columns, type: input.type, outputGradient, inputGradient,
        accumulates)
    }
    return output
  }

  /// Writes dropout(input) to `output`, or adds it; without an active dropout that is the input.
  func runDropout(
    _ dropout: Dropout, rows: Int, columns: Int, type: ElementType, _ input: UnsafeMutableRawPointer,
    _ output: UnsafeMutableRawPointer, _ accumulates: Bool
  ) {
    var kernel = dropout.kernel
    switch type {
    case .float32:
      cloze_dropout_rows_f32(
        rows, columns, &kernel, input.assumingMemoryBound(to: Float.self),
        output.assumingMemoryBound(to: Float.self), accumulates ? 1 : 0)
    case .bfloat16:
      cloze_dropout_rows_bf16(
        rows, columns, &kernel, input.assumingMemoryBound(to: UInt16.self),
        output.assumingMemoryBound(to: UInt16.self), accumulates ? 1 : 0)
    }
  }
}
