package import ClozeCore
package import ClozeText
package import Foundation

/// How shards are cut and compressed. Readers need none of it.
package struct ShardLayout: Sendable, Equatable {
  /// A window costs the inflation of one frame, so frames are small; compression wants them large. On English text of
  /// 11 MB in 8,192 pieces, frames of 65,536 tokens take 1.21 bytes a token, frames of 262,144 take 1.18.
  package var tokensPerFrame = 1 << 16
  package var framesPerShard = 1024
  /// zstd's level, 1...22. On the same text level 3 gives 1.30 bytes a token, 9 gives 1.21 and 19 gives 1.18 at a
  /// sixth of the speed.
  package var compressionLevel = 9

  package init() {}

  /// A layout with which a corpus fits into a split even where every byte of it is a token: plain text has about a quarter
  /// of that, compressed text about as much. A split has at most `DataIndex.maximumFrames` frames, so those of a corpus of
  /// more than 275 GB are larger.
  ///
  /// - Parameter corpusBytes: on disk.
  /// - Throws: `ShardError.corpusTooLarge` where the largest frames do not suffice.
  package init(corpusBytes: Int) throws {
    while corpusBytes > tokensPerFrame * DataIndex.maximumFrames {
      guard tokensPerFrame < DataIndex.maximumFrameTokens else {
        throw ShardError.corpusTooLarge(
          bytes: corpusBytes, limit: DataIndex.maximumFrameTokens * DataIndex.maximumFrames)
      }
      tokensPerFrame *= 2
    }
  }

  /// All of it that decides the bytes of a shard, the versions of the compressor and of Cloze too: no folder is to be one
  /// half of one encoder's and one half of another's.
  package var description: String {
    "\(tokensPerFrame) \(framesPerShard) \(compressionLevel) zstd \(ZstdFrame.libraryVersion) "
      + "Cloze \(Cloze.version)"
  }
}

/// Writes a data folder (see `DataIndex`) as documents come, in bounded memory, the index last.
///
/// Everything is written into `staging`, a folder inside, and moved out of it by `finish`: until then an earlier data set
/// stays as it was. Now and then what is there is made durable and `DatasetProgress` written, so that another writer can
/// go on from there and write the bytes that this one would have written. Dropped or killed, a writer leaves its files
/// for that; dropped before there is anything to go on from, it takes them back. Killed while it moves the files, it
/// leaves a folder without an index, which no reader accepts and the next writer completes.
package final class DatasetWriter {
  /// What goes into the index beside the counts.
  package struct Provenance: Sendable {
    package var tokenizer: Digest
    package var vocabularySize: Int
    package var seed: UInt64
    package var validationRate: Double

    package init(tokenizer: Digest, vocabularySize: Int, seed: UInt64, validationRate: Double) {
      self.tokenizer = tokenizer
      self.vocabularySize = vocabularySize
      self.seed = seed
      self.validationRate = validationRate
    }
  }

  private let folder: URL
  /// Where the files lie until all are there. What belongs beside the shards, such as the tokenizer's files, goes here.
  package let staging: URL
  private let provenance: Provenance
  private let splits: [Split: ShardWriter]
  /// Nil where nobody will go on.
  private let journal: DocumentJournal?
  private var progress: DatasetProgress?
  private let checkpointBytes: Int
  /// What was lost of all documents.
  private(set) var loss: TextLoss
  /// Bytes of text since the last checkpoint.
  private var uncheckpointedBytes = 0
  /// Whether `progress` is in the folder.
  private var isStaged = false
  private var isFinished = false

  package static func staging(in folder: URL) -> URL { folder.appendingPathComponent("incoming.partial") }

  /// Makes the folder, and in it one for the files to come: an empty one, or the one that an unfinished run left, as it
  /// was at its last checkpoint.
  /// - Parameters:
  ///   - progress: what `DatasetProgress.left` gave, or a new one; nil where a killed run is not to be gone on from. A
  ///     checkpoint in it whose files are missing, shorter or damaged is passed over.
  ///   - checkpointBytes: how many bytes of text are encoded from one checkpoint to the next; no byte of the data
  ///     depends on it.
  /// - Throws: `FileError`
  package init(
    folder: URL, provenance: Provenance, layout: ShardLayout = ShardLayout(), pool: WorkerPool,
    progress: DatasetProgress? = nil, checkpointBytes: Int = 16 << 20
  ) throws {
    self.folder = folder
    self.provenance = provenance
    self.checkpointBytes = checkpointBytes
    let staging = DatasetWriter.staging(in: folder)
    self.staging = staging
    self.progress = progress
    loss = progress?.checkpoint?.loss ?? TextLoss()
    let size = provenance.vocabularySize
    if let checkpoint = progress?.checkpoint, checkpoint.position.isPlausible, checkpoint.loss.isPlausible,
      let journal = DocumentJournal(
        folder: staging, resumingAt: checkpoint.documents, documents: checkpoint.position.documents)
    {
      let writers = Split.allCases.compactMap { split in
        ShardWriter(
          folder: staging, split: split, vocabularySize: size, layout: layout, pool: pool,
          resumingAt: checkpoint[split]
        ).map { (split, $0) }
      }
      if writers.count == Split.allCases.count {
        self.journal = journal
        splits = Dictionary(uniqueKeysWithValues: writers)
        isStaged = true
        return
      }
    }
    self.progress?.checkpoint = nil
    loss = TextLoss()
    try? FileManager.default.removeItem(at: staging)
    try Folder.create(staging)
    journal = progress == nil ? nil : try DocumentJournal(folder: staging)
    splits = try Dictionary(
      uniqueKeysWithValues: Split.allCases.map { split in
        (
          split,
          try ShardWriter(
            folder: staging, split: split, vocabularySize: size, layout: layout, pool: pool,
            keepsJournal: progress != nil)
        )
      })
  }

  deinit {
    if !isFinished, !leavesProgress { try? FileManager.default.removeItem(at: staging) }
  }

  /// Whether another run can go on from this one: from a checkpoint, or after a first pass over the text.
  package var leavesProgress: Bool { isStaged && (progress?.checkpoint != nil || progress?.corpus != nil) }

  /// Where the text goes on, after the documents that an unfinished run had encoded.
  package var position: CorpusPosition { progress?.checkpoint?.position ?? CorpusPosition() }

  /// Gives the digests of all documents before `position`, duplicates too, in order.
  /// - Throws: `FileError`
  func visitDocuments(_ body: (Digest) -> Void) throws { try journal?.visit(body) }

  /// Documents that were added, those without tokens too.
  var documentCount: Int { splits.values.reduce(0) { $0 + $1.part.documents + $1.empty } }

  /// What was met in all documents, and how many of them had no tokens.
  var counts: (tokens: TokenCounts, empty: Int) {
    var sum = (tokens: TokenCounts(), empty: 0)
    for split in Split.allCases {
      sum.tokens += writer(split).counts
      sum.empty += writer(split).empty
    }
    return sum
  }

  private func writer(_ split: Split) -> ShardWriter {
    guard let writer = splits[split] else { preconditionFailure("DatasetWriter: no writer of \(split)") }
    return writer
  }

  /// Puts the tokenizer's files beside the shards. From here on another run can go on from this one.
  /// - Throws: `FileError`
  package func stage(_ tokenizer: Tokenizer) throws {
    precondition(tokenizer.digest == provenance.tokenizer, "DatasetWriter: another tokenizer")
    try tokenizer.write(to: staging)
    try progress?.write(to: staging)
    isStaged = true
  }

  /// Adds a document; one without tokens is counted and not written.
  /// - Parameters:
  ///   - tokens: its ids, without special tokens.
  ///   - counts: what its encoder met in it.
  ///   - bytes: the length of its text in UTF-8.
  /// - Throws: `FileError`
  package func append(_ tokens: ArraySlice<TokenID>, to split: Split, counts: TokenCounts, bytes: Int) throws
  {
    try writer(split).append(tokens, counts: counts, bytes: bytes)
  }

  /// Adds what was lost of documents that were added since the last batch.
  package func add(_ loss: TextLoss) { self.loss += loss }

  /// Says that all documents before `position` were added, and makes a checkpoint where one is due.
  /// - Parameters:
  ///   - digests: of the documents since the last batch, duplicates too, in order.
  ///   - bytes: of their texts.
  /// - Throws: `FileError`
  package func endBatch(at position: CorpusPosition, after digests: [Digest], bytes: Int) throws {
    guard let journal else { return }
    try journal.append(digests)
    uncheckpointedBytes += bytes
    guard uncheckpointedBytes >= checkpointBytes else { return }
    uncheckpointedBytes = 0
    var next = progress
    next?.checkpoint = DatasetProgress.Checkpoint(
      position: position, documents: try journal.synchronize(), loss: loss,
      train: try writer(.train).state(), validation: try writer(.validation).state())
    // The names of new shards before the file that speaks of them.
    try Folder.synchronize(staging)
    try next?.write(to: staging)
    progress = next
  }

  /// Takes back all that was written, so that nobody goes on from it.
  package func discard() {
    isFinished = true
    try? FileManager.default.removeItem(at: staging)
  }

  /// Writes what is left, the counts and the index, and puts all of it in place of an earlier data set.
  /// - Parameters:
  ///   - corpus: the digest of the corpus's text.
  ///   - unknownText: what of the text is unknown to the tokenizer; nil where nobody counted.
  /// - Throws: `FileError`; `ShardError.damagedLeftover`, after which nobody goes on from what is there.
  package func finish(corpus: Digest, unknownText: UnknownText? = nil) throws -> DataIndex {
    let parts: [(Split, DataIndex.Part)]
    do {
      parts = try Split.allCases.map { ($0, try writer($0).finish()) }
    } catch let error as ShardError {
      discard()
      throw error
    }
    let unigrams = UnigramCounts(counts: writer(.train).unigrams)
    var index = DataIndex(
      tokenizer: provenance.tokenizer, vocabularySize: provenance.vocabularySize,
      tokenBits: DataIndex.tokenBits(vocabularySize: provenance.vocabularySize), corpus: corpus,
      seed: provenance.seed, validationRate: provenance.validationRate,
      unigramEntropy: unigrams.entropy, unigrams: Digest(of: unigrams.encoded))
    for (split, part) in parts { index[split] = part }
    index.unknownText = unknownText
    func write(_ data: Data, _ name: String) throws {
      try AtomicFile.write(data, to: staging.appendingPathComponent(name))
    }
    try write(unigrams.encoded, DataIndex.unigramsFileName)
    let encoded = try index.encoded()
    try write(
      DataProvenance(index, identity: Digest(of: encoded)).encoded(), DataProvenance.fileName)
    try write(encoded, DataIndex.fileName)
    try DatasetWriter.moveIntoPlace(index, folder: folder)
    isFinished = true
    return index
  }

  /// Completes what a run that was killed while it moved its files into place has begun.
  /// - Returns: whether there was such a run.
  /// - Throws: `FileError`
  package static func completeMove(in folder: URL) throws -> Bool {
    // The index is the last file that is written, so where it is whole, all is; and the last that is moved.
    // A link would have another folder's files moved.
    guard Folder.isReal(staging(in: folder)),
      let index = try? DataIndex.read(folder: staging(in: folder)).index
    else { return false }
    try moveIntoPlace(index, folder: folder)
    return true
  }

  /// Moves the new files over an earlier data set's, whose index goes first and whose other files go after, and no
  /// others; then moves the new index. It may be done again from the start wherever it was broken off.
  private static func moveIntoPlace(_ index: DataIndex, folder: URL) throws {
    let staging = staging(in: folder)
    func remove(_ url: URL) throws {
      guard unlink(url.path) == 0 || errno == ENOENT else { throw FileError.writing(url.path) }
    }
    func move(_ name: String) throws {
      let target = folder.appendingPathComponent(name).path
      guard rename(staging.appendingPathComponent(name).path, target) == 0 else {
        throw FileError.writing(target)
      }
    }
    func names(in folder: URL) -> [String] {
      (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    }
    let kept = Set(
      [DataIndex.unigramsFileName, DataProvenance.fileName]
        + Split.allCases.flatMap { index[$0].files.map(\.name) })
    try remove(staging.appendingPathComponent(DatasetProgress.fileName))
    try remove(folder.appendingPathComponent(DataIndex.fileName))
    try Folder.synchronize(folder)
    for name in names(in: staging) where !name.hasSuffix(".partial") {
      if !isOurs(name) || kept.contains(name) { try move(name) }
    }
    for name in names(in: folder) where isOurs(name) && !kept.contains(name) {
      try remove(folder.appendingPathComponent(name))
    }
    try Folder.synchronize(folder)
    try move(DataIndex.fileName)
    try Folder.synchronize(folder)
    try? FileManager.default.removeItem(at: staging)
  }

  /// Whether a name is one that only a data folder's files have, whole or half written.
  private static func isOurs(_ name: String) -> Bool {
    let whole = name.hasSuffix(".partial") ? String(name.dropLast(".partial".count)) : name
    let names = [DataIndex.unigramsFileName, DataIndex.fileName, DataProvenance.fileName]
    guard !names.contains(whole), !whole.hasPrefix(DatasetRepair.savedPrefix) else { return true }
    return shardNumber(whole) != nil
  }

  /// The split and the number of a shard, by its name.
  static func shardNumber(_ name: String) -> (split: Split, number: Int)? {
    for split in Split.allCases {
      let prefix = split.rawValue + "-"
      guard name.hasPrefix(prefix), name.hasSuffix(".zst") else { continue }
      let digits = name.dropFirst(prefix.count).dropLast(".zst".count)
      guard digits.count >= 5, digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(digits)
      else { continue }
      return (split, number)
    }
    return nil
  }
}
