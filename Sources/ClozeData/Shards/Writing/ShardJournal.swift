internal import ClozeCore

/// The journal of an unfinished split: the index entries of its frames, appended as they are written.
///
/// The format, little-endian: for every frame its compressed bytes in 32 bits, in 32 more the number of documents that
/// end in it, with the highest bit set if a document continues, and the 32 bytes of its digest. After the last frame of
/// a full shard follow the 32 bytes of the shard's digest. All frames have the layout's number of tokens: the last
/// frame of a split, which may have fewer, is written only when the folder is finished.
struct ShardJournal {
  private let file: AppendedFile
  private static let frameBytes = 8 + Digest.byteCount

  /// - Throws: `FileError`
  init(folder: DataFolder, split: Split) throws {
    file = try AppendedFile(folder.frameJournal(split))
  }

  /// Continues a journal; nil if it is damaged.
  init?(folder: DataFolder, split: Split, resumingAt mark: AppendedFile.Mark) {
    guard let file = AppendedFile(folder.frameJournal(split), resumingAt: mark) else { return nil }
    self.file = file
  }

  /// - Throws: `FileError`
  func append(_ frame: DataIndex.Frame) throws {
    var bytes: [UInt8] = []
    for number in [UInt32(frame.size), UInt32(frame.documents) | (frame.continues ? 1 << 31 : 0)] {
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    frame.digest.append(to: &bytes)
    try file.append(bytes)
  }

  /// Ends a shard.
  /// - Throws: `FileError`
  func append(shard digest: Digest) throws {
    var bytes: [UInt8] = []
    digest.append(to: &bytes)
    try file.append(bytes)
  }

  /// - Throws: `FileError`
  func synchronize() throws -> AppendedFile.Mark { try file.synchronize() }

  /// The full shards, and the frames of the shard after them; nil if the journal does not fit the layout.
  func read(_ split: Split, layout: ShardLayout) -> (shards: [DataIndex.File], open: [DataIndex.Frame])? {
    var bytes: [UInt8] = []
    guard (try? file.visit { bytes.append(contentsOf: $0) }) != nil else { return nil }
    return bytes.withUnsafeBytes { bytes in
      var shards: [DataIndex.File] = []
      var open: [DataIndex.Frame] = []
      var rest = bytes[...]
      var offset = 0
      while true {
        let record = UnsafeRawBufferPointer(rebasing: rest)
        if open.count == layout.framesPerShard {
          guard record.count >= Digest.byteCount else { return nil }
          shards.append(
            DataIndex.File(
              name: DataFolder.shardName(split, shards.count),
              size: offset + SeekTable.byteCount(frames: open.count), digest: Digest(bytes: record),
              frames: open))
          (open, offset) = ([], 0)
          rest = rest.dropFirst(Digest.byteCount)
        } else if record.isEmpty {
          return (shards, open)
        } else {
          guard record.count >= ShardJournal.frameBytes,
            let frame = ShardJournal.frame(record, at: offset, tokens: layout.tokensPerFrame)
          else { return nil }
          open.append(frame)
          offset += frame.size
          rest = rest.dropFirst(ShardJournal.frameBytes)
        }
      }
    }
  }

  private static func frame(_ record: UnsafeRawBufferPointer, at offset: Int, tokens: Int) -> DataIndex.Frame?
  {
    func number(at place: Int) -> UInt32 {
      UInt32(littleEndian: record.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }
    let (size, documents) = (Int(number(at: 0)), Int(number(at: 4) & ~(1 << 31)))
    guard (1...ShardFrame.maximumCompressedBytes).contains(size), documents <= tokens else { return nil }
    return DataIndex.Frame(
      offset: offset, size: size, tokens: tokens, documents: documents,
      continues: number(at: 4) >> 31 == 1,
      digest: Digest(bytes: UnsafeRawBufferPointer(rebasing: record[8...])))
  }
}
