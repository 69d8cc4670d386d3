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
    /// Where the frame ends, which is where a shard ends that it is the last of.
    var end: DatasetProgress.Mark
  }

  private let folder: URL
  private let split: Split
  private let tokenBits: Int
  private let layout: ShardLayout
  private let pool: WorkerPool
  /// Is told each time a full shard is in place.
  private let didFinishShard: (DatasetProgress.Mark) throws -> Void

  private var frame = ShardFrame()
  private var frameNumber = 0
  private var pending: [PendingResult<CompressedFrame>] = []
  private var shard: ShardFile?
  /// How many tokens of the next document are in earlier shards.
  private var skippedTokens = 0
  private(set) var part = DataIndex.Part()
  /// The documents so far, those without tokens too.
  private(set) var mark: DatasetProgress.Mark
  /// How often each token occurs so far.
  private(set) var unigrams: [UInt64]

  /// - Parameters:
  ///   - mark: where earlier shards end.
  ///   - scans: these shards.
  init(
    folder: URL, split: Split, vocabularySize: Int, layout: ShardLayout, pool: WorkerPool,
    goingOnFrom mark: DatasetProgress.Mark = .init(), after scans: [ShardScan] = [],
    didFinishShard: @escaping (DatasetProgress.Mark) throws -> Void
  ) {
    precondition(mark.shards == scans.count, "ShardWriter: \(scans.count) shards of \(mark.shards)")
    self.folder = folder
    self.split = split
    tokenBits = DataIndex.tokenBits(vocabularySize: vocabularySize)
    self.layout = layout
    self.pool = pool
    self.mark = mark
    self.didFinishShard = didFinishShard
    skippedTokens = mark.tokens
    self.mark.tokens = 0
    unigrams = [UInt64](repeating: 0, count: vocabularySize)
    for scan in scans {
      part.files.append(scan.entry)
      for frame in scan.frames {
        part.documents += frame.head.documents
        part.words += frame.head.words
        part.tokens += frame.head.tokens
        part.bytes += frame.head.bytes
        frameNumber += 1
      }
      for (token, count) in scan.unigrams.enumerated() { unigrams[token] += count }
    }
  }

  /// Adds a document; one without tokens is counted and not written.
  func append(_ tokens: ArraySlice<TokenID>, counts: TokenCounts, bytes: Int) throws {
    var rest = tokens.dropFirst(skippedTokens)
    skippedTokens = 0
    part.tokens += rest.count
    for token in rest { unigrams[Int(token)] += 1 }
    while !rest.isEmpty {
      let piece = rest.prefix(layout.tokensPerFrame - frame.tokens.count)
      frame.tokens += piece
      rest = rest.dropFirst(piece.count)
      if rest.isEmpty { break }
      var end = mark
      end.tokens = tokens.count - rest.count
      try submitFrame(endingAt: end)
    }
    mark.documents += 1
    mark.counts += counts
    guard !tokens.isEmpty else {
      mark.empty += 1
      return
    }
    part.documents += 1
    part.words += counts.words
    part.bytes += bytes
    frame.words += counts.words
    frame.bytes += bytes
    frame.documentEnds.append(Int32(frame.tokens.count))
    if frame.tokens.count == layout.tokensPerFrame { try submitFrame(endingAt: mark) }
  }

  /// Writes what is left and puts the last shard in place.
  func finish() throws -> DataIndex.Part {
    if !frame.tokens.isEmpty { try submitFrame(endingAt: mark) }
    try writeFrames(leaving: 0)
    if let shard {
      part.files.append(try shard.finish())
      self.shard = nil
    }
    return part
  }

  private func submitFrame(endingAt end: DatasetProgress.Mark) throws {
    let full = frame
    let number = frameNumber
    frame = ShardFrame()
    frame.tokens.reserveCapacity(layout.tokensPerFrame)
    frameNumber += 1
    let (split, tokenBits, level) = (split, tokenBits, layout.compressionLevel)
    pending.append(
      pool.submit {
        let bytes = full.encoded(split: split, number: number, tokenBits: tokenBits)
        let compressed = try ZstdFrame.compress(bytes, level: level)
        return CompressedFrame(
          bytes: compressed, inflatedSize: bytes.count,
          entry: DataIndex.Frame(
            offset: 0, size: compressed.count, tokens: full.tokens.count, documents: full.documentEnds.count,
            continues: full.continues, digest: bytes.withUnsafeBytes { Digest(of: $0) }),
          end: end)
      })
    try writeFrames(leaving: pool.depth)
  }

  private func writeFrames(leaving count: Int) throws {
    while pending.count > count {
      let frame = try pending.removeFirst().wait()
      let shard =
        try self.shard ?? ShardFile(folder: folder, name: DataIndex.shardName(split, part.files.count))
      self.shard = shard
      try shard.append(frame.bytes, inflatedSize: frame.inflatedSize, entry: frame.entry)
      guard shard.entry.frames.count == layout.framesPerShard else { continue }
      part.files.append(try shard.finish())
      self.shard = nil
      var end = frame.end
      end.shards = part.files.count
      try didFinishShard(end)
    }
  }
}
