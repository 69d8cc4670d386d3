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
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw FileError.writing(path) }
    encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  }

  deinit { close(descriptor) }

  /// Appends `event` as one line of JSON.
  /// - Throws: `FileError`
  package func append(_ event: some Encodable) throws {
    var line = try encoder.encode(event)
    line.append(UInt8(ascii: "\n"))
    let written = line.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    guard written == line.count else { throw FileError.writing(path) }
  }
}
