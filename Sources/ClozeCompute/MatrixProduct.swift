internal import COneDNN

/// A matrix operand: its values, and its strides in elements.
struct Operand {
  let bytes: UnsafeMutableRawPointer
  let rowStride: Int
  let columnStride: Int

  /// A dense row-major matrix.
  init(_ bytes: UnsafeMutableRawPointer, columns: Int) {
    self.bytes = bytes
    rowStride = columns
    columnStride = 1
  }

  private init(bytes: UnsafeMutableRawPointer, rowStride: Int, columnStride: Int) {
    self.bytes = bytes
    self.rowStride = rowStride
    self.columnStride = columnStride
  }

  /// The same values, read as the transposed matrix.
  var transposed: Operand { Operand(bytes: bytes, rowStride: columnStride, columnStride: rowStride) }
}

/// oneDNN's matrix products for one worker. A product is prepared at the first use of its shape and then reused.
///
/// The products run on the worker's thread (`omp_set_num_threads(1)`), one after another, and share one scratch buffer.
/// So two threads must never use one value at once.
final class MatrixProducts {
  private struct Shape: Hashable {
    var m, n, k: Int
    var aRow, aColumn, bRow, bColumn, cRow, cColumn: Int
    var inputType, outputType: ElementType
    var hasBias, accumulates: Bool
  }

  private var engine: dnnl_engine_t?
  private var stream: dnnl_stream_t?
  private var prepared: [Shape: cloze_product] = [:]
  /// As large as the largest scratch memory of a prepared product.
  private var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  init() {
    guard dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success,
      dnnl_stream_create(&stream, engine, dnnl_stream_in_order.rawValue) == dnnl_success
    else { preconditionFailure("oneDNN gives no CPU engine") }
  }

  deinit {
    for (_, product) in prepared {
      var product = product
      cloze_product_destroy(&product)
    }
    scratch.deallocate()
    dnnl_stream_destroy(stream)
    dnnl_engine_destroy(engine)
  }

  /// Makes oneDNN and OpenMP run on the calling thread alone. It is cheap; every worker calls it when it begins.
  static func useCallingThreadOnly() {
    omp_set_num_threads(1)
  }

  /// c [m, n] = a [m, k] b [k, n] + bias [n], or c += a b if `accumulates`.
  func run(
    m: Int, n: Int, k: Int, a: Operand, b: Operand, bias: UnsafeMutablePointer<Float>? = nil, c: Operand,
    inputType: ElementType, outputType: ElementType, accumulates: Bool = false
  ) {
    precondition(k > 0, "matrix product \(m) x \(n) x \(k): a sum over nothing")
    guard m > 0, n > 0 else { return }
    let shape = Shape(
      m: m, n: n, k: k, aRow: a.rowStride, aColumn: a.columnStride, bRow: b.rowStride,
      bColumn: b.columnStride,
      cRow: c.rowStride, cColumn: c.columnStride, inputType: inputType, outputType: outputType,
      hasBias: bias != nil, accumulates: accumulates)
    var product = prepared[shape] ?? prepare(shape)
    let status = cloze_product_run(
      &product, stream, a.bytes, b.bytes, bias, c.bytes, scratch.baseAddress)
    precondition(
      status == dnnl_success, "matrix product \(m) x \(n) x \(k): oneDNN status \(status.rawValue)")
  }

  private func prepare(_ shape: Shape) -> cloze_product {
    var description = cloze_product_shape(
      m: dnnl_dim_t(shape.m), n: dnnl_dim_t(shape.n), k: dnnl_dim_t(shape.k),
      a_strides: (dnnl_dim_t(shape.aRow), dnnl_dim_t(shape.aColumn)),
      b_strides: (dnnl_dim_t(shape.bRow), dnnl_dim_t(shape.bColumn)),
      c_strides: (dnnl_dim_t(shape.cRow), dnnl_dim_t(shape.cColumn)),
      input_type: shape.inputType.oneDNN, output_type: shape.outputType.oneDNN,
      has_bias: shape.hasBias ? 1 : 0, accumulates: shape.accumulates ? 1 : 0)
    var product = cloze_product()
    let status = cloze_product_create(&product, engine, &description)
    precondition(
      status == dnnl_success,
      "matrix product \(shape.m) x \(shape.n) x \(shape.k): oneDNN cannot prepare it (status \(status.rawValue))"
    )
    if product.scratch_size > scratch.count {
      scratch.deallocate()
      scratch = .allocate(byteCount: product.scratch_size, alignment: 64)
    }
    prepared[shape] = product
    return product
  }
}

/// c [m, n] = alpha a [m, k] b [k, n] + beta c, in f32, for the small products of attention: any size and leading
/// dimension, without preparation.
///
/// - Parameters:
///   - transposeA: whether `a` is stored as [k, m]; likewise `transposeB`.
func smallProduct(
  m: Int, n: Int, k: Int, alpha: Float = 1, a: UnsafePointer<Float>, strideA: Int, transposeA: Bool = false,
  b: UnsafePointer<Float>, strideB: Int, transposeB: Bool = false, beta: Float = 0,
  c: UnsafeMutablePointer<Float>, strideC: Int
) {
  guard m > 0, n > 0, k > 0 else { return }
  let plain = CChar(bitPattern: UInt8(ascii: "N"))
  let transposed = CChar(bitPattern: UInt8(ascii: "T"))
  let status = dnnl_sgemm(
    transposeA ? transposed : plain, transposeB ? transposed : plain, dnnl_dim_t(m), dnnl_dim_t(n),
    dnnl_dim_t(k),
    alpha, a, dnnl_dim_t(strideA), b, dnnl_dim_t(strideB), beta, c, dnnl_dim_t(strideC))
  precondition(status == dnnl_success, "product \(m) x \(n) x \(k): oneDNN status \(status.rawValue)")
}

extension ElementType {
  fileprivate var oneDNN: dnnl_data_type_t {
    switch self {
    case .float32: dnnl_f32
    case .bfloat16: dnnl_bf16
    }
  }
}
