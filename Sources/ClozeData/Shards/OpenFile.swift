internal import ClozeCore
internal import Foundation

/// A shard that is open for reading at any place, by any thread. It is read with `pread` and not mapped: a file that
/// somebody cuts short while it is read is then an error and not a signal.
final class OpenFile: Sendable {
  let path: String
  private let descriptor: Int32

  /// - Throws: `FileError`; `ShardError` where the size is not what the index states.
  init(_ url: URL, entry: DataIndex.File) throws {
    path = url.path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError.reading(path) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError.reading(path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError.isDirectory(path: path) }
    guard Int(status.st_size) == entry.size else {
      throw ShardError.wrongFileSize(path: path, stated: entry.size, found: Int(status.st_size))
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Compares the table at the file's end with the index.
  func checkSeekTable(_ entry: DataIndex.File, tokenBits: Int) throws {
    let expected = SeekTable(
      entries: entry.frames.map {
        (
          UInt32($0.size),
          UInt32(ShardFrame.byteCount(tokens: $0.tokens, documents: $0.documents, tokenBits: tokenBits))
        )
      })
    let count = SeekTable.byteCount(frames: entry.frames.count)
    try read(at: entry.size - count, count: count).withUnsafeBytes {
      try SeekTable.check($0, agreesWith: expected, path: path)
    }
  }

  /// The inflated bytes of a frame, as many as the index asks for, with the digest that it states.
  func inflate(_ entry: DataIndex.Frame, number: Int, tokenBits: Int) throws -> [UInt8] {
    let stated = ShardFrame.byteCount(
      tokens: entry.tokens, documents: entry.documents, tokenBits: tokenBits)
    let bytes = try read(at: entry.offset, count: entry.size).withUnsafeBytes { frame in
      guard let claimed = ZstdFrame.claimedSize(frame) else {
        throw ShardError.corruptFrame(path: path, frame: number, reason: "it has no zstd header")
      }
      guard claimed == stated else {
        throw ShardError.wrongFrameSize(path: path, frame: number, stated: stated, found: claimed)
      }
      do {
        return try ZstdFrame.inflate(frame, byteCount: stated)
      } catch let corruption as ZstdFrame.Corruption {
        throw ShardError.corruptFrame(path: path, frame: number, reason: corruption.reason)
      }
    }
    guard bytes.withUnsafeBytes({ Digest(of: $0) }) == entry.digest else {
      throw ShardError.wrongFrameDigest(path: path, frame: number)
    }
    return bytes
  }

  /// Reads the whole file and compares its digest.
  func verify(_ digest: Digest) throws {
    var builder = DigestBuilder()
    var offset = 0
    while true {
      let chunk = try readUpTo(1 << 20, at: offset)
      if chunk.isEmpty { break }
      chunk.withUnsafeBytes { builder.update($0) }
      offset += chunk.count
    }
    guard builder.finalize() == digest else { throw ShardError.wrongFileDigest(path: path) }
  }

  private func read(at offset: Int, count: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let more = try readUpTo(count - bytes.count, at: offset + bytes.count)
      guard !more.isEmpty else {
        throw ShardError.wrongFileSize(path: path, stated: offset + count, found: offset + bytes.count)
      }
      if bytes.isEmpty { bytes = more } else { bytes += more }
    }
    return bytes
  }

  private func readUpTo(_ count: Int, at offset: Int) throws -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      var status: Int
      repeat {
        status = pread(descriptor, buffer.baseAddress, count, off_t(offset))
      } while status < 0 && errno == EINTR
      if status < 0 { failure = errno }
      initializedCount = max(0, status)
    }
    guard failure == 0 else { throw FileError.reading(path, errno: failure) }
    return bytes
  }
}
