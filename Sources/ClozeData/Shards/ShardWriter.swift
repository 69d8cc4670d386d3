internal import ClozeCore
internal import ClozeText
internal import Foundation

/// Writes one split's shards as documents come: collects tokens into frames, compresses frames on the pool's threads,
/// and writes them in order. It holds the frame being filled and at most `pool.depth` frames on their way to disk.
final class ShardWriter {
  private struct CompressedFrame: Sendable {
    var bytes: [UInt8]
    var inflatedSize: Int
    var entry: DataIndex.Frame
  }

  private let folder: URL
  private let split: Split
  private let tokenBits: Int
  private let layout: ShardLayout
  private let pool: WorkerPool

  private var frame = ShardFrame()
  private var pending: [PendingResult<CompressedFrame>] = []
  private var shard: ShardFile?
  private(set) var part = DataIndex.Part()

  init(folder: URL, split: Split, tokenBits: Int, layout: ShardLayout, pool: WorkerPool) {
    self.folder = folder
    self.split = split
    self.tokenBits = tokenBits
    self.layout = layout
    self.pool = pool
  }

  /// Adds a document of at least one token.
  func append(_ tokens: ArraySlice<TokenID>, words: Int, bytes: Int) throws {
    precondition(!tokens.isEmpty, "ShardWriter: a document without tokens")
    part.documents += 1
    part.words += words
    part.bytes += bytes
    part.tokens += tokens.count
    var rest = tokens
    while !rest.isEmpty {
      let piece = rest.prefix(layout.tokensPerFrame - frame.tokens.count)
      frame.tokens += piece
      rest = rest.dropFirst(piece.count)
      if rest.isEmpty { frame.documentEnds.append(Int32(frame.tokens.count)) }
      if frame.tokens.count == layout.tokensPerFrame { try submitFrame() }
    }
  }

  /// Writes what is left and puts the last shard in place.
  func finish() throws -> DataIndex.Part {
    if !frame.tokens.isEmpty { try submitFrame() }
    try writeFrames(leaving: 0)
    try finishShard()
    return part
  }

  private func submitFrame() throws {
    let full = frame
    frame = ShardFrame()
    frame.tokens.reserveCapacity(layout.tokensPerFrame)
    let (tokenBits, level) = (tokenBits, layout.compressionLevel)
    pending.append(
      pool.submit {
        let bytes = full.encoded(tokenBits: tokenBits)
        let compressed = try ZstdFrame.compress(bytes, level: level)
        return CompressedFrame(
          bytes: compressed, inflatedSize: bytes.count,
          entry: DataIndex.Frame(
            offset: 0, size: compressed.count, tokens: full.tokens.count, documents: full.documentEnds.count,
            continues: full.continues, digest: bytes.withUnsafeBytes { Digest(of: $0) }))
      })
    try writeFrames(leaving: pool.depth)
  }

  private func writeFrames(leaving count: Int) throws {
    while pending.count > count {
      let frame = try pending.removeFirst().wait()
      if let shard, shard.entry.frames.count == layout.framesPerShard { try finishShard() }
      let shard =
        try self.shard ?? ShardFile(folder: folder, name: DataIndex.shardName(split, part.files.count))
      self.shard = shard
      try shard.append(frame.bytes, inflatedSize: frame.inflatedSize, entry: frame.entry)
    }
  }

  private func finishShard() throws {
    guard let shard else { return }
    part.files.append(try shard.finish())
    self.shard = nil
  }
}

/// The shard being written.
private final class ShardFile {
  private(set) var entry: DataIndex.File
  private var seekTable = SeekTable()
  private var file: AtomicFile?
  private var digest: DigestBuilder? = DigestBuilder()

  init(folder: URL, name: String) throws {
    file = try AtomicFile(folder.appendingPathComponent(name))
    entry = DataIndex.File(name: name, size: 0, digest: Digest(of: ""), frames: [])
  }

  func append(_ bytes: [UInt8], inflatedSize: Int, entry frame: DataIndex.Frame) throws {
    var frame = frame
    frame.offset = entry.size
    entry.frames.append(frame)
    seekTable.entries.append((UInt32(bytes.count), UInt32(inflatedSize)))
    try write(bytes)
  }

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
