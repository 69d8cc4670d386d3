package import ClozeCore
package import ClozeText
internal import Foundation

/// A text as token ids, document by document, for looking at a model with it; in memory are all its tokens, 4 bytes each.
/// A corpus to train on goes through `CorpusPass`, which streams.
package struct EncodedText: Sendable {
  /// The ids of each document that has any, without special tokens.
  package let documents: [[TokenID]]
  /// Digest of the documents' text and of where each ends: which text this is, however its files were compressed.
  package let digest: Digest
  /// What of the text is unknown to the tokenizer.
  package let unknownText: UnknownText

  /// What a person should hear of rows that were left out; nil where there are none.
  package let skippedRowsText: String?

  /// - Parameters:
  ///   - inputs: plain text or JSON lines; equal documents are all kept.
  ///   - format: what a document is.
  /// - Throws: `CorpusError`, `FileError`
  package init(_ inputs: CorpusInputs, format: CorpusFormat, tokenizer: Tokenizer) throws {
    let reader = CorpusReader(inputs, format: format)
    var encoder = TokenEncoder(tokenizer)
    var documents: [[TokenID]] = []
    var digest = DigestBuilder()
    while let document = try reader.next() {
      // Each document's length goes before it, so that no two lists of documents have one digest.
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

  /// How often each of the vocabulary's tokens occurs in the text.
  package func unigramCounts(vocabularySize: Int) -> UnigramCounts {
    var counts = [UInt64](repeating: 0, count: vocabularySize)
    for document in documents {
      for id in document { counts[Int(id)] += 1 }
    }
    return UnigramCounts(counts: counts)
  }
}
