/// The speed of matrix products by oneDNN on this machine, with which `benchmark` compares training steps.
package enum MatrixRate {
  /// One product: c [m, n] = a [m, k] b [k, n].
  package struct Shape: Sendable {
    package let m, n, k: Int

    package init(m: Int, n: Int, k: Int) {
      (self.m, self.n, self.k) = (m, n, k)
    }

    /// A multiplication and an addition for each of m n k.
    package var operations: Double { 2 * Double(m) * Double(n) * Double(k) }
  }

  /// Runs the product on the calling thread for about `seconds`, and returns the operations per second.
  package static func measure(_ shape: Shape, type: ElementType, seconds: Double) -> Double {
    MatrixProducts.useCallingThreadOnly()
    let arena = Arena()
    func matrix(_ count: Int) -> UnsafeMutableRawPointer {
      let bytes = arena.allocate(bytes: count * type.size)
      bytes.initializeMemory(as: UInt8.self, repeating: 0, count: count * type.size)
      return bytes
    }
    let products = MatrixProducts()
    let a = Operand(matrix(shape.m * shape.k), columns: shape.k)
    let b = Operand(matrix(shape.n * shape.k), columns: shape.k).transposed
    let c = Operand(matrix(shape.m * shape.n), columns: shape.n)
    func run() {
      products.run(
        m: shape.m, n: shape.n, k: shape.k, a: a, b: b, c: c, inputType: type, outputType: type)
    }
    run()
    var count = 0.0
    let start = ContinuousClock.now
    var elapsed = 0.0
    while elapsed < seconds {
      run()
      count += 1
      let (whole, parts) = (ContinuousClock.now - start).components
      elapsed = Double(whole) + Double(parts) * 1e-18
    }
    return count * shape.operations / elapsed
  }
}
