internal import ClozeCore
internal import ClozeText
internal import Foundation

/// Writes one split's shards as documents come: collects tokens into frames, compresses frames on the pool's threads,
/// and writes them in order. It holds the frame being filled and at most `pool.depth` frames on their way to disk.
final class ShardWriter {
  /// Where a writer stood: with its journal and its shards, all that another needs to go on.
  struct State: Codable, Sendable, Equatable {
    /// Of the documents so far; its files are in the journal.
    var part = DataIndex.Part()
    /// What was met in all documents.
    var counts = TokenCounts()
    /// Documents without tokens.
    var empty = 0
    var journal: AppendedFile.Mark
    /// Of the bytes of the shard that is not full.
    var openShard: Digest
    /// The tokens that wait for the rest of their frame, as an inflated frame; none where none wait.
    var frame: Data
    /// As in `unigrams.bin`.
    var unigrams: Data
  }

  private struct CompressedFrame: Sendable {
    var bytes: [UInt8]
    var entry: DataIndex.Frame
  }

  private let folder: URL
  private let split: Split
  private let vocabularySize: Int
  private let layout: ShardLayout
  private let pool: WorkerPool
  /// Nil where nobody will go on.
  private let journal: ShardJournal?

  private var frame = ShardFrame()
  private var frameNumber = 0
  private var pending: [PendingResult<CompressedFrame>] = []
  private var shard: ShardFile?
  /// How many of the full shards are another writer's, which nobody has read since.
  private var unreadShards = 0
  private(set) var part = DataIndex.Part()
  /// What was met in all documents.
  private(set) var counts = TokenCounts()
  /// Documents without tokens.
  private(set) var empty = 0
  /// How often each token occurs so far.
  private(set) var unigrams: [UInt64]

  private var tokenBits: Int { DataIndex.tokenBits(vocabularySize: vocabularySize) }

  private init(
    folder: URL, split: Split, vocabularySize: Int, layout: ShardLayout, pool: WorkerPool,
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

  /// - Parameter keepsJournal: whether `state()` will be asked for.
  /// - Throws: `FileError`
  convenience init(
    folder: URL, split: Split, vocabularySize: Int, layout: ShardLayout, pool: WorkerPool, keepsJournal: Bool
  ) throws {
    self.init(
      folder: folder, split: split, vocabularySize: vocabularySize, layout: layout, pool: pool,
      journal: keepsJournal ? try ShardJournal(folder: folder, split: split) : nil)
  }

  /// Goes on where another writer stood, in its folder; nil where what it left is not what `state` says. Of full shards
  /// the sizes are compared; they are read by `finish`, for however many there are, nobody is to wait before that.
  convenience init?(
    folder: URL, split: Split, vocabularySize: Int, layout: ShardLayout, pool: WorkerPool,
    resumingAt state: State
  ) {
    guard let journal = ShardJournal(folder: folder, split: split, resumingAt: state.journal),
      let (shards, open) = journal.read(split, layout: layout),
      shards.allSatisfy({ folder.appendingPathComponent($0.name).fileSize == $0.size })
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
      let url = folder.appendingPathComponent(DataIndex.shardName(split, shards.count))
      guard let shard = ShardFile(url, resumingAt: open, digest: state.openShard) else { return nil }
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
    // As an array, it lies as ids have to.
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

  /// Writes all frames that are full and makes them durable.
  /// - Returns: where another writer can go on.
  /// - Throws: `FileError`
  func state() throws -> State {
    try writeFrames(leaving: 0)
    guard let journal = try journal?.synchronize() else {
      preconditionFailure("ShardWriter: keeps no journal")
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

  /// Writes what is left and ends the last shard.
  /// - Throws: `FileError`; `ShardError.damagedLeftover` where a shard of another writer is not what it was.
  func finish() throws -> DataIndex.Part {
    if !frame.tokens.isEmpty { try submitFrame() }
    try writeFrames(leaving: 0)
    if shard != nil { try finishShard() }
    let checks = part.files.prefix(unreadShards).map { entry in
      let url = folder.appendingPathComponent(entry.name)
      return (url, pool.submit { (try? OpenFile(url).digest()) == entry.digest })
    }
    for (url, isWhole) in checks where try !isWhole.wait() {
      throw ShardError.damagedLeftover(path: url.path)
    }
    return part
  }

  /// - Throws: `FileError`; `ShardError.splitIsFull`, which `ShardLayout(corpusBytes:)` keeps from text of known length.
  private func submitFrame() throws {
    let full = frame
    let number = frameNumber
    guard number < DataIndex.maximumFrames else {
      throw ShardError.splitIsFull(path: folder.path, split: split, frames: number)
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
        ?? ShardFile(folder.appendingPathComponent(DataIndex.shardName(split, part.files.count)))
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

extension URL {
  /// Bytes; nil where there is no such file.
  fileprivate var fileSize: Int? {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(status.st_size)
  }
}
