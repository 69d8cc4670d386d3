internal import Foundation

/// Cuts a stream of bytes into lines without ever holding more than one chunk of it.
struct LineReader {
  enum End {
    /// A newline, which was appended too.
    case newline
    /// The room was used up in the middle of a line.
    case limit
    case endOfFile
  }

  /// How many bytes of the stream were given out.
  private(set) var offset: Int
  /// The line that is read next, from 1.
  private(set) var lineNumber: Int
  var bytesFromDisk: Int { source.bytesFromDisk }

  private let source: any ByteSource
  private var chunk: [UInt8]
  private var position = 0

  /// Reads a file from its beginning, or from the place at which another reader was `offset` bytes into the file and had
  /// line `lineNumber` before it.
  /// - Throws: `CorpusError`, `FileError`
  init(_ file: CorpusInputs.File, from offset: Int = 0, lineNumber: Int = 1) throws {
    (source, chunk) = try file.open(from: offset)
    self.offset = offset
    self.lineNumber = lineNumber
    if offset == 0 { try skipByteOrderMark() }
  }

  /// Appends the rest of the current line to `bytes`, as far as `bytes` may grow to `limit`.
  mutating func appendLine(to bytes: inout [UInt8], limit: Int) throws -> End {
    while true {
      if position == chunk.count {
        chunk = try source.next()
        position = 0
        if chunk.isEmpty { return .endOfFile }
      }
      let room = limit - bytes.count
      let (taken, isLine) = chunk.withUnsafeBytes { chunk in
        let rest = UnsafeRawBufferPointer(rebasing: chunk[position...].prefix(room))
        guard let base = rest.baseAddress, let found = memchr(base, 10, rest.count) else {
          return (rest.count, false)
        }
        return (UnsafeRawPointer(found) - base + 1, true)
      }
      bytes += chunk[position..<position + taken]
      position += taken
      offset += taken
      if isLine {
        lineNumber += 1
        return .newline
      }
      if bytes.count >= limit { return .limit }
    }
  }

  /// Steps over a byte-order mark, which some programs put at the beginning of UTF-8.
  private mutating func skipByteOrderMark() throws {
    if chunk.isEmpty { chunk = try source.next() }
    if chunk.starts(with: [0xEF, 0xBB, 0xBF]) {
      position = 3
      offset = 3
    }
  }
}
