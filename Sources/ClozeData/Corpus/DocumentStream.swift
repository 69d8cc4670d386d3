internal import ClozeCore

/// The documents of a corpus in batches, without duplicates, each with its split.
final class DocumentStream {
  private let reader: CorpusReader
  private var filter: DocumentFilter
  private var invalidSequences = 0
  private let batchBytes: Int

  /// - Parameters:
  ///   - position: the position from which to read.
  ///   - distinct: the number of distinct documents before it.
  ///   - documents: visits the digests of all documents before it in order, with duplicates.
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

  /// Counts so far.
  var statistics: CorpusStatistics {
    var statistics = CorpusStatistics()
    (statistics.documents, statistics.duplicates) = (filter.documents, filter.duplicates)
    (statistics.splitDocuments, statistics.invalidSequences) = (reader.splitDocuments, invalidSequences)
    (statistics.bytesFromDisk, statistics.corpus) = (reader.bytesFromDisk, filter.corpus)
    statistics.shape = reader.shape
    return statistics
  }

  /// The next documents, up to `batchBytes` of text. The text of duplicates counts too, so the end of a batch is a
  /// function of the documents alone.
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
