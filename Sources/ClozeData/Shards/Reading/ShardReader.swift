internal import ClozeCore
internal import Foundation

/// A shard that is open for reading at any place, by any thread. It is read with `pread` and not mapped: a file that
/// becomes shorter while it is read is then an error and not a signal.
final class ShardReader: Sendable {
  /// Bytes, when it was opened.
  let size: Int
  private let file: FileDescriptor
  var path: String { file.path }

  /// - Throws: `FileError`; `ShardError` if the size differs from the index.
  convenience init(_ url: URL, entry: DataIndex.File) throws {
    try self.init(url)
    guard size == entry.size else {
      throw ShardError.wrongFileSize(path: path, stated: entry.size, found: size)
    }
  }

  /// - Throws: `FileError`
  init(_ url: URL) throws {
    file = try FileDescriptor(reading: url.path)
    size = try file.size()
  }

  /// Compares the seek table with the index.
  /// - Throws: `ShardError.wrongSeekTable`, `FileError`
  func checkSeekTable(_ frames: [DataIndex.Frame], tokenBits: Int) throws {
    let count = SeekTable.byteCount(frames: frames.count)
    guard count <= size else { throw ShardError.wrongSeekTable(path: path, reason: "is missing") }
    try withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { bytes in
      try read(into: bytes, at: size - count)
      try SeekTable.check(
        UnsafeRawBufferPointer(bytes), agreesWith: SeekTable(frames, tokenBits: tokenBits), path: path)
    }
  }

  /// Passes the head and the inflated bytes of a frame to `body`, after comparing their number and digest with the
  /// index.
  /// - Parameter number: the number that the head of the frame must have.
  /// - Throws: `ShardError`, `FileError`, and the errors of `body`.
  func withInflated<Result>(
    _ entry: DataIndex.Frame, split: Split, number: Int, tokenBits: Int,
    _ body: (FrameHead, UnsafeRawBufferPointer) throws -> Result
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
        guard let head = FrameHead(bytes) else {
          throw ShardError.wrongFrameHead(path: path, frame: number, reason: "is no frame's of a data folder")
        }
        guard head.split == split, head.number == number, head.tokenBits == tokenBits,
          head.tokens == entry.tokens, head.documents == entry.documents
        else {
          throw ShardError.wrongFrameHead(
            path: path, frame: number,
            reason: "is that of frame \(head.number) of the \(head.split.rawValue) split, or of other counts")
        }
        return try body(head, bytes)
      }
    } catch let corruption as ZstdFrame.Corruption {
      throw ShardError.corruptFrame(path: path, frame: number, reason: corruption.reason)
    }
  }

  /// The digest of the whole file.
  /// - Throws: `FileError`
  func digest() throws -> Digest { try file.digest() }

  /// Gives the bytes of a range to `body`, at most one MiB at a time.
  /// - Throws: `FileError`, and what `body` throws.
  func visit(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    try file.visit(range, body)
  }

  /// Fills `bytes` from `offset` on.
  /// - Throws: `FileError`; `ShardError.wrongFileSize` if the file ends before.
  func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    let count = try file.read(into: bytes, at: offset)
    guard count == bytes.count else {
      throw ShardError.wrongFileSize(path: path, stated: offset + bytes.count, found: offset + count)
    }
  }

  /// Passes `count` bytes at `offset` to `body`.
  /// - Throws: as `read`, and the errors of `body`.
  func withBytes<Result>(at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws -> Result) throws
    -> Result
  {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    defer { bytes.deallocate() }
    try read(into: bytes, at: offset)
    return try body(UnsafeRawBufferPointer(bytes))
  }
}
