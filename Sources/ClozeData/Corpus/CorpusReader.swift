internal import ClozeCore

/// What one document is in a plain text file.
package enum DocumentBoundary: String, NamedChoice {
  /// Every line that is not blank.
  case lines
  /// Lines up to a blank one, which has nothing but white space.
  case paragraphs
  /// The whole file.
  case files
}

/// How the files of a corpus are read.
package struct CorpusFormat: Sendable {
  package var boundary = DocumentBoundary.paragraphs
  /// The field of a JSON line that holds the text.
  package var field = "text"
  /// The encoding of texts that no byte-order mark announces; nil for UTF-8.
  package var encoding: TextEncoding?
  /// Whether a single invalid byte is an error; otherwise it is counted, and the tokenizer reads it as U+FFFD.
  package var isStrict = false
  /// Whether any number of invalid bytes is no error; otherwise more than 1 in 1,000 bytes of a file is.
  package var isLossy = false
  /// Whether rows of JSON lines that cannot be used are counted and left out; otherwise they are errors.
  package var skipsBadRows = false
  /// Bytes. A longer document is cut in two: after its last line end or, in one endless line, between two characters.
  package var maximumDocumentBytes = 16 << 20

  package init() {}
}

/// A text of the corpus, without the white space around it.
package struct Document: Sendable, Equatable {
  /// UTF-8, which may be invalid.
  package var text: [UInt8]
  package var invalidSequences = 0

  package init(text: [UInt8], invalidSequences: Int = 0) {
    self.text = text
    self.invalidSequences = invalidSequences
  }
}

/// The documents of a corpus, one after another; in memory are one document and one chunk of the file.
package final class CorpusReader {
  /// Takes a document's text, valid for the time of the call, and the number of its invalid sequences.
  typealias Taker<Result> = (_ text: UnsafeBufferPointer<UInt8>, _ invalidSequences: Int) throws -> Result

  private let inputs: CorpusInputs
  private let format: CorpusFormat
  private var nextFile = 0
  private var current: DocumentReader?
  private var finishedBytes = 0
  private var finishedSplits = 0
  /// What the files turned out to be that were read to their end.
  package private(set) var shape = CorpusShape()

  package init(_ inputs: CorpusInputs, format: CorpusFormat) {
    self.inputs = inputs
    self.format = format
  }

  /// Reads what another reader of the same files had before it.
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

  /// Where it stands, between two documents.
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

  /// How many bytes were read from the disk so far.
  package var bytesFromDisk: Int { finishedBytes + (current?.lines.bytesFromDisk ?? 0) }
  /// How often a document was cut because it was too long.
  package var splitDocuments: Int { finishedSplits + (current?.splitDocuments ?? 0) }

  /// The next document that is not empty; nil at the end of the last file.
  /// - Throws: `CorpusError`, `FileError`
  package func next() throws -> Document? {
    try next { Document(text: Array($0), invalidSequences: $1) }
  }

  /// Gives the next document that is not empty to `take`, without a copy of its own: most documents are short.
  /// - Returns: what `take` made of it; nil at the end of the last file.
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
