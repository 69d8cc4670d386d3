package import ClozeCore
package import Foundation

/// A sentence and its translation.
package struct TranslationPair: Sendable, Hashable {
  package var source: String
  package var target: String

  package init(source: String, target: String) {
    self.source = source
    self.target = target
  }
}

/// An error in a file of labelled pairs.
package enum TranslationError: Failure {
  case noTab(path: String, line: Int)
  case severalTabs(path: String, line: Int)
  case emptySide(path: String, line: Int, side: String)
  case invalidUTF8(path: String, line: Int)
  case lineTooLong(path: String, line: Int)
  case unequalLengths(source: String, sourceLines: Int, target: String, targetLines: Int)
  case noPairs(path: String)
  case noUsablePairs(path: String, skipped: Int, first: String)
  case noneFits(maximumLength: Int)
  case translationCount(path: String, lines: Int, pairs: String, rows: Int)
  case badTranslation(path: String, line: Int, fault: String)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .noTab(let path, let line):
      "\(path):\(line): has no tab; write source<TAB>target, or leave such rows out with --skip-bad-rows"
    case .severalTabs(let path, let line):
      "\(path):\(line): has more than one tab; write source<TAB>target and nothing else, or leave such rows out with "
        + "--skip-bad-rows"
    case .emptySide(let path, let line, let side):
      "\(path):\(line): has an empty \(side); complete the pair, or leave such rows out with --skip-bad-rows"
    case .invalidUTF8(let path, let line):
      "\(path):\(line): is not valid UTF-8; convert the file with iconv, or leave such rows out with --skip-bad-rows"
    case .lineTooLong(let path, let line):
      "\(path):\(line): is longer than 1 MiB; pairs are sentences, so split it, or leave such rows out with "
        + "--skip-bad-rows"
    case .unequalLengths(let source, let sourceLines, let target, let targetLines):
      "\(target): has \(targetLines) lines, \(source) has \(sourceLines); give two files of equally many lines"
    case .noPairs(let path): "\(path): holds no pairs; write source<TAB>target, one pair a line"
    case .noUsablePairs(let path, let skipped, let first):
      "\(path): holds no pair that can be used, all \(skipped) rows were skipped; the first: \(first)"
    case .noneFits(let maximumLength):
      "maximumLength: no pair has tokens on both sides and fits into \(maximumLength) positions; choose a larger one, or "
        + "a tokenizer of this text"
    case .translationCount(let path, let lines, let pairs, let rows):
      "\(path): has \(Figure.count(lines)) lines, and \(pairs) \(Figure.count(rows)) pairs; write one translation a line, "
        + "in the order of the pairs"
    case .badTranslation(let path, let line, let fault): "\(path):\(line): \(fault)"
    }
  }
}

/// The file or files of labelled pairs.
package enum PairInput: Sendable, Equatable {
  /// Lines of `source<TAB>target`.
  case table(URL)
  /// Line i of both files is pair i.
  case parallel(source: URL, target: URL)

  /// The input that three options name; nil unless they name one table, or two files.
  package init?(table: String?, source: String?, target: String?) {
    switch (table, source, target) {
    case (let table?, nil, nil): self = .table(URL(fileURLWithPath: table))
    case (nil, let source?, let target?):
      self = .parallel(source: URL(fileURLWithPath: source), target: URL(fileURLWithPath: target))
    default: return nil
    }
  }
}

/// Labelled pairs for training a translator, read from files.
///
/// ASCII spaces and tabs at both ends of a side are removed, and so are a byte-order mark and the CR of a CR LF line
/// end. All other white space and format characters stay, since BLEU and chrF compare the unchanged text. A side of
/// white space alone is empty. A blank line is refused like any other line without a tab, except at the end of the
/// file. A line has at most 1 MiB.
package struct TranslationPairs: Sendable {
  package let pairs: [TranslationPair]
  /// The line of each pair, from 1.
  package let lines: [Int]
  /// Rows that cannot be used and were left out, in order.
  package let skipped: [TranslationError]
  /// The name of the file, or of the file of sources, for messages.
  package let path: String

  /// Pairs without a file: pair i is line i + 1.
  package init(_ pairs: [TranslationPair], path: String = "pairs") {
    self.pairs = pairs
    lines = Array(1..<pairs.count + 1)
    skipped = []
    self.path = path
  }

  /// - Parameter skipsBadRows: whether rows that cannot be used are left out and listed in `skipped`, instead of an error.
  ///   Of two files, line i is left out of both.
  /// - Throws: `TranslationError` with file and line, `FileError`
  package init(_ input: PairInput, skipsBadRows: Bool = false) throws {
    let rows: [Result<TranslationPair, TranslationError>]
    switch input {
    case .table(let url):
      path = url.path
      var lines = try Self.lines(of: url)
      // Blank lines at the end are ignored.
      while Self.isBlank(lines.last) { lines.removeLast() }
      rows = lines.enumerated().map { index, line in
        Result { () throws(TranslationError) in try Self.pair(line, path: url.path, number: index + 1) }
      }
    case .parallel(let source, let target):
      path = source.path
      rows = try Self.rows(source: source, target: target)
    }
    var (pairs, lines, skipped): ([TranslationPair], [Int], [TranslationError]) = ([], [], [])
    for (index, row) in rows.enumerated() {
      switch row {
      case .success(let pair):
        pairs.append(pair)
        lines.append(index + 1)
      case .failure(let error):
        guard skipsBadRows else { throw error }
        skipped.append(error)
      }
    }
    guard !rows.isEmpty else { throw TranslationError.noPairs(path: path) }
    if pairs.isEmpty, let first = skipped.first {
      throw TranslationError.noUsablePairs(path: path, skipped: skipped.count, first: "\(first)")
    }
    (self.pairs, self.lines, self.skipped) = (pairs, lines, skipped)
  }

  /// The digest of the pairs in their order.
  package var digest: Digest {
    var builder = DigestBuilder()
    for pair in pairs { builder.update("\(pair.source)\t\(pair.target)\n") }
    return builder.finalize()
  }

  /// A line, or the reason why it cannot be used.
  private typealias Line = Result<String, TranslationError>

  private static func pair(_ line: Line, path: String, number: Int) throws(TranslationError)
    -> TranslationPair
  {
    let fields = try line.get().split(separator: "\t", omittingEmptySubsequences: false)
    guard fields.count > 1 else { throw .noTab(path: path, line: number) }
    guard fields.count == 2 else { throw .severalTabs(path: path, line: number) }
    return TranslationPair(
      source: try side(fields[0], "source", path, number), target: try side(fields[1], "target", path, number)
    )
  }

  private static func rows(source: URL, target: URL) throws -> [Result<TranslationPair, TranslationError>] {
    var sources = try lines(of: source)
    var targets = try lines(of: target)
    // Removed from both files together, or a file that ends with an empty translation would lose its last line.
    while sources.count == targets.count, isBlank(sources.last), isBlank(targets.last) {
      sources.removeLast()
      targets.removeLast()
    }
    guard sources.count == targets.count else {
      throw TranslationError.unequalLengths(
        source: source.path, sourceLines: sources.count, target: target.path, targetLines: targets.count)
    }
    return zip(sources, targets).enumerated().map { index, lines in
      Result { () throws(TranslationError) in
        TranslationPair(
          source: try side(lines.0.get()[...], "source", source.path, index + 1),
          target: try side(lines.1.get()[...], "target", target.path, index + 1))
      }
    }
  }

  private static func isBlank(_ line: Line?) -> Bool {
    if case .success("")? = line { true } else { false }
  }

  private static func lines(of url: URL) throws -> [Line] {
    try RowLines.read(url).enumerated().map { index, line in
      line.mapError {
        switch $0 {
        case .invalidUTF8: .invalidUTF8(path: url.path, line: index + 1)
        case .tooLong: .lineTooLong(path: url.path, line: index + 1)
        }
      }
    }
  }

  private static func side(_ field: Substring, _ name: String, _ path: String, _ line: Int)
    throws(TranslationError) -> String
  {
    let text = field.trimmed
    guard !text.isWhiteSpace else {
      throw .emptySide(path: path, line: line, side: name)
    }
    return text
  }
}
