internal import ClozeCore
internal import Foundation

/// EPIPE on standard output: the reader has closed the pipe, as `head` does.
struct ClosedPipeError: Error {}

/// Writes results to standard output. A closed pipe or a full disk is a Swift error and not a crash.
package enum StandardOutput {
  /// Writes `text`: escaped on a terminal, so that it cannot control it; unchanged into a file or a pipe.
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
          if errno == EAGAIN {
            StandardStreams.waitToWrite(STDOUT_FILENO)
            continue
          }
          if errno == EPIPE { throw ClosedPipeError() }
          throw FileError.writing("standard output")
        }
        written += count
      }
    }
  }

  /// Writes `text` and a line end.
  /// - Throws: `FileError`
  package static func writeLine(_ text: String) throws {
    try write(text + "\n")
  }
}
