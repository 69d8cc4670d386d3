package import Foundation

/// The lines of standard input or of a file, as many at a time as have come: whoever writes one line and waits for its
/// answer gets it, and whoever sends a file gets full batches.
package struct InputLines {
  private let input: InputText
  private var bytes: [UInt8] = []
  /// Whether the last line ended in CR, to which an LF that comes next belongs.
  private var isAfterCarriageReturn = false
  private var isAtEnd = false
  /// Lines that were no UTF-8.
  package private(set) var repairedLines = 0

  /// - Parameter file: nil for standard input.
  package init(_ file: URL? = nil) { input = InputText(file) }

  /// The next lines, `limit` at most, once there is one; nil at the end.
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

  /// Whether a read would not wait.
  private var isReady: Bool {
    var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 0) > 0
  }
}
