internal import ClozeCore
internal import Foundation

/// Writes one shard: frames one after another, then the seek table.
final class ShardWriter {
  private(set) var entry: DataIndex.File
  private let file: AppendedFile

  /// - Parameter name: the name in the index; nil means the name of the file.
  /// - Throws: `FileError`
  init(_ url: URL, name: String? = nil) throws {
    file = try AppendedFile(url)
    entry = DataIndex.File(
      name: name ?? url.lastPathComponent, size: 0, digest: Digest(of: ""), frames: [])
  }

  /// Continues a shard after these frames; nil if it does not begin with them.
  /// - Parameter digest: of the bytes of the frames.
  init?(_ url: URL, resumingAt frames: [DataIndex.Frame], digest: Digest) {
    let size = frames.last.map { $0.offset + $0.size } ?? 0
    guard let file = AppendedFile(url, resumingAt: .init(length: size, digest: digest)) else { return nil }
    self.file = file
    entry = DataIndex.File(name: url.lastPathComponent, size: size, digest: digest, frames: frames)
  }

  /// Appends a compressed frame and sets its offset.
  /// - Throws: `FileError`
  func append(_ bytes: [UInt8], entry frame: DataIndex.Frame) throws {
    var frame = frame
    frame.offset = entry.size
    try file.append(bytes)
    entry.frames.append(frame)
    entry.size += bytes.count
  }

  /// Syncs the frames so far.
  /// - Returns: the digest of their bytes.
  /// - Throws: `FileError`
  func synchronize() throws -> Digest { try file.synchronize().digest }

  /// Writes the seek table and syncs the file.
  /// - Returns: its entry in the index.
  /// - Throws: `FileError`
  func finish(tokenBits: Int) throws -> DataIndex.File {
    try file.append(SeekTable(entry.frames, tokenBits: tokenBits).encoded())
    let mark = try file.synchronize()
    (entry.size, entry.digest) = (mark.length, mark.digest)
    return entry
  }
}
