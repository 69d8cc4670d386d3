internal import ClozeCore
internal import Foundation

/// Why a line of a file of labelled rows cannot be read.
enum LineFault: Error {
  case invalidUTF8
  case tooLong
}

/// The lines of a file of labelled rows, without line ends.
enum RowLines {
  /// The longest line, in bytes.
  static let longest = 1 << 20

  typealias Line = Result<String, LineFault>

  /// - Throws: `CorpusError`, `FileError`
  static func read(_ url: URL) throws -> [Line] {
    var reader = try LineReader(CorpusInputs.File(plain: url))
    var lines: [Line] = []
    var bytes: [UInt8] = []
    var isAtEnd = false
    while !isAtEnd {
      bytes.removeAll(keepingCapacity: true)
      var isTooLong = false
      var end = try reader.appendLine(to: &bytes, limit: longest)
      while case .limit = end {
        isTooLong = true
        bytes.removeAll(keepingCapacity: true)
        end = try reader.appendLine(to: &bytes, limit: longest)
      }
      if case .newline = end { bytes.removeLast() } else { isAtEnd = true }
      // What follows the last line end is a line if it is not empty.
      if isAtEnd, bytes.isEmpty, !isTooLong { break }
      if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
      if isTooLong {
        lines.append(.failure(.tooLong))
      } else {
        lines.append(String(validating: bytes, as: UTF8.self).map(Line.success) ?? .failure(.invalidUTF8))
      }
    }
    return lines
  }
}

extension Substring {
  /// The text without ASCII spaces, tabs and CR at both ends. It compares scalars, since a space with a combining mark
  /// is one `Character`.
  var trimmed: String {
    func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" || scalar == "\r" }
    let scalars = unicodeScalars.drop(while: isSpace)
    return scalars.lastIndex { !isSpace($0) }.map { String(scalars[...$0]) } ?? ""
  }
}

extension String {
  /// Whether the text has no visible character.
  var isWhiteSpace: Bool { unicodeScalars.allSatisfy(\.properties.isWhitespace) }
}
