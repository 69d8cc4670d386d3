internal import ClozeCore
internal import Foundation

/// A shard being written: frames, one after another, and the seek table after them.
final class ShardFile {
  private(set) var entry: DataIndex.File
  private var seekTable = SeekTable()
  private var file: AtomicFile?
  private var digest: DigestBuilder? = DigestBuilder()

  init(folder: URL, name: String) throws {
    file = try AtomicFile(folder.appendingPathComponent(name))
    entry = DataIndex.File(name: name, size: 0, digest: Digest(of: ""), frames: [])
  }

  /// Adds a compressed frame, whose place is decided here.
  func append(_ bytes: [UInt8], inflatedSize: Int, entry frame: DataIndex.Frame) throws {
    var frame = frame
    frame.offset = entry.size
    entry.frames.append(frame)
    seekTable.entries.append((UInt32(bytes.count), UInt32(inflatedSize)))
    try write(bytes)
  }

  /// Puts the shard in place.
  /// - Returns: what an index states of it.
  func finish() throws -> DataIndex.File {
    try write(seekTable.encoded())
    guard let file = file.take(), let digest = digest.take() else {
      preconditionFailure("ShardFile: finished twice")
    }
    entry.digest = digest.finalize()
    try file.commit()
    return entry
  }

  private func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes {
      digest?.update($0)
      try file?.write($0)
    }
    entry.size += bytes.count
  }
}
