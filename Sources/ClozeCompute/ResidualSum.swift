extension Tape {
  /// y = residual + dropout(x), all of shape [N, D]: the end of each sub-layer of a pre-norm block.
  ///
  /// Source: He et al. 2016, arXiv:1512.03385; Vaswani et al. 2017, section 5.4 (dropout before the addition).
  package func add(_ input: Tensor, to residual: Tensor, dropoutRate: Double = 0) -> Tensor {
    precondition(
      input.rows == residual.rows && input.columns == residual.columns && input.type == residual.type,
      "add: \(input.type) [\(input.rows), \(input.columns)] to \(residual.type) "
        + "[\(residual.rows), \(residual.columns)]")
    let dropout = nextDropout(rate: dropoutRate)
    let (rows, columns, type) = (input.rows, input.columns, input.type)
    let output = makeTensor(rows: rows, columns: columns, type: type)
    output.bytes.copyMemory(from: residual.bytes, byteCount: input.count * type.size)
    runDropout(dropout, rows: rows, columns: columns, type: type, input.bytes, output.bytes, true)
    record("add", output) { [unowned self] in
      guard let outputGradient = output.gradient else { return }
      for (tensor, dropout) in [(residual, Dropout.none), (input, dropout)] {
        let (gradient, accumulates) = destination(of: tensor)
        runDropout(dropout, rows: rows, columns: columns, type: type, outputGradient, gradient, accumulates)
      }
    }
    return output
  }
}
