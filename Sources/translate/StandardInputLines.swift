import ClozeCore
import Foundation

/// The lines of standard input, as many at a time as have come: whoever writes one line and waits for its translation
/// gets it, and whoever sends a file gets full batches.
struct StandardInputLines {
  private var bytes: [UInt8] = []
  private var isAtEnd = false
  /// Lines that were no UTF-8.
  private(set) var repairedLines = 0

  /// The next lines, `limit` at most, once there is one; nil at the end.
  /// - Throws: `FileError`
  mutating func next(limit: Int) throws -> [String]? {
    var lines: [String] = []
    var start = 0
    while lines.count < limit {
      if let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
        lines.append(line(bytes[start..<end]))
        start = end + 1
      } else if isAtEnd {
        if start < bytes.count { lines.append(line(bytes[start...])) }
        start = bytes.count
        break
      } else if lines.isEmpty || isReady {
        bytes.removeFirst(start)
        start = 0
        try read()
      } else {
        break
      }
    }
    bytes.removeFirst(start)
    return lines.isEmpty ? nil : lines
  }

  private mutating func line(_ bytes: ArraySlice<UInt8>) -> String {
    let bytes = bytes.last == UInt8(ascii: "\r") ? bytes.dropLast() : bytes
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    repairedLines += 1
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether a read would not wait.
  private var isReady: Bool {
    var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    return poll(&descriptor, 1, 0) > 0
  }

  private mutating func read() throws {
    let size = 1 << 16
    var failure: Int32 = 0
    let chunk = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      var status: Int
      repeat {
        status = Foundation.read(STDIN_FILENO, buffer.baseAddress, size)
      } while status < 0 && errno == EINTR
      if status < 0 { failure = errno }
      count = max(0, status)
    }
    guard failure == 0 else { throw FileError.reading("standard input", errno: failure) }
    isAtEnd = chunk.isEmpty
    bytes += chunk
  }
}
