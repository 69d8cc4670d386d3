internal import ClozeCore

/// A corpus's documents in batches, without duplicates, each with its split.
final class DocumentStream {
  private let reader: CorpusReader
  private var filter: DocumentFilter
  private var invalidSequences = 0
  private let batchBytes: Int

  /// - Parameters:
  ///   - position: where the corpus goes on.
  ///   - distinct: how many different documents come before that.
  ///   - documents: gives the digests of all documents before that, duplicates too, in order.
  /// - Throws: `CorpusError`, `FileError`, and what `documents` throws.
  init(
    _ pass: CorpusPass, from position: CorpusPosition = .init(), distinct: Int = 0,
    after documents: ((Digest) -> Void) throws -> Void = { _ in }
  ) throws {
    reader = try CorpusReader(pass.inputs, format: pass.format, from: position)
    batchBytes = pass.batchBytes
    invalidSequences = position.invalidSequences
    var filter = DocumentFilter(seed: pass.seed, validationRate: pass.validationRate)
    filter.reserveCapacity(min(distinct, position.documents))
    try documents { filter.insert($0) }
    self.filter = filter
  }

  var bytesFromDisk: Int { reader.bytesFromDisk }

  /// What was met so far.
  var statistics: CorpusStatistics {
    var statistics = CorpusStatistics()
    (statistics.documents, statistics.duplicates) = (filter.documents, filter.duplicates)
    (statistics.splitDocuments, statistics.invalidSequences) = (reader.splitDocuments, invalidSequences)
    (statistics.bytesFromDisk, statistics.corpus) = (reader.bytesFromDisk, filter.corpus)
    statistics.shape = reader.shape
    return statistics
  }

  /// The next documents, as many as `batchBytes` of text need or are left. Duplicates count, so that a corpus of nothing
  /// else has batches too; where a batch ends follows from the documents alone.
  /// - Throws: `CorpusError`, `FileError`
  func nextBatch() throws -> (documents: DocumentBatch, isAtEnd: Bool) {
    var batch = DocumentBatch()
    batch.reserveCapacity(bytes: batchBytes)
    var isAtEnd = false
    while !isAtEnd, batch.readBytes < batchBytes {
      let taken: Void? = try reader.next { text, invalidSequences in
        self.invalidSequences += invalidSequences
        let digest = filter.digest(of: text)
        batch.digests.append(digest)
        batch.readBytes += text.count
        if let split = filter.split(of: digest) { batch.append(text, split: split) }
      }
      isAtEnd = taken == nil
    }
    batch.end = reader.position
    (batch.end.documents, batch.end.invalidSequences) = (filter.documents, invalidSequences)
    return (batch, isAtEnd)
  }
}
