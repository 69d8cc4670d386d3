internal import CZstd
internal import ClozeCore

/// Compresses and inflates single zstd frames in memory; the only user of zstd for shards.
package enum ZstdFrame {
  /// The error of zstd for bytes that are not a frame.
  package struct Corruption: Error {
    package let reason: String
  }

  /// Compresses `bytes` into one frame with its inflated size and a checksum, so that `zstd -t` can check a shard.
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

  /// The inflated size in a frame's header; nil if it is not a frame or has no size.
  package static func claimedSize(_ frame: UnsafeRawBufferPointer) -> Int? {
    let size = ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    return size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR ? nil : Int(exactly: size)
  }

  /// The size of the frame at the beginning of `bytes`; nil if it is not a frame or is truncated.
  static func compressedSize(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let size = ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count)
    return ZSTD_isError(size) == 0 ? size : nil
  }

  /// The largest compressed size of `byteCount` bytes.
  static func compressedBound(_ byteCount: Int) -> Int { ZSTD_compressBound(byteCount) }

  /// The first four bytes of a frame.
  static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]

  /// The version of zstd; another version may compress the same bytes differently.
  static var libraryVersion: String { String(cString: ZSTD_versionString()) }
}

/// A decompressor with its working memory, for one thread at a time. It keeps nothing from one frame to the next.
/// Creating one takes as long as inflating a large part of a frame, so they are pooled.
final class Inflater: @unchecked Sendable {
  private let context: OpaquePointer
  private var compressed = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var inflated = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  /// The idle ones: as many as threads have inflated at once.
  private static let idle = Guarded<[Inflater]>([])

  /// Calls `body` with a decompressor of its own.
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

  /// A buffer for a compressed frame, until the next call.
  func room(for byteCount: Int) -> UnsafeMutableRawBufferPointer {
    Inflater.grow(&compressed, to: byteCount)
    return UnsafeMutableRawBufferPointer(rebasing: compressed[..<byteCount])
  }

  /// Inflates one frame of exactly `byteCount` bytes, which are valid until the next call.
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
