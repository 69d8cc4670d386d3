package import ClozeCore
package import Foundation

/// A sentence and its translation.
package struct TranslationPair: Sendable, Equatable {
  package var source: String
  package var target: String

  package init(source: String, target: String) {
    self.source = source
    self.target = target
  }
}

/// A file of labelled pairs breaks a rule.
package enum TranslationError: Failure {
  case noTab(path: String, line: Int)
  case severalTabs(path: String, line: Int)
  case emptySide(path: String, line: Int, side: String)
  case invalidUTF8(path: String, line: Int)
  case lineTooLong(path: String, line: Int)
  case unequalLengths(source: String, sourceLines: Int, target: String, targetLines: Int)
  case noPairs(path: String)
  case allTooLong(maximumLength: Int)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .noTab(let path, let line): "\(path):\(line): has no tab; write source<TAB>target"
    case .severalTabs(let path, let line):
      "\(path):\(line): has more than one tab; write source<TAB>target and nothing else"
    case .emptySide(let path, let line, let side):
      "\(path):\(line): has an empty \(side); complete the pair or remove the line"
    case .invalidUTF8(let path, let line): "\(path):\(line): is not valid UTF-8; convert the file with iconv"
    case .lineTooLong(let path, let line):
      "\(path):\(line): is longer than 1 MiB; pairs are sentences, so split it"
    case .unequalLengths(let source, let sourceLines, let target, let targetLines):
      "\(target): has \(targetLines) lines, \(source) has \(sourceLines); give two files of equally many lines"
    case .noPairs(let path): "\(path): holds no pairs; write source<TAB>target, one pair a line"
    case .allTooLong(let maximumLength):
      "maximumLength: no pair fits into \(maximumLength) tokens; choose a larger one"
    }
  }
}

/// Labelled pairs for training a translator: lines of `source<TAB>target`, or line i of two files.
///
/// Spaces and tabs of ASCII around a side go, a byte-order mark and CR before the newline too. All other white space and
/// format characters stay: BLEU and chrF are of the text as it is. A side of white space alone is empty. A blank line is refused like any
/// other line without a tab, except at the end of the file. A line has at most 1 MiB.
package enum TranslationPairs {
  /// Bytes.
  private static let longestLine = 1 << 20

  /// Reads `source<TAB>target` lines.
  /// - Throws: `TranslationError` with file and line, `FileError`
  package static func read(_ url: URL) throws -> [TranslationPair] {
    let lines = try lines(of: url)
    guard !lines.isEmpty else { throw TranslationError.noPairs(path: url.path) }
    return try lines.enumerated().map { index, line in
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count > 1 else { throw TranslationError.noTab(path: url.path, line: index + 1) }
      guard fields.count == 2 else { throw TranslationError.severalTabs(path: url.path, line: index + 1) }
      return TranslationPair(
        source: try side(fields[0], "source", url, index + 1),
        target: try side(fields[1], "target", url, index + 1))
    }
  }

  /// Reads line i of both files as pair i.
  /// - Throws: `TranslationError` with file and line, `FileError`
  package static func read(source: URL, target: URL) throws -> [TranslationPair] {
    let sources = try lines(of: source)
    let targets = try lines(of: target)
    guard sources.count == targets.count else {
      throw TranslationError.unequalLengths(
        source: source.path, sourceLines: sources.count, target: target.path, targetLines: targets.count)
    }
    guard !sources.isEmpty else { throw TranslationError.noPairs(path: source.path) }
    return try zip(sources, targets).enumerated().map { index, lines in
      TranslationPair(
        source: try side(Substring(lines.0), "source", source, index + 1),
        target: try side(Substring(lines.1), "target", target, index + 1))
    }
  }

  private static func lines(of url: URL) throws -> [String] {
    var reader = try LineReader(CorpusInputs.File(plain: url))
    var lines: [String] = []
    var bytes: [UInt8] = []
    var isAtEnd = false
    while !isAtEnd {
      bytes.removeAll(keepingCapacity: true)
      switch try reader.appendLine(to: &bytes, limit: longestLine) {
      case .newline: bytes.removeLast()
      case .limit: throw TranslationError.lineTooLong(path: url.path, line: lines.count + 1)
      case .endOfFile: isAtEnd = true
      }
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw TranslationError.invalidUTF8(path: url.path, line: lines.count + 1)
      }
      lines.append(text)
    }
    // Blank lines at the end are no pairs that lack something.
    while let last = lines.last, last.isEmpty || last == "\r" { lines.removeLast() }
    return lines
  }

  private static func side(_ field: Substring, _ name: String, _ url: URL, _ line: Int) throws -> String {
    // By scalars: with a mark after it, a space is another character.
    func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" || scalar == "\r" }
    let scalars = field.unicodeScalars.drop(while: isSpace)
    let text = scalars.lastIndex { !isSpace($0) }.map { String(scalars[...$0]) } ?? ""
    guard !text.unicodeScalars.allSatisfy(\.properties.isWhitespace) else {
      throw TranslationError.emptySide(path: url.path, line: line, side: name)
    }
    return text
  }
}
