internal import CZstd
internal import ClozeCore

/// The inflated bytes of a zstd file, which may have several frames. Windows of more than 128 MiB, zstd's own limit,
/// are refused, and in files below 1 MiB windows of more than 32 MiB, so that a few bytes cannot make zstd allocate 128
/// MiB.
final class ZstdSource: ByteSource {
  private let source: any ByteSource
  private let context: OpaquePointer
  private var input: [UInt8] = []
  private var consumed = 0
  /// The last hint of zstd; 0 at the end of a frame.
  private var expected = 1
  /// Whether the last call filled its output, so that zstd may have more.
  private var mayHoldMore = false

  var file: FileSource { source.file }

  init(_ source: any ByteSource) throws {
    guard let context = ZSTD_createDCtx() else {
      throw CorpusError.corrupt(path: source.file.name, reason: "zstd has no memory")
    }
    self.source = source
    self.context = context
    if file.byteCount < 1 << 20 { ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, 25) }
  }

  deinit { ZSTD_freeDCtx(context) }

  func next() throws -> [UInt8] {
    while true {
      if consumed == input.count, !mayHoldMore {
        input = try source.next()
        consumed = 0
        if input.isEmpty {
          guard expected == 0 else { throw CorpusError.truncated(path: file.name) }
          return []
        }
      }
      let output = try inflateChunk()
      if !output.isEmpty { return output }
    }
  }

  private func inflateChunk() throws -> [UInt8] {
    var status = 0
    let output = [UInt8](unsafeUninitializedCapacity: chunkSize) { output, initializedCount in
      input.withUnsafeBytes { input in
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: consumed)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: chunkSize, pos: 0)
        status = ZSTD_decompressStream(context, &target, &source)
        consumed = source.pos
        initializedCount = target.pos
      }
    }
    guard ZSTD_isError(status) == 0 else {
      if ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge {
        throw CorpusError.windowTooLarge(path: file.name)
      }
      throw CorpusError.corrupt(path: file.name, reason: String(cString: ZSTD_getErrorName(status)))
    }
    expected = status
    mayHoldMore = output.count == chunkSize && status != 0
    return output
  }
}
