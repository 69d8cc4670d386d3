internal import Foundation

/// Splits a text into lines, with one chunk in memory. LF, CR LF and CR end a line, and are read as LF.
struct LineReader {
  enum End {
    /// The end of a line; LF was appended.
    case newline
    /// The limit was reached inside a line.
    case limit
    case endOfFile
  }

  /// Bytes of the text returned so far, counted with the line ends of the file.
  private(set) var offset: Int
  /// The number of the next line, from 1.
  private(set) var lineNumber: Int
  /// The opened text.
  let text: OpenedText

  private var chunk: [UInt8] = []
  private var position = 0
  /// The index of the next CR in the chunk; `Int.max` if there is none, so that a chunk is searched once.
  private var carriageReturn = Int.max

  var bytesFromDisk: Int { text.source.file.bytesFromDisk }

  /// Reads a file from its beginning, or from the `offset` and `lineNumber` of another reader.
  /// - Throws: `CorpusError`, `FileError`
  init(
    _ file: CorpusInputs.File, encoding: TextEncoding? = nil, from offset: Int = 0, lineNumber: Int = 1
  ) throws {
    var text = try file.open(encoding: encoding)
    if offset > 0 { try text.skip(to: offset) }
    (self.text, self.lineNumber) = (text, lineNumber)
    (self.offset, chunk) = (text.offset, text.chunk)
    findCarriageReturn()
  }

  /// Appends the rest of the current line to `bytes`, until `bytes` has `limit` bytes.
  mutating func appendLine(to bytes: inout [UInt8], limit: Int) throws -> End {
    while true {
      if position == chunk.count {
        try nextChunk()
        if chunk.isEmpty { return .endOfFile }
      }
      let end = position + min(limit - bytes.count, chunk.count - position)
      let (stop, isFound) =
        index(of: 0x0A, in: position..<min(end, carriageReturn)).map { ($0, true) } ?? (end, false)
      if !isFound, carriageReturn < end {
        bytes += chunk[position..<carriageReturn]
        bytes.append(0x0A)
        advance(to: carriageReturn + 1)
        try skipLineFeed()
        lineNumber += 1
        return .newline
      }
      bytes += chunk[position..<(isFound ? stop + 1 : stop)]
      advance(to: isFound ? stop + 1 : stop)
      if isFound {
        lineNumber += 1
        return .newline
      }
      if bytes.count >= limit { return .limit }
    }
  }

  private mutating func advance(to place: Int) {
    offset += place - position
    position = place
  }

  /// After a CR: skips the LF that belongs to it, which may be the first byte of the next chunk.
  private mutating func skipLineFeed() throws {
    if position == chunk.count { try nextChunk() }
    if position < chunk.count, chunk[position] == 0x0A { advance(to: position + 1) }
    findCarriageReturn()
  }

  private mutating func nextChunk() throws {
    chunk = try text.source.next()
    position = 0
    findCarriageReturn()
  }

  private mutating func findCarriageReturn() {
    carriageReturn = index(of: 0x0D, in: position..<chunk.count) ?? Int.max
  }

  private func index(of byte: UInt8, in range: Range<Int>) -> Int? {
    chunk.withUnsafeBytes { chunk in
      let part = UnsafeRawBufferPointer(rebasing: chunk[range])
      guard let base = part.baseAddress, let found = memchr(base, Int32(byte), part.count) else { return nil }
      return range.lowerBound + (UnsafeRawPointer(found) - base)
    }
  }
}
