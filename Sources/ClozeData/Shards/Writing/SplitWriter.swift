internal import ClozeCore
internal import ClozeText
internal import Foundation

/// Writes the shards of one split: collects tokens into frames, compresses frames on the pool's threads, and writes
/// them in order. The current frame and at most `pool.depth` further frames are in memory.
final class SplitWriter {
  /// Where a writer stood: with its journal and its shards, all that another needs to go on.
  struct State: Codable, Sendable, Equatable {
    /// The counts of the documents so far; the files are in the journal.
    var part = DataIndex.Part()
    /// The encoder's counts of all documents.
    var counts = TokenCounts()
    /// Documents without tokens.
    var empty = 0
    var journal: AppendedFile.Mark
    /// The digest of the bytes of the unfinished shard.
    var openShard: Digest
    /// The tokens of the unfinished frame, as an inflated frame; empty if there are none.
    var frame: Data
    /// As in `unigrams.bin`.
    var unigrams: Data
  }

  private struct CompressedFrame: Sendable {
    var bytes: [UInt8]
    var entry: DataIndex.Frame
  }

  private let folder: DataFolder
  private let split: Split
  private let vocabularySize: Int
  private let layout: ShardLayout
  private let pool: WorkerPool
  /// nil when checkpointing is off.
  private let journal: ShardJournal?

  private var frame = ShardFrame()
  private var frameNumber = 0
  private var pending: [PendingResult<CompressedFrame>] = []
  private var shard: ShardWriter?
  /// How many of the full shards are another writer's, which nobody has read since.
  private var unreadShards = 0
  private(set) var part = DataIndex.Part()
  /// The encoder's counts of all documents.
  private(set) var counts = TokenCounts()
  /// Documents without tokens.
  private(set) var empty = 0
  /// The counts of all tokens so far.
  private(set) var unigrams: [UInt64]

  private var tokenBits: Int { DataIndex.tokenBits(vocabularySize: vocabularySize) }

  private init(
    folder: DataFolder, split: Split, vocabularySize: Int, layout: ShardLayout, pool: WorkerPool,
    journal: ShardJournal?
  ) {
    self.folder = folder
    self.split = split
    self.vocabularySize = vocabularySize
    self.layout = layout
    self.pool = pool
    self.journal = journal
    unigrams = [UInt64](repeating: 0, count: vocabularySize)
  }

  /// - Parameter keepsJournal: whether `state()` will be called.
  /// - Throws: `FileError`
  convenience init(
    folder: DataFolder, split: Split, vocabularySize: Int, layout: ShardLayout, pool: WorkerPool,
    keepsJournal: Bool
  ) throws {
    self.init(
      folder: folder, split: split, vocabularySize: vocabularySize, layout: layout, pool: pool,
      journal: keepsJournal ? try ShardJournal(folder: folder, split: split) : nil)
  }

  /// Resumes from the state of another writer; nil if its files do not match `state`. Only the sizes of full shards are
  /// compared, so that resuming is fast; `finish` reads them.
  convenience init?(
    folder: DataFolder, split: Split, vocabularySize: Int, layout: ShardLayout, pool: WorkerPool,
    resumingAt state: State
  ) {
    guard let journal = ShardJournal(folder: folder, split: split, resumingAt: state.journal),
      let (shards, open) = journal.read(split, layout: layout),
      shards.allSatisfy({ folder.file($0.name).fileSize == $0.size })
    else { return nil }
    self.init(
      folder: folder, split: split, vocabularySize: vocabularySize, layout: layout, pool: pool,
      journal: journal)
    part = state.part
    part.files = shards
    unreadShards = shards.count
    (counts, empty) = (state.counts, state.empty)
    frameNumber = shards.count * layout.framesPerShard + open.count
    if !open.isEmpty {
      let url = folder.shard(split, shards.count)
      guard let shard = ShardWriter(url, resumingAt: open, digest: state.openShard) else { return nil }
      self.shard = shard
    }
    guard restoreFrame(state.frame), restoreUnigrams(state.unigrams) else { return nil }
    let documents = (shards.flatMap(\.frames) + open).reduce(frame.documentEnds.count) { $0 + $1.documents }
    let tokens = frameNumber * layout.tokensPerFrame + frame.tokens.count
    let numbers = [
      part.words, part.bytes, frame.words, frame.bytes, empty, counts.words, counts.tokens,
      counts.unknownTokens, counts.continuationPieces, counts.literalSpecials, counts.invalidSequences,
    ]
    guard part.documents == documents, part.tokens == tokens, part.quarantine.isEmpty,
      numbers.allSatisfy({ (0...1 << 56).contains($0) })
    else { return nil }
  }

  private func restoreFrame(_ bytes: Data) -> Bool {
    guard !bytes.isEmpty else { return true }
    // An array of ids has the alignment that reading them needs.
    return Array(bytes).withUnsafeBytes { bytes in
      guard let head = FrameHead(bytes), head.inflatedSize == bytes.count, head.split == split,
        head.number == frameNumber, head.tokenBits == tokenBits, head.tokens < layout.tokensPerFrame,
        let frame = try? ShardFrame(decoding: bytes, head: head, vocabularySize: vocabularySize, path: "")
      else { return false }
      self.frame = frame
      return true
    }
  }

  private func restoreUnigrams(_ bytes: Data) -> Bool {
    guard let counts = UnigramCounts(encoded: bytes, vocabularySize: vocabularySize),
      counts.total == part.tokens
    else { return false }
    unigrams = counts.counts
    return true
  }

  /// Adds a document; one without tokens is counted and not written.
  /// - Throws: `FileError`
  func append(_ tokens: ArraySlice<TokenID>, counts: TokenCounts, bytes: Int) throws {
    self.counts += counts
    guard !tokens.isEmpty else {
      empty += 1
      return
    }
    part.tokens += tokens.count
    for token in tokens { unigrams[Int(token)] += 1 }
    var rest = tokens
    while true {
      let piece = rest.prefix(layout.tokensPerFrame - frame.tokens.count)
      frame.tokens += piece
      rest = rest.dropFirst(piece.count)
      if rest.isEmpty { break }
      try submitFrame()
    }
    part.documents += 1
    part.words += counts.words
    part.bytes += bytes
    frame.words += counts.words
    frame.bytes += bytes
    frame.documentEnds.append(Int32(frame.tokens.count))
    if frame.tokens.count == layout.tokensPerFrame { try submitFrame() }
  }

  /// Writes all full frames and syncs them.
  /// - Returns: the state from which another writer can resume.
  /// - Throws: `FileError`
  func state() throws -> State {
    try writeFrames(leaving: 0)
    guard let journal = try journal?.synchronize() else {
      preconditionFailure("SplitWriter: keeps no journal")
    }
    let waiting =
      frame.tokens.isEmpty ? [] : frame.encoded(split: split, number: frameNumber, tokenBits: tokenBits)
    var part = part
    part.files = []
    return State(
      part: part, counts: counts, empty: empty, journal: journal,
      openShard: try shard?.synchronize() ?? Digest(of: ""), frame: Data(waiting),
      unigrams: UnigramCounts(counts: unigrams).encoded)
  }

  /// Writes the last frame and ends the last shard.
  /// - Throws: `FileError`; `ShardError.damagedLeftover` if a shard of an earlier writer is damaged.
  func finish() throws -> DataIndex.Part {
    if !frame.tokens.isEmpty { try submitFrame() }
    try writeFrames(leaving: 0)
    if shard != nil { try finishShard() }
    let checks = part.files.prefix(unreadShards).map { entry in
      let url = folder.file(entry.name)
      return (url, pool.submit { (try? ShardReader(url).digest()) == entry.digest })
    }
    for (url, isWhole) in checks where try !isWhole.wait() {
      throw ShardError.damagedLeftover(path: url.path)
    }
    return part
  }

  /// - Throws: `FileError`; `ShardError.splitIsFull`, which `ShardLayout(corpusBytes:)` prevents for text of known
  ///   length.
  private func submitFrame() throws {
    let full = frame
    let number = frameNumber
    guard number < DataIndex.maximumFrames else {
      throw ShardError.splitIsFull(path: folder.url.path, split: split, frames: number)
    }
    frame = ShardFrame()
    frame.tokens.reserveCapacity(layout.tokensPerFrame)
    frameNumber += 1
    let (split, tokenBits, level) = (split, tokenBits, layout.compressionLevel)
    pending.append(
      pool.submit {
        let bytes = full.encoded(split: split, number: number, tokenBits: tokenBits)
        let compressed = try ZstdFrame.compress(bytes, level: level)
        return CompressedFrame(
          bytes: compressed,
          entry: DataIndex.Frame(
            offset: 0, size: compressed.count, tokens: full.tokens.count, documents: full.documentEnds.count,
            continues: full.continues, digest: bytes.withUnsafeBytes { Digest(of: $0) }))
      })
    try writeFrames(leaving: pool.depth)
  }

  private func writeFrames(leaving count: Int) throws {
    while pending.count > count {
      let frame = try pending.removeFirst().wait()
      let shard =
        try self.shard
        ?? ShardWriter(folder.shard(split, part.files.count))
      self.shard = shard
      try shard.append(frame.bytes, entry: frame.entry)
      try journal?.append(frame.entry)
      if shard.entry.frames.count == layout.framesPerShard { try finishShard() }
    }
  }

  private func finishShard() throws {
    guard let entry = try shard?.finish(tokenBits: tokenBits) else { return }
    shard = nil
    part.files.append(entry)
    try journal?.append(shard: entry.digest)
  }
}
