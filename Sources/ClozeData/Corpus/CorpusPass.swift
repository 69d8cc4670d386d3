package import ClozeCore
package import ClozeText
internal import Foundation

/// Counts over a whole corpus.
package struct CorpusStatistics: Sendable, Equatable {
  /// Documents read, with duplicates and empty ones.
  package var documents = 0
  /// Documents dropped because an equal one came before.
  package var duplicates = 0
  /// Documents dropped because they have no token.
  package var empty = 0
  /// How often a document was cut because it was too long.
  package var splitDocuments = 0
  package var invalidSequences = 0
  /// Encodings and lines of the files.
  package var shape = CorpusShape()
  package var bytesFromDisk = 0
  /// Counts of the documents that were kept.
  package var tokens = TokenCounts()
  /// The text that their encoding lost.
  package var loss = TextLoss()
  /// The digest of the text of the corpus.
  package var corpus = Digest(of: "")

  package init() {}
}

/// A pass over a corpus on all workers. The caller's thread reads and filters documents in order, the pool processes
/// them in batches of fixed size, and the results are taken in order. So the result is the same for any number of
/// workers. At most `pool.depth` + 1 batches are in memory, each of `batchBytes` or of one longer document.
package struct CorpusPass: Sendable {
  package let inputs: CorpusInputs
  package let format: CorpusFormat
  package let seed: UInt64
  package let validationRate: Double
  package let pool: WorkerPool
  /// Bytes of text in a batch.
  package var batchBytes = 1 << 20

  package init(
    _ inputs: CorpusInputs, format: CorpusFormat, seed: UInt64, validationRate: Double, pool: WorkerPool
  ) {
    precondition((0...1).contains(validationRate), "CorpusPass: a validation rate of \(validationRate)")
    self.inputs = inputs
    self.format = format
    self.seed = seed
    self.validationRate = validationRate
    self.pool = pool
  }

  /// All settings that decide the documents and their splits, for a given text.
  package var settings: String {
    "\(format.boundary.rawValue) \(format.isStrict) \(format.isLossy) \(format.skipsBadRows) \(format.maximumDocumentBytes) \(seed) "
      + "\(validationRate.bitPattern) \(format.encoding?.name ?? "UTF-8") \(format.field)"
  }

  /// Reads the corpus to its end, for its digest, and for the place after its first `count` documents where a batch ends
  /// there: a checkpoint was made at the end of one.
  /// - Throws: `CorpusError`, `FileError`
  package func survey(locating count: Int = 0, progress: (Int) -> Void) throws -> (
    statistics: CorpusStatistics, position: CorpusPosition?
  ) {
    var position: CorpusPosition?
    let statistics = try run(DocumentStream(self), progress: progress) { _ in
    } take: { _, documents in
      if documents.end.documents == count { position = documents.end }
    }
    return (statistics, position)
  }

  /// Reads the corpus up to a checkpoint and returns the position there; nil if the documents before it are others.
  /// - Throws: `CorpusError`, `FileError`
  package func position(after checkpoint: DatasetProgress.Checkpoint, progress: (Int) -> Void) throws
    -> CorpusPosition?
  {
    let stream = try DocumentStream(self)
    var digest = DigestBuilder()
    var isAtEnd = false
    while !isAtEnd {
      let batch: DocumentBatch
      (batch, isAtEnd) = try stream.nextBatch()
      // As the journal has them.
      var bytes: [UInt8] = []
      for digest in batch.digests { digest.append(to: &bytes) }
      bytes.withUnsafeBytes { digest.update($0) }
      progress(stream.bytesFromDisk)
      guard batch.end.documents < checkpoint.position.documents else {
        let isSame =
          batch.end.documents == checkpoint.position.documents
          && digest.digestSoFar == checkpoint.documents.digest
        return isSame ? batch.end : nil
      }
    }
    return nil
  }

  /// Counts the words of the train split: the vocabulary sees nothing of the held-out text.
  /// - Parameter progress: is called from time to time with the bytes read so far.
  /// - Throws: `CorpusError`, `FileError`
  package func countWords(normalizer: TextNormalizer, progress: (Int) -> Void) throws
    -> (counts: WordCounts, statistics: CorpusStatistics)
  {
    var counts = WordCounts(normalizer)
    let statistics = try run(DocumentStream(self), progress: progress) { documents in
      var counts = WordCounts(normalizer)
      documents.visitTexts { text, split in
        if split == .train { counts.add(text) }
      }
      return counts
    } take: { part, _ in
      counts.merge(part)
    }
    guard counts.totalCount > 0 else {
      throw CorpusError.nothingToTrainOn(inputs: inputs.description, shape: statistics.shape)
    }
    return (counts, statistics)
  }

  /// Encodes all documents into a data folder, from the position of the writer's checkpoint on.
  /// - Throws: `CorpusError`, `FileError`
  package func encode(with tokenizer: Tokenizer, into writer: DatasetWriter, progress: (Int) -> Void) throws
    -> CorpusStatistics
  {
    let encoders = EncoderPool(tokenizer)
    let stream = try DocumentStream(
      self, from: writer.position, distinct: writer.documentCount, after: writer.visitDocuments)
    var statistics = try run(stream, progress: progress) { documents in
      encoders.withEncoder { EncodedBatch(documents, with: &$0) }
    } take: { batch, documents in
      for number in 0..<documents.count {
        try writer.append(
          batch.tokens[batch.ends[number]..<batch.ends[number + 1]], to: documents.splits[number],
          counts: batch.counts[number], bytes: documents.byteCount(of: number))
      }
      writer.add(batch.loss)
      try writer.endBatch(at: documents.end, after: documents.digests, bytes: documents.readBytes)
    }
    (statistics.tokens, statistics.empty) = writer.counts
    statistics.loss = writer.loss
    return statistics
  }

  /// - Parameters:
  ///   - work: processes a batch on a worker.
  ///   - take: receives the results in order, on the caller's thread.
  private func run<Output: Sendable>(
    _ stream: DocumentStream, progress: (Int) -> Void, work: @escaping @Sendable (DocumentBatch) -> Output,
    take: (Output, DocumentBatch) throws -> Void
  ) throws -> CorpusStatistics {
    var pending: [(documents: DocumentBatch, result: PendingResult<Output>)] = []
    var isAtEnd = false
    while !isAtEnd || !pending.isEmpty {
      while !isAtEnd, pending.count < pool.depth {
        let documents: DocumentBatch
        (documents, isAtEnd) = try stream.nextBatch()
        pending.append((documents, pool.submit { work(documents) }))
        progress(stream.bytesFromDisk)
      }
      if !pending.isEmpty {
        let (documents, result) = pending.removeFirst()
        try take(try result.wait(), documents)
      }
    }
    let statistics = stream.statistics
    guard statistics.documents > 0 else { throw CorpusError.empty(inputs: inputs.description) }
    return statistics
  }
}
