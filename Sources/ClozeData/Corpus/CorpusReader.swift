internal import ClozeCore

/// The unit of a plain text file that is one document.
package enum DocumentBoundary: String, NamedChoice {
  /// Each line that is not blank.
  case lines
  /// The lines up to a blank line, which has only white space, such as U+3000.
  case paragraphs
  /// The whole file.
  case files
}

/// How the files of a corpus are read.
package struct CorpusFormat: Sendable {
  package var boundary = DocumentBoundary.paragraphs
  /// The field of a JSON line that holds the text.
  package var field = "text"
  /// The encoding of texts without a byte-order mark; nil for UTF-8.
  package var encoding: TextEncoding?
  /// Whether a single invalid byte is an error; otherwise it is counted, and the tokenizer reads it as U+FFFD.
  package var isStrict = false
  /// Whether any number of invalid bytes is accepted; otherwise more than 1 in 1,000 bytes of a file are an error.
  package var isLossy = false
  /// Whether rows of JSON lines that cannot be used are left out and counted; otherwise they are errors.
  package var skipsBadRows = false
  /// In bytes. A longer document is cut: after its last line end or, in one very long line, between two characters.
  package var maximumDocumentBytes = 16 << 20

  package init() {}
}

/// A document of the corpus, without white space at both ends.
package struct Document: Sendable, Equatable {
  /// UTF-8, which may be invalid.
  package var text: [UInt8]
  package var invalidSequences = 0

  package init(text: [UInt8], invalidSequences: Int = 0) {
    self.text = text
    self.invalidSequences = invalidSequences
  }
}

/// Reads the documents of a corpus one after another. One document and one chunk of the file are in memory.
package final class CorpusReader {
  /// Receives the text of a document, valid during the call, and the number of its invalid sequences.
  typealias Taker<Result> = (_ text: UnsafeBufferPointer<UInt8>, _ invalidSequences: Int) throws -> Result

  private let inputs: CorpusInputs
  private let format: CorpusFormat
  private var nextFile = 0
  private var current: DocumentReader?
  private var finishedBytes = 0
  private var finishedSplits = 0
  /// What was found out about the files that were read to their end.
  package private(set) var shape = CorpusShape()

  package init(_ inputs: CorpusInputs, format: CorpusFormat) {
    self.inputs = inputs
    self.format = format
  }

  /// Continues where another reader of the same files was.
  /// - Throws: `CorpusError`, `FileError`
  package init(_ inputs: CorpusInputs, format: CorpusFormat, from position: CorpusPosition) throws {
    self.inputs = inputs
    self.format = format
    (nextFile, finishedBytes, finishedSplits) = (
      position.file, position.finishedBytes, position.splitDocuments
    )
    shape = position.shape
    if position.offset > 0, nextFile < inputs.files.count {
      current = try DocumentReader(
        inputs.files[nextFile], format: format, from: position.offset, lineNumber: position.line,
        findings: position.current)
      nextFile += 1
    }
  }

  /// The current position, between two documents.
  package var position: CorpusPosition {
    var position = CorpusPosition()
    position.file = nextFile
    if let current {
      position.file -= 1
      (position.offset, position.line) = (current.offset, current.lines.lineNumber)
      position.current = current.findings
    }
    (position.finishedBytes, position.splitDocuments) = (finishedBytes, splitDocuments)
    position.shape = shape
    return position
  }

  /// Bytes read from the disk so far.
  package var bytesFromDisk: Int { finishedBytes + (current?.lines.bytesFromDisk ?? 0) }
  /// How often a document was cut because it was too long.
  package var splitDocuments: Int { finishedSplits + (current?.splitDocuments ?? 0) }

  /// The next document that is not empty; nil at the end of the last file.
  /// - Throws: `CorpusError`, `FileError`
  package func next() throws -> Document? {
    try next { Document(text: Array($0), invalidSequences: $1) }
  }

  /// Passes the next document that is not empty to `take`, without copying it.
  /// - Returns: the result of `take`; nil at the end of the last file.
  /// - Throws: `CorpusError`, `FileError`, and what `take` throws.
  func next<Result>(_ take: Taker<Result>) throws -> Result? {
    while true {
      if current == nil {
        guard nextFile < inputs.files.count else { return nil }
        let file = inputs.files[nextFile]
        nextFile += 1
        current = try DocumentReader(file, format: format)
      }
      if let result = try current?.next(take) { return result }
      current?.add(to: &shape)
      finishedBytes = bytesFromDisk
      finishedSplits = splitDocuments
      current = nil
    }
  }
}
