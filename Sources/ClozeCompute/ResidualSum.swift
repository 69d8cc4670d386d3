internal import CKernels

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
    let size = input.count * input.type.size
    let output = makeTensor(rows: input.rows, columns: input.columns, type: input.type)
    output.bytes.copyMemory(from: residual.bytes, byteCount: size)
    addDropped(dropout, input.bytes, to: output.bytes, of: input)
    record("add") { [unowned self] in
      guard let outputGradient = output.gradient else { return }
      let (dr, residualAccumulates) = destination(of: residual)
      if residualAccumulates {
        add(outputGradient, to: dr, count: residual.count, type: residual.type)
      } else {
        dr.copyMemory(from: outputGradient, byteCount: size)
      }
      let (dx, inputAccumulates) = destination(of: input)
      if !inputAccumulates { dx.initializeMemory(as: UInt8.self, repeating: 0, count: size) }
      addDropped(dropout, outputGradient, to: dx, of: input)
    }
    return output
  }

  /// destination += dropout(source), both with the shape and type of `tensor`.
  private func addDropped(
    _ dropout: Dropout, _ source: UnsafeMutableRawPointer, to destination: UnsafeMutableRawPointer,
    of tensor: Tensor
  ) {
    if dropout.isActive {
      runDropout(
        dropout, rows: tensor.rows, columns: tensor.columns, type: tensor.type, source, destination, true)
    } else {
      add(source, to: destination, count: tensor.count, type: tensor.type)
    }
  }
}
