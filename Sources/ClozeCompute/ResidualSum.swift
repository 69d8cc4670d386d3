extension Tape {
  /// y = residual + dropout(x), all of shape [N, D]: the end of each sub-layer of a pre-norm block.
  ///
  /// - Parameter overwritesInput: whether y takes the memory of x, whose values nothing may read afterwards.
  ///
  /// Source: He et al. 2016, arXiv:1512.03385; Vaswani et al. 2017, section 5.4 (dropout before the addition).
  package func add(
    _ input: Tensor, to residual: Tensor, dropoutRate: Double = 0, overwritesInput: Bool = false
  )
    -> Tensor
  {
    precondition(
      input.rows == residual.rows && input.columns == residual.columns && input.type == residual.type,
      "add: \(input.type) [\(input.rows), \(input.columns)] to \(residual.type) "
        + "[\(residual.rows), \(residual.columns)]")
    let dropout = nextDropout(rate: dropoutRate)
    let output =
      overwritesInput
      ? input.sharingMemory() : makeTensor(rows: input.rows, columns: input.columns, type: input.type)
    addDropout(dropout, of: input, input.bytes, to: residual.bytes, into: output.bytes)
    record("add", output) { [unowned self] in
      guard let outputGradient = output.gradient else { return }
      for (tensor, dropout) in [(residual, Dropout.none), (input, dropout)] {
        let (gradient, accumulates) = destination(of: tensor)
        addDropout(dropout, of: tensor, outputGradient, to: accumulates ? gradient : nil, into: gradient)
      }
    }
    return output
  }
}
