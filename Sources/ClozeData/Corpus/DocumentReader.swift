internal import ClozeCore
internal import ClozeText

/// Reads the documents of one file.
struct DocumentReader {
  private(set) var lines: LineReader
  private(set) var splitDocuments = 0

  private let format: CorpusFormat
  private let isJSONLines: Bool
  private(set) var findings: FileFindings
  /// A sample of invalid lines, for guessing the encoding.
  private var invalidSample: [UInt8] = []
  /// The text of the current document, and the offset of its first byte in the file.
  private var text: [UInt8] = []
  private var start: Int
  /// The beginning of the current line, in `text` and in the file.
  private var lineStart = 0
  private var lineOffset: Int
  /// The number of invalid sequences in `text`.
  private var invalidSequences = 0

  private var name: String { lines.text.source.file.name }

  /// - Parameters:
  ///   - offset: the `offset` of another reader, with its `findings`.
  /// - Throws: `CorpusError`, `FileError`
  init(
    _ file: CorpusInputs.File, format: CorpusFormat, from offset: Int = 0, lineNumber: Int = 1,
    findings: FileFindings = .init()
  ) throws {
    self.format = format
    self.findings = findings
    lines = try LineReader(file, encoding: format.encoding, from: offset, lineNumber: lineNumber)
    isJSONLines = file.isJSONLines(lines.text)
    start = lines.offset
    lineOffset = lines.offset
  }

  /// The first byte of the file that is in no document yet. A line begins there or, if a document was cut, the rest of
  /// a line. A reader that starts here finds the same documents.
  var offset: Int { isJSONLines ? lines.offset : start }

  /// Adds what was found out about the file, after it was read.
  func add(to shape: inout CorpusShape) {
    if let encoding = lines.text.conversion?.name { shape.conversions[encoding, default: 0] += 1 }
    if shape.skippedRows == 0 { shape.firstSkippedRow = findings.firstSkippedRow }
    shape.skippedRows += findings.skippedRows
    guard !isJSONLines, format.boundary == .paragraphs else { return }
    let lineCount = lines.lineNumber - 1
    shape.paragraphLines += lineCount
    if findings.documents == 1, lineCount >= CorpusShape.manyLines {
      if shape.undividedFiles == 0 { (shape.undividedFile, shape.undividedLines) = (name, lineCount) }
      shape.undividedFiles += 1
    }
  }

  mutating func next<Result>(_ take: CorpusReader.Taker<Result>) throws -> Result? {
    isJSONLines ? try nextObject(take) : try nextText(take)
  }

  private mutating func nextText<Result>(_ take: CorpusReader.Taker<Result>) throws -> Result? {
    while true {
      switch try lines.appendLine(to: &text, limit: format.maximumDocumentBytes) {
      case .newline:
        try validate(lineStart..<text.count)
        let isBoundary =
          switch format.boundary {
          case .lines: true
          case .paragraphs: text[lineStart...].isBlank
          case .files: false
          }
        let end = isBoundary && format.boundary == .paragraphs ? lineStart : text.count
        (lineStart, lineOffset) = (text.count, lines.offset)
        if isBoundary, let result = try takeDocument(text.count, end: end, take) { return result }
      case .limit:
        splitDocuments += 1
        if lineStart == 0 {
          let place = placeToCut()
          try validate(0..<place)
          lineOffset += place
          lineStart = place
        }
        let result = try takeDocument(lineStart, take)
        findings.isCut = true
        if let result { return result }
      case .endOfFile:
        try validate(lineStart..<text.count)
        (lineStart, lineOffset) = (text.count, lines.offset)
        if !text.isEmpty, let result = try takeDocument(text.count, take) { return result }
        if !format.isLossy {
          try findings.invalid.check(lines.text, byteCount: lines.offset, sample: invalidSample)
        }
        return nil
      }
    }
  }

  /// A position between two characters of a line that is longer than a document may be.
  private func placeToCut() -> Int {
    var place = text.count - 1
    while place > max(0, text.count - 4), text[place] & 0xC0 == 0x80 { place -= 1 }
    return max(1, place)
  }

  /// Passes the first `count` bytes of the text as a document to `take`; nil if they are blank. They end at the end of
  /// a line or of its validated part. The rest stays in `text`.
  /// - Parameter end: where a blank line begins that ends the document; nil if none does.
  private mutating func takeDocument<Result>(
    _ count: Int, end: Int? = nil, _ take: CorpusReader.Taker<Result>
  ) throws -> Result? {
    let invalidSequences = invalidSequences
    let result = try text.withUnsafeBufferPointer { text -> Result? in
      guard let part = UnsafeBufferPointer(rebasing: text[..<(end ?? count)]).withoutWhiteSpace else {
        return nil
      }
      return try take(part, invalidSequences)
    }
    if result != nil, !findings.isCut { findings.documents += 1 }
    findings.isCut = false
    self.invalidSequences = 0
    if count == text.count { text.removeAll(keepingCapacity: true) } else { text.removeFirst(count) }
    (start, lineStart) = (lineOffset, 0)
    return result
  }

  /// Counts invalid bytes in a part of the current line.
  private mutating func validate(_ range: Range<Int>) throws {
    let validation = text.withUnsafeBufferPointer { UTF8Validation(UnsafeBufferPointer(rebasing: $0[range])) }
    guard let invalid = validation.firstInvalidOffset else { return }
    guard !format.isStrict else {
      throw CorpusError.invalidText(lines.text.invalidPlace(lineOffset + invalid))
    }
    invalidSequences += validation.invalidSequenceCount
    findings.invalid.add(validation, at: lineOffset)
    if invalidSample.count < 1 << 12 { invalidSample += text[range].prefix(1 << 12) }
    // An early check is possible if the length of the text is known, or if enough was read.
    let byteCount = lines.text.byteCount ?? (lines.offset >= 1 << 24 ? lines.offset : Int.max)
    if !format.isLossy { try findings.invalid.check(lines.text, byteCount: byteCount, sample: invalidSample) }
  }

  private mutating func nextObject<Result>(_ take: CorpusReader.Taker<Result>) throws -> Result? {
    while true {
      let number = lines.lineNumber
      text.removeAll(keepingCapacity: true)
      (lineOffset, invalidSequences) = (lines.offset, 0)
      let end = try lines.appendLine(to: &text, limit: format.maximumDocumentBytes)
      if case .limit = end {
        try skip(CorpusError.lineTooLong(path: name, line: number, limit: format.maximumDocumentBytes))
        try skipLine()
        continue
      }
      try validate(0..<text.count)
      if case .endOfFile = end, text.isEmpty {
        if !format.isLossy {
          try findings.invalid.check(lines.text, byteCount: lines.offset, sample: invalidSample)
        }
        return nil
      }
      if text.last == 0x0A { text.removeLast() }
      guard text.contains(where: { !$0.isWhiteSpace }) else { continue }
      let value: [UInt8]
      do {
        value = try self.value(ofLine: number)
      } catch let error as CorpusError {
        try skip(error)
        continue
      }
      let result = try value.withUnsafeBufferPointer { value -> Result? in
        // A row without text is a document without tokens, so that it is counted.
        try take(value.withoutWhiteSpace ?? UnsafeBufferPointer(rebasing: value[..<0]), invalidSequences)
      }
      if let result { return result }
    }
  }

  /// Counts a row that cannot be used, or throws its error.
  private mutating func skip(_ error: CorpusError) throws {
    guard format.skipsBadRows else { throw error }
    if findings.skippedRows == 0 { findings.firstSkippedRow = "\(error)" }
    findings.skippedRows += 1
  }

  /// Skips the rest of the current line.
  private mutating func skipLine() throws {
    var end = LineReader.End.limit
    while case .limit = end {
      text.removeAll(keepingCapacity: true)
      end = try lines.appendLine(to: &text, limit: format.maximumDocumentBytes)
    }
  }

  /// The text of the JSON line. Only the field is stored, since the other values may be much larger.
  private func value(ofLine number: Int) throws -> [UInt8] {
    // The JSON reader refuses invalid UTF-8, so it is replaced first.
    let bytes = invalidSequences == 0 ? text : Array(String(decoding: text, as: UTF8.self).utf8)
    let value: [UInt8]?
    do {
      value = try bytes.withUnsafeBytes { try JSONReader.read($0) { try fieldText(&$0, number: number) } }
    } catch let error as JSONSyntaxError {
      let column = String(decoding: bytes.prefix(error.offset), as: UTF8.self).unicodeScalars.count + 1
      throw CorpusError.malformedObject(path: name, line: number, column: column, reason: error.reason)
    }
    guard let value else {
      throw CorpusError.missingField(path: name, line: number, field: format.field)
    }
    return value
  }

  /// The text in the field of an object; nil if the field is absent or is not a string.
  private func fieldText(_ reader: inout JSONReader, number: Int) throws -> [UInt8]? {
    var isFound = false
    var text: [UInt8]?
    let kind = try reader.kind()
    guard kind == .object else {
      // Throws a syntax error first, if it is not JSON.
      try reader.skip()
      throw CorpusError.notAnObject(path: name, line: number, kind: kind.name)
    }
    try reader.object { reader, key in
      guard key == format.field else { return try reader.skip() }
      // Programs differ in which of the two they read.
      guard !isFound else {
        throw CorpusError.repeatedField(path: name, line: number, field: format.field)
      }
      isFound = true
      if try reader.kind() == .string { text = try reader.string { Array($0) } } else { try reader.skip() }
    }
    return text
  }
}

extension ArraySlice<UInt8> {
  /// Whether a line has nothing but white space, Unicode's included.
  fileprivate var isBlank: Bool {
    var rest = self
    while let first = rest.first {
      // White space beyond ASCII has two bytes after C2 (U+0085, U+00A0), or three after E1, E2 or E3.
      let length = first.isWhiteSpace ? 1 : first == 0xC2 ? 2 : (0xE1...0xE3).contains(first) ? 3 : 0
      guard length > 0,
        let scalar = String(validating: rest.prefix(length), as: UTF8.self)?.unicodeScalars.first,
        scalar.properties.isWhitespace
      else { return false }
      rest.removeFirst(length)
    }
    return true
  }
}

extension JSONReader.Kind {
  fileprivate var name: String {
    switch self {
    case .null: "null"
    case .boolean: "true or false"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

extension UnsafeBufferPointer<UInt8> {
  /// The bytes without white space at both ends; nil if nothing is left.
  fileprivate var withoutWhiteSpace: Self? {
    guard let first = firstIndex(where: { !$0.isWhiteSpace }),
      let last = lastIndex(where: { !$0.isWhiteSpace })
    else { return nil }
    return UnsafeBufferPointer(rebasing: self[first...last])
  }
}
