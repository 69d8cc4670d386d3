package import ClozeCore
package import ClozeText
package import Foundation

/// Writes a data folder (see `DataIndex`) as documents come, in bounded memory, the index last.
///
/// Everything is written into `staging`, a folder inside, and moved out of it by `finish`: until then an earlier data set
/// stays as it was. Now and then what is there is made durable and `DatasetProgress` written, so that another writer can
/// go on from there and write the bytes that this one would have written. Dropped or killed, a writer leaves its files
/// for that; dropped before there is anything to go on from, it takes them back. Killed while it moves the files, it
/// leaves a folder without an index, which no reader accepts and the next writer completes.
package final class DatasetWriter {
  /// What goes into the index beside the counts.
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
  /// Bytes of text since the last checkpoint.
  private var uncheckpointedBytes = 0
  /// Whether `progress` is in the folder.
  private var isStaged = false
  private var isFinished = false

  private var staging: DataFolder { folder.staging }

  /// Makes the folder, and in it one for the files to come: an empty one, or the one that an unfinished run left, as it
  /// was at its last checkpoint.
  /// - Parameters:
  ///   - progress: what `DatasetProgress.left` gave, or a new one; nil where a killed run is not to be gone on from. A
  ///     checkpoint in it whose files are missing, shorter or damaged is passed over.
  ///   - checkpointBytes: how many bytes of text are encoded from one checkpoint to the next; no byte of the data
  ///     depends on it.
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

  private func writer(_ split: Split) -> SplitWriter {
    guard let writer = splits[split] else { preconditionFailure("DatasetWriter: no writer of \(split)") }
    return writer
  }

  /// Puts the tokenizer's files beside the shards. From here on another run can go on from this one.
  /// - Throws: `FileError`
  package func stage(_ tokenizer: Tokenizer) throws {
    precondition(tokenizer.digest == source.tokenizer, "DatasetWriter: another tokenizer")
    try tokenizer.write(to: staging.url)
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
    try Folder.synchronize(staging.url)
    try next?.write(to: staging)
    progress = next
  }

  /// Takes back all that was written, so that nobody goes on from it.
  package func discard() {
    isFinished = true
    folder.removeStaging()
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
