internal import Foundation

/// Cuts a text into lines without ever holding more than one chunk of it. LF, CR LF and CR end a line, and are read as LF.
struct LineReader {
  enum End {
    /// A line's end, for which LF was appended.
    case newline
    /// The room was used up in the middle of a line.
    case limit
    case endOfFile
  }

  /// How many bytes of the text were given out, line ends as they are in the file.
  private(set) var offset: Int
  /// The line that is read next, from 1.
  private(set) var lineNumber: Int
  /// The text as it was opened.
  let text: OpenedText

  private var chunk: [UInt8] = []
  private var position = 0
  /// Where in the chunk the next CR is, `Int.max` where there is none: most texts have none, and are not searched twice.
  private var carriageReturn = Int.max

  var bytesFromDisk: Int { text.source.file.bytesFromDisk }

  /// Reads a file from its beginning, or from the place at which another reader was `offset` bytes into the text and had
  /// line `lineNumber` before it.
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

  /// Appends the rest of the current line to `bytes`, as far as `bytes` may grow to `limit`.
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

  /// After a CR: the LF that belongs to it, which may be the next chunk's first byte.
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
