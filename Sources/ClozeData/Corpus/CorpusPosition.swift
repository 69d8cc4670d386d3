internal import ClozeCore

/// A position between two documents of a corpus, with the counts of everything before it.
package struct CorpusPosition: Codable, Sendable, Equatable {
  /// The number of the file with the next document, from 0.
  var file = 0
  /// Bytes of this file's text, inflated and converted, before the next document.
  var offset = 0
  /// The number of the next line of this file, from 1.
  var line = 1
  /// Counts of this file before the next document.
  var current = FileFindings()
  /// Bytes on disk of the files before it.
  var finishedBytes = 0
  /// Documents, with duplicates.
  package var documents = 0
  var splitDocuments = 0
  var invalidSequences = 0
  var shape = CorpusShape()

  package init() {}

  /// Whether all numbers are small enough that no computation overflows.
  var isPlausible: Bool {
    [
      file, offset, line, finishedBytes, documents, splitDocuments, invalidSequences, current.documents,
      current.skippedRows,
    ]
    .allSatisfy { (0...1 << 56).contains($0) } && current.invalid.isPlausible && shape.isPlausible
  }
}

/// Counts of one file.
struct FileFindings: Codable, Sendable, Equatable {
  /// Documents; the parts of a document that was cut count as one.
  var documents = 0
  /// Whether the last document was cut, so that the next one continues it.
  var isCut = false
  /// Rows that could not be used, and the error of the first.
  var skippedRows = 0
  var firstSkippedRow = ""
  var invalid = InvalidBytes()
}

/// What reading found out about the files of a corpus.
package struct CorpusShape: Codable, Sendable, Equatable {
  /// By encoding, the number of files that were converted from it.
  package internal(set) var conversions: [String: Int] = [:]
  /// The lines of the files whose documents are paragraphs.
  package internal(set) var paragraphLines = 0
  /// The number of files with `manyLines` lines or more that are one document, because no line is blank.
  package internal(set) var undividedFiles = 0
  /// The first of these files, and the number of its lines.
  package internal(set) var undividedFile = ""
  package internal(set) var undividedLines = 0

  /// Rows of JSON lines that were left out, and the error of the first.
  package internal(set) var skippedRows = 0
  package internal(set) var firstSkippedRow = ""

  /// The warning about skipped rows; nil if there are none.
  package var skippedRowsText: String? {
    switch skippedRows {
    case 0: nil
    case 1: "1 row cannot be used and was left out: \(firstSkippedRow)"
    default:
      "\(Figure.count(skippedRows)) rows cannot be used and were left out; the first: \(firstSkippedRow)"
    }
  }

  /// A file with so many lines is rarely one document.
  package static let manyLines = 100

  var isPlausible: Bool {
    ([undividedFiles, undividedLines, paragraphLines, skippedRows] + conversions.values).allSatisfy {
      (0...1 << 56).contains($0)
    }
  }
}
