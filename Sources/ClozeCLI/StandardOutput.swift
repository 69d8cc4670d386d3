internal import ClozeCore
internal import Foundation

/// Whoever read the results has closed the pipe, and wants no more of them.
struct ClosedPipeError: Error {}

/// Results go here. A reader that went away, or a full disk, is an error and not a crash.
package enum StandardOutput {
  /// Writes `text`; on a terminal so that none of it is a command to the terminal, into a file or a pipe as it is.
  /// - Throws: `FileError`
  package static func write(_ text: String) throws {
    var text = isatty(STDOUT_FILENO) == 1 ? PrintableText.escape(text, keepsLines: true) : text
    try text.withUTF8 { bytes in
      var written = 0
      while written < bytes.count {
        let count = Foundation.write(
          STDOUT_FILENO, bytes.baseAddress.map { $0 + written }, bytes.count - written)
        if count < 0 {
          if errno == EINTR { continue }
          if errno == EPIPE { throw ClosedPipeError() }
          throw FileError.writing("standard output")
        }
        written += count
      }
    }
  }

  /// Writes `text` and the end of its last line.
  /// - Throws: `FileError`
  package static func writeLine(_ text: String) throws {
    try write(text + "\n")
  }
}
