package import ClozeCore
package import ClozeText
package import Foundation

/// The sizes of frames and shards, and the compression. Readers do not need it.
package struct ShardLayout: Sendable, Equatable {
  /// Reading a window inflates a frame, so frames should be small; compression is better with large ones. On 11 MB of
  /// English text with 8,192 pieces, frames of 65,536 tokens take 1.21 bytes per token, frames of 262,144 take 1.18.
  package var tokensPerFrame = 1 << 16
  package var framesPerShard = 1024
  /// zstd's level, 1...22. On the same text level 3 takes 1.30 bytes per token, 9 takes 1.21, and 19 takes 1.18 at a
  /// sixth of the speed.
  package var compressionLevel = 9

  package init() {}

  /// A layout with which a corpus fits into a split even if every byte is a token: plain text has about a quarter of
  /// that, compressed text about as many. A split has at most `DataIndex.maximumFrames` frames, so a corpus of more
  /// than 275 GB has larger frames.
  ///
  /// - Parameter corpusBytes: the size of the corpus on disk.
  /// - Throws: `ShardError.corpusTooLarge` if even the largest frames are too small.
  package init(corpusBytes: Int) throws {
    while corpusBytes > tokensPerFrame * DataIndex.maximumFrames {
      guard tokensPerFrame < DataIndex.maximumFrameTokens else {
        throw ShardError.corpusTooLarge(
          bytes: corpusBytes, limit: DataIndex.maximumFrameTokens * DataIndex.maximumFrames)
      }
      tokensPerFrame *= 2
    }
  }

  /// Everything that decides the bytes of a shard, with the versions of zstd and Cloze, so that two versions never
  /// write one folder together.
  package var description: String {
    "\(tokensPerFrame) \(framesPerShard) \(compressionLevel) zstd \(ZstdFrame.libraryVersion) "
      + "Cloze \(Cloze.version)"
  }
}

/// Writes a data folder (see `DataIndex`) document by document, in bounded memory, the index last.
///
/// Everything is written into `staging`, a folder inside, and moved out of it by `finish`; until then an earlier data
/// set stays unchanged. At checkpoints the files are synced and `DatasetProgress` is written, so that another writer
/// can resume and write the same bytes. A writer that is released or killed leaves its files for that; without a
/// checkpoint it removes them. A writer that is killed while it moves the files leaves a folder without an index, which
/// no reader accepts and the next writer completes.
package final class DatasetWriter {
  /// The values of the index apart from the counts.
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
  /// The folder for unfinished files. The tokenizer's files go here too.
  package let staging: URL
  private let provenance: Provenance
  private let splits: [Split: ShardWriter]
  /// nil when checkpointing is off.
  private let journal: DocumentJournal?
  private var progress: DatasetProgress?
  private let checkpointBytes: Int
  /// What was lost of all documents.
  private(set) var loss: TextLoss
  /// The bytes of text since the last checkpoint.
  private var uncheckpointedBytes = 0
  /// Whether `progress` was written to the folder.
  private var isStaged = false
  private var isFinished = false

  package static func staging(in folder: URL) -> URL { folder.appendingPathComponent("incoming.partial") }

  /// Creates the folder, and in it the staging folder: empty, or restored to the last checkpoint of an unfinished run.
  /// - Parameters:
  ///   - progress: the result of `DatasetProgress.left`, or a new one; nil turns checkpointing off. A checkpoint whose
  ///     files are missing, shorter or damaged is ignored.
  ///   - checkpointBytes: the bytes of text between checkpoints; no byte of the data depends on it.
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

  /// Whether another run can resume this one: from a checkpoint, or after the first pass over the text.
  package var leavesProgress: Bool { isStaged && (progress?.checkpoint != nil || progress?.corpus != nil) }

  /// The position in the corpus after the documents that an unfinished run had encoded.
  package var position: CorpusPosition { progress?.checkpoint?.position ?? CorpusPosition() }

  /// Visits the digests of all documents before `position` in order, with duplicates.
  /// - Throws: `FileError`
  func visitDocuments(_ body: (Digest) -> Void) throws { try journal?.visit(body) }

  /// The number of documents added, with those without tokens.
  var documentCount: Int { splits.values.reduce(0) { $0 + $1.part.documents + $1.empty } }

  /// The counts of all documents, and the number of documents without tokens.
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

  /// Writes the tokenizer's files. From here on another run can resume this one.
  /// - Throws: `FileError`
  package func stage(_ tokenizer: Tokenizer) throws {
    precondition(tokenizer.digest == provenance.tokenizer, "DatasetWriter: another tokenizer")
    try tokenizer.write(to: staging)
    try progress?.write(to: staging)
    isStaged = true
  }

  /// Adds a document. A document without tokens is counted and not written.
  /// - Parameters:
  ///   - tokens: its ids, without special tokens.
  ///   - counts: the encoder's counts of it.
  ///   - bytes: the length of its text in UTF-8.
  /// - Throws: `FileError`
  package func append(_ tokens: ArraySlice<TokenID>, to split: Split, counts: TokenCounts, bytes: Int) throws
  {
    try writer(split).append(tokens, counts: counts, bytes: bytes)
  }

  /// Adds the loss of the documents since the last batch.
  package func add(_ loss: TextLoss) { self.loss += loss }

  /// Marks that all documents before `position` were added, and makes a checkpoint if one is due.
  /// - Parameters:
  ///   - digests: of the documents since the last batch in order, with duplicates.
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
    // The names of new shards are synced before the file that refers to them is written.
    try Folder.synchronize(staging)
    try next?.write(to: staging)
    progress = next
  }

  /// Removes everything that was written, so that no run resumes from it.
  package func discard() {
    isFinished = true
    try? FileManager.default.removeItem(at: staging)
  }

  /// Writes the last frames, the counts and the index, and replaces an earlier data set.
  /// - Parameters:
  ///   - corpus: the digest of the corpus's text.
  ///   - unknownText: the unknown text; nil if it was not counted.
  /// - Throws: `FileError`; `ShardError.damagedLeftover`, after which no run can resume.
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

  /// Completes the move of files that a killed run had begun.
  /// - Returns: whether there was one.
  /// - Throws: `FileError`
  package static func completeMove(in folder: URL) throws -> Bool {
    // The index is the last file that is written, so if it is whole, all files are; and it is the last one that is
    // moved. A link would move the files of another folder.
    guard Folder.isReal(staging(in: folder)),
      let index = try? DataIndex.read(folder: staging(in: folder)).index
    else { return false }
    try moveIntoPlace(index, folder: folder)
    return true
  }

  /// Removes the index of an earlier data set, moves the new files over its files, removes its other files, and moves
  /// the new index. It can be repeated from the start after a kill at any point. Files that are not of a data set are
  /// not touched.
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

  /// Whether the name is that of a file of a data folder, complete or temporary.
  private static func isOurs(_ name: String) -> Bool {
    let whole = name.hasSuffix(".partial") ? String(name.dropLast(".partial".count)) : name
    let names = [DataIndex.unigramsFileName, DataIndex.fileName, DataProvenance.fileName]
    guard !names.contains(whole), !whole.hasPrefix(DatasetRepair.savedPrefix) else { return true }
    return shardNumber(whole) != nil
  }

  /// The split and the number of a shard by its name.
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
