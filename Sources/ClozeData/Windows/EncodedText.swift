package import ClozeCore
package import ClozeText
internal import Foundation

/// A text as token ids by document, for an evaluation. All tokens are in memory, 4 bytes each; `CorpusPass` streams a
/// corpus for training.
package struct EncodedText: Sendable {
  /// The ids of each document that is not empty, without special tokens.
  package let documents: [[TokenID]]
  /// The digest of the documents and their lengths: the identity of the text, however its files are compressed.
  package let digest: Digest
  /// The unknown text.
  package let unknownText: UnknownText

  /// The warning about rows that were left out; nil if there are none.
  package let skippedRowsText: String?

  /// - Parameters:
  ///   - inputs: plain text or JSON lines; duplicates are kept.
  ///   - format: the format of the text.
  /// - Throws: `CorpusError`, `FileError`
  package init(_ inputs: CorpusInputs, format: CorpusFormat, tokenizer: Tokenizer) throws {
    let reader = CorpusReader(inputs, format: format)
    var encoder = TokenEncoder(tokenizer)
    var documents: [[TokenID]] = []
    var digest = DigestBuilder()
    while let document = try reader.next() {
      // Each document is preceded by its length, so different lists of documents have different digests.
      digest.update("\(document.text.count)\n")
      document.text.withUnsafeBytes { digest.update($0) }
      var ids: [TokenID] = []
      document.text.withUnsafeBufferPointer { encoder.encode($0, into: &ids) }
      if !ids.isEmpty { documents.append(ids) }
    }
    guard !documents.isEmpty else { throw CorpusError.empty(inputs: inputs.description) }
    self.documents = documents
    unknownText = UnknownText(encoder.loss, tokenizer)
    skippedRowsText = reader.shape.skippedRowsText
    self.digest = digest.finalize()
  }

  /// The counts of all tokens in the text.
  package func unigramCounts(vocabularySize: Int) -> UnigramCounts {
    var counts = [UInt64](repeating: 0, count: vocabularySize)
    for document in documents {
      for id in document { counts[Int(id)] += 1 }
    }
    return UnigramCounts(counts: counts)
  }
}
