internal import ClozeCore
internal import Foundation

/// A shard being written: frames, one after another, and the seek table after them.
final class ShardFile {
  private(set) var entry: DataIndex.File
  private let file: AppendedFile

  /// - Parameter name: what an index calls it; the file's own name where nil.
  /// - Throws: `FileError`
  init(_ url: URL, name: String? = nil) throws {
    file = try AppendedFile(url)
    entry = DataIndex.File(
      name: name ?? url.lastPathComponent, size: 0, digest: Digest(of: ""), frames: [])
  }

  /// Goes on with a shard that was left, after these frames; nil where it does not begin with them.
  /// - Parameter digest: of the frames' bytes.
  init?(_ url: URL, resumingAt frames: [DataIndex.Frame], digest: Digest) {
    let size = frames.last.map { $0.offset + $0.size } ?? 0
    guard let file = AppendedFile(url, resumingAt: .init(length: size, digest: digest)) else { return nil }
    self.file = file
    entry = DataIndex.File(name: url.lastPathComponent, size: size, digest: digest, frames: frames)
  }

  /// Adds a compressed frame, whose place is decided here.
  /// - Throws: `FileError`
  func append(_ bytes: [UInt8], entry frame: DataIndex.Frame) throws {
    var frame = frame
    frame.offset = entry.size
    try file.append(bytes)
    entry.frames.append(frame)
    entry.size += bytes.count
  }

  /// Makes the frames so far durable.
  /// - Returns: the digest of their bytes.
  /// - Throws: `FileError`
  func synchronize() throws -> Digest { try file.synchronize().digest }

  /// Writes the seek table and makes all durable.
  /// - Returns: what an index states of it.
  /// - Throws: `FileError`
  func finish(tokenBits: Int) throws -> DataIndex.File {
    try file.append(SeekTable(entry.frames, tokenBits: tokenBits).encoded())
    let mark = try file.synchronize()
    (entry.size, entry.digest) = (mark.length, mark.digest)
    return entry
  }
}
