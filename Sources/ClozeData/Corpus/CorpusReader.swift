internal import ClozeCore
internal import ClozeText
internal import Foundation

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
  /// Whether invalid UTF-8 is an error; otherwise it is counted, and the tokenizer reads it as U+FFFD.
  package var isStrict = false
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
    if position.offset > 0, nextFile < inputs.files.count {
      current = try DocumentReader(
        inputs.files[nextFile], format: format, from: position.offset, lineNumber: position.line)
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
    }
    (position.finishedBytes, position.splitDocuments) = (finishedBytes, splitDocuments)
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
      finishedBytes = bytesFromDisk
      finishedSplits = splitDocuments
      current = nil
    }
  }
}

/// The documents of one file.
private struct DocumentReader {
  private(set) var lines: LineReader
  private(set) var splitDocuments = 0

  private let file: CorpusInputs.File
  private let format: CorpusFormat
  /// The text of the document that has begun, and the place in the file of its first byte.
  private var text: [UInt8] = []
  private var start: Int
  /// Where in `text` the current line begins.
  private var lineStart = 0

  /// - Parameter offset: where another reader's `offset` was.
  init(_ file: CorpusInputs.File, format: CorpusFormat, from offset: Int = 0, lineNumber: Int = 1) throws {
    self.file = file
    self.format = format
    lines = try LineReader(file, from: offset, lineNumber: lineNumber)
    start = lines.offset
  }

  /// The first byte of the file that is in no document yet. There a line begins or, where a document was cut, its rest;
  /// of that rest no line has ended, so whoever reads on from here makes the same documents.
  var offset: Int { file.isJSONLines ? lines.offset : start }

  mutating func next<Result>(_ take: CorpusReader.Taker<Result>) throws -> Result? {
    file.isJSONLines ? try nextObject(take) : try nextText(take)
  }

  private mutating func nextText<Result>(_ take: CorpusReader.Taker<Result>) throws -> Result? {
    while true {
      switch try lines.appendLine(to: &text, limit: format.maximumDocumentBytes) {
      case .newline:
        let isBoundary =
          switch format.boundary {
          case .lines: true
          case .paragraphs: text[lineStart...].allSatisfy(\.isWhiteSpace)
          case .files: false
          }
        lineStart = text.count
        if isBoundary, let result = try takeDocument(text.count, take) { return result }
      case .limit:
        splitDocuments += 1
        if let result = try takeDocument(placeToCut(), take) { return result }
      case .endOfFile:
        return try takeDocument(text.count, take)
      }
    }
  }

  /// After the last line end or, where there is none, between two characters.
  private func placeToCut() -> Int {
    if lineStart > 0 { return lineStart }
    var place = text.count - 1
    while place > max(0, text.count - 4), text[place] & 0xC0 == 0x80 { place -= 1 }
    return max(1, place)
  }

  /// Takes the first `count` bytes of the text as a document; nil where they are blank. The rest stays.
  private mutating func takeDocument<Result>(_ count: Int, _ take: CorpusReader.Taker<Result>) throws
    -> Result?
  {
    let result = try text.withUnsafeBufferPointer {
      try withDocument(UnsafeBufferPointer(rebasing: $0[..<count]), at: start, take)
    }
    if count == text.count { text.removeAll(keepingCapacity: true) } else { text.removeFirst(count) }
    start += count
    lineStart = max(0, lineStart - count)
    return result
  }

  private mutating func nextObject<Result>(_ take: CorpusReader.Taker<Result>) throws -> Result? {
    while true {
      let number = lines.lineNumber
      text.removeAll(keepingCapacity: true)
      start = lines.offset
      let end = try lines.appendLine(to: &text, limit: format.maximumDocumentBytes)
      if case .limit = end {
        throw CorpusError.lineTooLong(path: file.url.path, line: number, limit: format.maximumDocumentBytes)
      }
      if case .endOfFile = end, text.isEmpty { return nil }
      let line = try text.withUnsafeBufferPointer { text in
        try withDocument(text, at: start) { Document(text: Array($0), invalidSequences: $1) }
      }
      guard let line else { continue }
      let value = try value(of: line, number: number)
      let result = try value.withUnsafeBufferPointer { value in
        try withDocument(value, at: start) { text, _ in try take(text, line.invalidSequences) }
      }
      if let result { return result }
    }
  }

  /// The text of a JSON line. Only the field is kept: what stands beside it may be many times as large as values.
  private func value(of line: Document, number: Int) throws -> [UInt8] {
    // The JSON reader refuses invalid UTF-8, which is to be replaced here.
    let bytes =
      line.invalidSequences == 0 ? line.text : Array(String(decoding: line.text, as: UTF8.self).utf8)
    let text: [UInt8]?
    do {
      text = try bytes.withUnsafeBytes { try JSONReader.read($0) { try fieldText(&$0, number: number) } }
    } catch is JSONSyntaxError {
      throw CorpusError.notAnObject(path: file.url.path, line: number)
    }
    guard let text else {
      throw CorpusError.missingField(path: file.url.path, line: number, field: format.field)
    }
    return text
  }

  /// The text in the field of an object; nil where the field is absent or is no text.
  private func fieldText(_ reader: inout JSONReader, number: Int) throws -> [UInt8]? {
    var isFound = false
    var text: [UInt8]?
    try reader.object { reader, key in
      guard key == format.field else { return try reader.skip() }
      // Readers differ in which of the two they take.
      guard !isFound else {
        throw CorpusError.repeatedField(path: file.url.path, line: number, field: format.field)
      }
      isFound = true
      if try reader.kind() == .string { text = try reader.string { Array($0) } } else { try reader.skip() }
    }
    return text
  }

  /// Gives bytes without the white space around them, checked, to `take`; nil where nothing is left.
  /// - Parameter offset: the place in the file of the first byte.
  private func withDocument<Result>(
    _ bytes: UnsafeBufferPointer<UInt8>, at offset: Int, _ take: CorpusReader.Taker<Result>
  ) throws -> Result? {
    guard let first = bytes.firstIndex(where: { !$0.isWhiteSpace }),
      let last = bytes.lastIndex(where: { !$0.isWhiteSpace })
    else { return nil }
    let text = UnsafeBufferPointer(rebasing: bytes[first...last])
    let validation = UTF8Validation(text)
    if format.isStrict, let invalid = validation.firstInvalidOffset {
      throw CorpusError.invalidUTF8(path: file.url.path, offset: offset + first + invalid)
    }
    return try take(text, validation.invalidSequenceCount)
  }
}

extension UInt8 {
  /// ASCII's white space.
  fileprivate var isWhiteSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
