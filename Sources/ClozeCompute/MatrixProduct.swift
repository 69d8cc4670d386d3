internal import COneDNN

/// A matrix operand: its values, and its strides in elements.
struct Operand {
  let bytes: UnsafeMutableRawPointer
  let rowStride: Int
  let columnStride: Int
  /// Whether the bytes are a copy in a layout of oneDNN's, see `MatrixProducts.pack`; the strides are then those of the
  /// original.
  private(set) var isPacked = false

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
  var transposed: Operand {
    precondition(!isPacked, "Operand: a packed matrix cannot be transposed")
    return Operand(bytes: bytes, rowStride: columnStride, columnStride: rowStride)
  }

  fileprivate func packed(_ copy: UnsafeMutableRawPointer) -> Operand {
    var operand = Operand(bytes: copy, rowStride: rowStride, columnStride: columnStride)
    operand.isPacked = true
    return operand
  }
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
    var isPacked = false

    var description: cloze_product_shape {
      cloze_product_shape(
        m: dnnl_dim_t(m), n: dnnl_dim_t(n), k: dnnl_dim_t(k),
        a_strides: (dnnl_dim_t(aRow), dnnl_dim_t(aColumn)),
        b_strides: (dnnl_dim_t(bRow), dnnl_dim_t(bColumn)),
        c_strides: (dnnl_dim_t(cRow), dnnl_dim_t(cColumn)), input_type: inputType.oneDNN,
        output_type: outputType.oneDNN, has_bias: hasBias ? 1 : 0, accumulates: accumulates ? 1 : 0)
    }
  }

  private var engine: dnnl_engine_t?
  private var stream: dnnl_stream_t?
  private var prepared: [Shape: cloze_product] = [:]
  /// By the shape of a product of `packingRows` rows.
  private var packings: [Shape: cloze_packing] = [:]
  /// The rows of the product for which oneDNN chooses the layout of a packed operand.
  private static let packingRows = 16
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
    for (_, packing) in packings {
      var packing = packing
      cloze_packing_destroy(&packing)
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
      hasBias: bias != nil, accumulates: accumulates, isPacked: b.isPacked)
    var product = prepared[shape] ?? prepare(shape)
    let status = cloze_product_run(
      &product, stream, a.bytes, b.bytes, bias, c.bytes, scratch.baseAddress)
    precondition(
      status == dnnl_success, "matrix product \(m) x \(n) x \(k): oneDNN status \(status.rawValue)")
  }

  /// A copy of `b` [k, n] for many products with few rows each: plain matrices are copied again in every product, into a
  /// layout that the processor's instructions read, which takes longer than such a product.
  ///
  /// - Parameter arena: of the copy.
  func pack(_ b: Operand, n: Int, k: Int, type: ElementType, in arena: Arena) -> Operand {
    let shape = packingShape(
      rowStride: b.rowStride, columnStride: b.columnStride, n: n, k: k, type: type)
    var packing = packings[shape] ?? preparePacking(shape)
    let copy = arena.allocate(bytes: packing.size)
    let status = cloze_packing_run(&packing, stream, b.bytes, copy)
    precondition(status == dnnl_success, "packing \(k) x \(n): oneDNN status \(status.rawValue)")
    return b.packed(copy)
  }

  private func packingShape(
    rowStride: Int, columnStride: Int, n: Int, k: Int, type: ElementType
  ) -> Shape {
    Shape(
      m: MatrixProducts.packingRows, n: n, k: k, aRow: k, aColumn: 1, bRow: rowStride, bColumn: columnStride,
      cRow: n, cColumn: 1, inputType: type, outputType: .float32, hasBias: false, accumulates: false,
      isPacked: true)
  }

  private func preparePacking(_ shape: Shape) -> cloze_packing {
    var (packing, description) = (cloze_packing(), shape.description)
    let status = cloze_packing_create(&packing, engine, &description)
    precondition(
      status == dnnl_success,
      "packing \(shape.k) x \(shape.n): oneDNN cannot prepare it (status \(status.rawValue))")
    packings[shape] = packing
    return packing
  }

  private func prepare(_ shape: Shape) -> cloze_product {
    var (product, description) = (cloze_product(), shape.description)
    let status: dnnl_status_t
    if shape.isPacked {
      let packed = packingShape(
        rowStride: shape.bRow, columnStride: shape.bColumn, n: shape.n, k: shape.k, type: shape.inputType)
      guard var packing = packings[packed] else {
        preconditionFailure("matrix product \(shape.k) x \(shape.n): its operand was packed elsewhere")
      }
      status = cloze_product_create(&product, engine, &description, &packing)
    } else {
      status = cloze_product_create(&product, engine, &description, nil)
    }
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
