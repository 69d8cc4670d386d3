package import Foundation

/// `metrics.jsonl`: one event in each line, appended as it happens.
///
/// A line is written with one `write`, so a reader that follows the file sees whole lines only.
package final class RunLog {
  private let file: FileDescriptor
  private let encoder: JSONEncoder

  /// - Throws: `FileError`
  package init(_ url: URL) throws {
    file = try FileDescriptor(updating: url.path, flags: O_RDWR | O_CREAT | O_APPEND)
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try removeTornLine()
  }

  /// Removes what a machine that lost its power has left of a line, since the next event would be appended to it.
  private func removeTornLine() throws {
    var (whole, offset) = (0, 0)
    try file.visit(0..<file.size()) { bytes in
      if let end = bytes.lastIndex(of: UInt8(ascii: "\n")) { whole = offset + end + 1 }
      offset += bytes.count
    }
    if whole < offset { try file.truncate(to: whole) }
  }

  /// Appends `event` as one line of JSON.
  /// - Throws: `FileError`
  package func append(_ event: some Encodable) throws {
    var line = try encoder.encode(event)
    line.append(UInt8(ascii: "\n"))
    let end = try file.seek()
    do {
      try line.withUnsafeBytes { try file.write($0) }
    } catch {
      // If the disk became full inside a line, the incomplete line is removed, or it would corrupt the next one.
      try? file.truncate(to: end)
      throw error
    }
  }
}
