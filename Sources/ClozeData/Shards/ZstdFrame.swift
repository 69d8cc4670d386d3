internal import CZstd
internal import ClozeCore

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

  /// The bytes that the frame at the beginning of `bytes` takes; nil where it is none or is not all there.
  static func compressedSize(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let size = ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count)
    return ZSTD_isError(size) == 0 ? size : nil
  }

  /// The most bytes that a frame of `byteCount` inflated ones takes.
  static func compressedBound(_ byteCount: Int) -> Int { ZSTD_compressBound(byteCount) }

  /// The first four bytes of a frame.
  static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

  /// zstd's version: another one may compress the same bytes to others.
  static var libraryVersion: String { String(cString: ZSTD_versionString()) }
}

/// A decompressor with the memory that it works in, used by one thread at a time; nothing of a frame is left in it for
/// the next. Making one takes as long as inflating a good part of a frame, so they are kept.
final class Inflater: @unchecked Sendable {
  private let context: OpaquePointer
  private var compressed = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var inflated = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  /// Those between two uses: as many as threads have inflated at once.
  private static let idle = Guarded<[Inflater]>([])

  /// Lends a decompressor to `body` alone.
  static func use<Result>(_ body: (Inflater) throws -> Result) throws -> Result {
    guard let inflater = idle.withLock({ $0.popLast() }) ?? Inflater() else {
      throw ZstdFrame.Corruption(reason: "no memory for a decompressor")
    }
    defer { idle.withLock { $0.append(inflater) } }
    return try body(inflater)
  }

  private init?() {
    guard let context = ZSTD_createDCtx() else { return nil }
    self.context = context
  }

  deinit {
    ZSTD_freeDCtx(context)
    compressed.deallocate()
    inflated.deallocate()
  }

  /// Room for a compressed frame, until it is asked for again.
  func room(for byteCount: Int) -> UnsafeMutableRawBufferPointer {
    Inflater.grow(&compressed, to: byteCount)
    return UnsafeMutableRawBufferPointer(rebasing: compressed[..<byteCount])
  }

  /// Inflates one frame of exactly `byteCount` bytes; they last until the next call.
  /// - Throws: `ZstdFrame.Corruption`
  func inflate(_ frame: UnsafeRawBufferPointer, byteCount: Int) throws -> UnsafeRawBufferPointer {
    Inflater.grow(&inflated, to: byteCount)
    let status = ZSTD_decompressDCtx(
      context, inflated.baseAddress, byteCount, frame.baseAddress, frame.count)
    guard ZSTD_isError(status) == 0 else {
      throw ZstdFrame.Corruption(reason: String(cString: ZSTD_getErrorName(status)))
    }
    guard status == byteCount else { throw ZstdFrame.Corruption(reason: "it is shorter than it claims") }
    return UnsafeRawBufferPointer(rebasing: inflated[..<byteCount])
  }

  private static func grow(_ buffer: inout UnsafeMutableRawBufferPointer, to byteCount: Int) {
    guard buffer.count < byteCount else { return }
    buffer.deallocate()
    buffer = .allocate(byteCount: byteCount, alignment: 64)
  }
}
