/// A place between two documents of a corpus, and what was met before it.
package struct CorpusPosition: Codable, Sendable, Equatable {
  /// The file that the next document is in, counted from 0.
  var file = 0
  /// Bytes of that file, inflated, before the next document.
  var offset = 0
  /// The line of that file that is read next, from 1.
  var line = 1
  /// Bytes on disk of the files before it.
  var finishedBytes = 0
  /// Documents, duplicates too.
  package var documents = 0
  var splitDocuments = 0
  var invalidSequences = 0

  package init() {}

  /// Whether the numbers are such that nothing that is done with them overflows.
  var isPlausible: Bool {
    [file, offset, line, finishedBytes, documents, splitDocuments, invalidSequences]
      .allSatisfy { (0...1 << 56).contains($0) }
  }
}
