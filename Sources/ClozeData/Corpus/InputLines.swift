package import Foundation

/// Reads lines of standard input or of a file, as many at a time as are available. A program that writes one line and waits
/// gets its answer at once, and a file is read in full batches.
package struct InputLines {
  private let input: InputText
  /// Whether a read may have to wait for the one who writes.
  private let mayWait: Bool
  private var bytes: [UInt8] = []
  /// Whether the last line ended with CR; an LF that follows belongs to it.
  private var isAfterCarriageReturn = false
  private var isAtEnd = false
  /// The number of lines that were not valid UTF-8.
  package private(set) var repairedLines = 0

  /// - Parameter file: nil for standard input.
  package init(_ file: URL? = nil) { (input, mayWait) = (InputText(file), file == nil) }

  /// The next lines, at most `limit`, as soon as there is one; nil at the end.
  /// - Throws: `FileError`, `CorpusError`
  package mutating func next(limit: Int) throws -> [String]? {
    var lines: [String] = []
    var start = 0
    while lines.count < limit {
      if isAfterCarriageReturn, start < bytes.count {
        if bytes[start] == UInt8(ascii: "\n") { start += 1 }
        isAfterCarriageReturn = false
      }
      if let end = bytes[start...].firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") })
      {
        lines.append(line(bytes[start..<end]))
        isAfterCarriageReturn = bytes[end] == UInt8(ascii: "\r")
        start = end + 1
      } else if isAtEnd {
        if start < bytes.count { lines.append(line(bytes[start...])) }
        start = bytes.count
        break
      } else if lines.isEmpty || isReady {
        bytes.removeFirst(start)
        start = 0
        let chunk = try input.next()
        isAtEnd = chunk.isEmpty
        bytes += chunk
      } else {
        break
      }
    }
    bytes.removeFirst(start)
    return lines.isEmpty ? nil : lines
  }

  private mutating func line(_ bytes: ArraySlice<UInt8>) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    repairedLines += 1
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether a read would return at once.
  private var isReady: Bool {
    guard mayWait else { return true }
    var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 0) > 0
  }
}
