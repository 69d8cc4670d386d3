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
    try withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { bytes in
      try read(into: bytes, at: entry.size - count)
      try SeekTable.check(UnsafeRawBufferPointer(bytes), agreesWith: expected, path: path)
    }
  }

  /// Gives the inflated bytes of a frame, as many as the index asks for and with the digest that it states, to `body`.
  func withInflated<Result>(
    _ entry: DataIndex.Frame, number: Int, tokenBits: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    let stated = ShardFrame.byteCount(
      tokens: entry.tokens, documents: entry.documents, tokenBits: tokenBits)
    do {
      return try Inflater.use { inflater in
        let room = inflater.room(for: entry.size)
        try read(into: room, at: entry.offset)
        let frame = UnsafeRawBufferPointer(room)
        guard let claimed = ZstdFrame.claimedSize(frame) else {
          throw ShardError.corruptFrame(path: path, frame: number, reason: "it has no zstd header")
        }
        guard claimed == stated else {
          throw ShardError.wrongFrameSize(path: path, frame: number, stated: stated, found: claimed)
        }
        let bytes = try inflater.inflate(frame, byteCount: stated)
        guard Digest(of: bytes) == entry.digest else {
          throw ShardError.wrongFrameDigest(path: path, frame: number)
        }
        return try body(bytes)
      }
    } catch let corruption as ZstdFrame.Corruption {
      throw ShardError.corruptFrame(path: path, frame: number, reason: corruption.reason)
    }
  }

  /// Reads the whole file and compares its digest.
  func verify(_ digest: Digest) throws {
    var builder = DigestBuilder()
    var offset = 0
    let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { chunk.deallocate() }
    while true {
      let count = try readUpTo(chunk, at: offset)
      if count == 0 { break }
      builder.update(UnsafeRawBufferPointer(rebasing: chunk[..<count]))
      offset += count
    }
    guard builder.finalize() == digest else { throw ShardError.wrongFileDigest(path: path) }
  }

  /// Fills `bytes` with what lies at `offset`.
  private func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    var filled = 0
    while filled < bytes.count {
      let count = try readUpTo(UnsafeMutableRawBufferPointer(rebasing: bytes[filled...]), at: offset + filled)
      guard count > 0 else {
        throw ShardError.wrongFileSize(path: path, stated: offset + bytes.count, found: offset + filled)
      }
      filled += count
    }
  }

  /// Reads what one call gives, 0 bytes at the file's end.
  private func readUpTo(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    var status: Int
    repeat {
      status = pread(descriptor, bytes.baseAddress, bytes.count, off_t(offset))
    } while status < 0 && errno == EINTR
    guard status >= 0 else { throw FileError.reading(path) }
    return status
  }
}
