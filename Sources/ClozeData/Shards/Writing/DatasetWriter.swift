package import ClozeCore
package import ClozeText
package import Foundation

/// Writes a data folder (see `DataIndex`) document by document, in bounded memory, the index last.
///
/// Everything is written into `staging`, a folder inside, and moved out of it by `finish`; until then an earlier data
/// set stays unchanged. At checkpoints the files are synced and `DatasetProgress` is written, so that another writer
/// can resume and write the same bytes. A writer that is released or killed leaves its files for that; without a
/// checkpoint it removes them. A writer that is killed while it moves the files leaves a folder without an index, which
/// no reader accepts and the next writer completes.
package final class DatasetWriter {
  /// The values of the index apart from the counts.
  package struct Source: Sendable {
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

  private let folder: DataFolder
  private let source: Source
  private let splits: [Split: SplitWriter]
  /// Nil where nobody will go on.
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

  private var staging: DataFolder { folder.staging }

  /// Creates the folder, and in it the staging folder: empty, or restored to the last checkpoint of an unfinished run.
  /// - Parameters:
  ///   - progress: the result of `DatasetProgress.left`, or a new one; nil turns checkpointing off. A checkpoint whose
  ///     files are missing, shorter or damaged is ignored.
  ///   - checkpointBytes: the bytes of text between checkpoints; no byte of the data depends on it.
  /// - Throws: `FileError`
  package init(
    folder: URL, source: Source, layout: ShardLayout = ShardLayout(), pool: WorkerPool,
    progress: DatasetProgress? = nil, checkpointBytes: Int = 16 << 20
  ) throws {
    let folder = DataFolder(folder)
    self.folder = folder
    self.source = source
    self.checkpointBytes = checkpointBytes
    self.progress = progress
    loss = progress?.checkpoint?.loss ?? TextLoss()
    let size = source.vocabularySize
    if let checkpoint = progress?.checkpoint, checkpoint.position.isPlausible, checkpoint.loss.isPlausible,
      let journal = DocumentJournal(
        folder: folder.staging, resumingAt: checkpoint.documents, documents: checkpoint.position.documents)
    {
      let writers = Split.allCases.compactMap { split in
        SplitWriter(
          folder: folder.staging, split: split, vocabularySize: size, layout: layout, pool: pool,
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
    try folder.clearStaging()
    journal = progress == nil ? nil : try DocumentJournal(folder: folder.staging)
    splits = try Dictionary(
      uniqueKeysWithValues: Split.allCases.map { split in
        (
          split,
          try SplitWriter(
            folder: folder.staging, split: split, vocabularySize: size, layout: layout, pool: pool,
            keepsJournal: progress != nil)
        )
      })
  }

  deinit {
    if !isFinished, !leavesProgress { folder.removeStaging() }
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

  private func writer(_ split: Split) -> SplitWriter {
    guard let writer = splits[split] else { preconditionFailure("DatasetWriter: no writer of \(split)") }
    return writer
  }

  /// Writes the tokenizer's files. From here on another run can resume this one.
  /// - Throws: `FileError`
  package func stage(_ tokenizer: Tokenizer) throws {
    precondition(tokenizer.digest == source.tokenizer, "DatasetWriter: another tokenizer")
    try tokenizer.write(to: staging.url)
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
    try Folder.synchronize(staging.url)
    try next?.write(to: staging)
    progress = next
  }

  /// Removes everything that was written, so that no run resumes from it.
  package func discard() {
    isFinished = true
    folder.removeStaging()
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
      tokenizer: source.tokenizer, vocabularySize: source.vocabularySize,
      tokenBits: DataIndex.tokenBits(vocabularySize: source.vocabularySize), corpus: corpus,
      seed: source.seed, validationRate: source.validationRate,
      unigramEntropy: unigrams.entropy, unigrams: Digest(of: unigrams.encoded))
    for (split, part) in parts { index[split] = part }
    index.unknownText = unknownText
    let encoded = try index.encoded()
    let provenance = DataProvenance(index, identity: Digest(of: encoded))
    try AtomicFile.write(unigrams.encoded, to: staging.unigrams)
    try AtomicFile.write(provenance.encoded(), to: staging.provenance)
    try AtomicFile.write(encoded, to: staging.index)
    try folder.moveIntoPlace(index)
    isFinished = true
    return index
  }
}
