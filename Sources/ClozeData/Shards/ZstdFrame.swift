internal import CZstd

/// One zstd frame from and to memory: the shards' door to zstd.
package enum ZstdFrame {
  /// What zstd says about bytes that are no frame.
  package struct Corruption: Error {
    package let reason: String
  }

  /// Compresses `bytes` into one frame that states its inflated size and carries a checksum, so that `zstd -t`
  /// vouches for a shard.
  package static func compress(_ bytes: [UInt8], level: Int) throws -> [UInt8] {
    guard let context = ZSTD_createCCtx() else { throw Corruption(reason: "no memory for a compressor") }
    defer { ZSTD_freeCCtx(context) }
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    let bound = ZSTD_compressBound(bytes.count)
    var status = 0
    let frame = [UInt8](unsafeUninitializedCapacity: bound) { buffer, initializedCount in
      status = bytes.withUnsafeBytes {
        ZSTD_compress2(context, buffer.baseAddress, bound, $0.baseAddress, $0.count)
      }
      initializedCount = ZSTD_isError(status) == 0 ? status : 0
    }
    guard ZSTD_isError(status) == 0 else {
      throw Corruption(reason: String(cString: ZSTD_getErrorName(status)))
    }
    return frame
  }

  /// The inflated size that a frame claims; nil where it is no frame or does not say.
  package static func claimedSize(_ frame: UnsafeRawBufferPointer) -> Int? {
    let size = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    return size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ? nil : Int(exactly: size)
  }

  /// Inflates one frame of exactly `byteCount` bytes; never writes more.
  /// - Throws: `Corruption`
  package static func inflate(_ frame: UnsafeRawBufferPointer, byteCount: Int) throws -> [UInt8] {
    var status = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
      status = ZSTD_decompress(buffer.baseAddress, byteCount, frame.baseAddress, frame.count)
      initializedCount = ZSTD_isError(status) == 0 ? status : 0
    }
    guard ZSTD_isError(status) == 0 else {
      throw Corruption(reason: String(cString: ZSTD_getErrorName(status)))
    }
    guard bytes.count == byteCount else { throw Corruption(reason: "it is shorter than it claims") }
    return bytes
  }
}
