package import Foundation

/// `metrics.jsonl`: one event a line, appended as it happens.
///
/// A line is written with one `write`, so a reader that follows the file sees whole lines only.
package final class RunLog {
  private let descriptor: Int32
  private let path: String
  private let encoder: JSONEncoder

  /// - Throws: `FileError`
  package init(_ url: URL) throws {
    path = url.path
    (descriptor, _) = try RegularFile.goOn(path, flags: O_WRONLY | O_CREAT | O_APPEND)
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  }

  deinit { close(descriptor) }

  /// Appends `event` as one line of JSON.
  /// - Throws: `FileError`
  package func append(_ event: some Encodable) throws {
    var line = try encoder.encode(event)
    line.append(UInt8(ascii: "\n"))
    let before = lseek(descriptor, 0, SEEK_END)
    var written: Int
    repeat {
      written = line.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    } while written < 0 && errno == EINTR
    guard written == line.count else {
      // Of a disk that filled up in the middle of a line, half a line would spoil the next one.
      let code = written < 0 ? errno : ENOSPC
      if before >= 0 { ftruncate(descriptor, before) }
      throw FileError.writing(path, errno: code)
    }
  }
}
