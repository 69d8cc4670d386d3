internal import ClozeCore

/// A place between two documents of a corpus, and what was met before it.
package struct CorpusPosition: Codable, Sendable, Equatable {
  /// The file that the next document is in, counted from 0.
  var file = 0
  /// Bytes of that file's text, inflated and converted, before the next document.
  var offset = 0
  /// The line of that file that is read next, from 1.
  var line = 1
  /// What was met in that file before the next document.
  var current = FileFindings()
  /// Bytes on disk of the files before it.
  var finishedBytes = 0
  /// Documents, duplicates too.
  package var documents = 0
  var splitDocuments = 0
  var invalidSequences = 0
  var shape = CorpusShape()

  package init() {}

  /// Whether the numbers are such that nothing that is done with them overflows.
  var isPlausible: Bool {
    [
      file, offset, line, finishedBytes, documents, splitDocuments, invalidSequences, current.documents,
      current.skippedRows,
    ]
    .allSatisfy { (0...1 << 56).contains($0) } && current.invalid.isPlausible && shape.isPlausible
  }
}

/// What was met in a file.
struct FileFindings: Codable, Sendable, Equatable {
  /// Documents, the parts of one that was cut counted as one.
  var documents = 0
  /// Whether the last document was cut, so that the next is another part of it.
  var isCut = false
  /// Rows that could not be used, and why the first of them.
  var skippedRows = 0
  var firstSkippedRow = ""
  var invalid = InvalidBytes()
}

/// What the files of a corpus turned out to be.
package struct CorpusShape: Codable, Sendable, Equatable {
  /// How many files were converted from which encoding.
  package internal(set) var conversions: [String: Int] = [:]
  /// The lines of the files whose documents are paragraphs.
  package internal(set) var paragraphLines = 0
  /// How many files of `manyLines` lines or more were one document each, since no line of them is blank.
  package internal(set) var undividedFiles = 0
  /// The first of these files, and how many lines it has.
  package internal(set) var undividedFile = ""
  package internal(set) var undividedLines = 0

  /// Rows of JSON lines that could not be used and were left out, and why the first of them.
  package internal(set) var skippedRows = 0
  package internal(set) var firstSkippedRow = ""

  /// What a person should hear of skipped rows; nil where there are none.
  package var skippedRowsText: String? {
    switch skippedRows {
    case 0: nil
    case 1: "1 row cannot be used and was left out: \(firstSkippedRow)"
    default:
      "\(Figure.count(skippedRows)) rows cannot be used and were left out; the first: \(firstSkippedRow)"
    }
  }

  /// So many lines are rarely one document.
  package static let manyLines = 100

  var isPlausible: Bool {
    ([undividedFiles, undividedLines, paragraphLines, skippedRows] + conversions.values).allSatisfy {
      (0...1 << 56).contains($0)
    }
  }
}
