package import ClozeCore
package import Foundation

/// One text or a pair of texts with a label; or the words of a sentence with a label each.
package struct LabelledSample: Sendable, Hashable {
  /// One text or two; or the words.
  package var texts: [String]
  /// One label, or one for each word; empty for a sample without labels.
  package var labels: [String]

  package init(texts: [String], labels: [String] = []) {
    (self.texts, self.labels) = (texts, labels)
  }
}

/// The labelled samples of a file.
///
/// `classification`: a row is `label<TAB>text` or `label<TAB>text<TAB>text`, all rows alike. `tagging`: CoNLL's
/// columns, the word first and its label last. A blank line or a `-DOCSTART-` line ends a sentence, and a line such as
/// `# text = …` before a sentence is a comment. The first bytes decide the encoding and compression of the file, see
/// `OpenedText`.
package struct LabelledFile: Sendable {
  package let kind: LabelKind
  package let samples: [LabelledSample]
  /// The first line of each sample, from 1; word i of a sentence is in the i-th line after it.
  package let lines: [Int]
  /// Rows that cannot be used and were left out, in order. A sentence with such a row is left out as a whole.
  package let skipped: [LabelError]
  /// For messages.
  package let path: String

  /// Samples without a file: sample i is line i + 1.
  package init(_ kind: LabelKind, _ samples: [LabelledSample], path: String = "samples") {
    (self.kind, self.samples, self.path) = (kind, samples, path)
    lines = Array(1..<samples.count + 1)
    skipped = []
  }

  /// - Parameter skipsBadRows: whether rows that cannot be used are left out and listed in `skipped`, instead of an error.
  /// - Throws: `LabelError` with file and line, `CorpusError`, `FileError`
  package init(_ kind: LabelKind, _ url: URL, skipsBadRows: Bool = false) throws {
    let lines = try RowLines.read(url)
    let rows =
      switch kind {
      case .classification: TextRows.samples(lines, path: url.path)
      case .tagging: TaggedRows.samples(lines, path: url.path)
      }
    var (samples, numbers, skipped): ([LabelledSample], [Int], [LabelError]) = ([], [], [])
    for row in rows {
      switch row.sample {
      case .success(let sample):
        samples.append(sample)
        numbers.append(row.line)
      case .failure(let error):
        guard skipsBadRows else { throw error }
        skipped.append(error)
      }
    }
    guard !samples.isEmpty else {
      guard let first = skipped.first else { throw LabelError.noSamples(path: url.path, kind: kind) }
      throw LabelError.noUsableSamples(path: url.path, skipped: skipped.count, first: "\(first)")
    }
    (self.kind, self.samples, self.lines, self.skipped) = (kind, samples, numbers, skipped)
    path = url.path
  }

  /// The digest of the samples in their order.
  package var digest: Digest {
    var builder = DigestBuilder()
    for sample in samples {
      builder.update((sample.labels + [""] + sample.texts).joined(separator: "\t") + "\n")
    }
    return builder.finalize()
  }

  /// The number of texts of a sample of classification: 1 or 2.
  package var textCount: Int { samples.first?.texts.count ?? 1 }
}

/// A sample or the reason why there is none, with its first line.
struct LabelledRow {
  let sample: Result<LabelledSample, LabelError>
  let line: Int
}

/// An error in a file of labelled samples.
package enum LabelError: Failure {
  case noTab(path: String, line: Int)
  case tooManyColumns(path: String, line: Int)
  case otherTexts(path: String, line: Int, found: Int, expected: Int, first: Int)
  case emptyColumn(path: String, line: Int, column: String)
  case oneColumn(path: String, line: Int)
  /// Of a tagger's row: most likely a row of a classifier, whose last column is a text.
  case labelOfWords(path: String, line: Int)
  case otherColumns(path: String, line: Int, found: Int, expected: Int, first: Int)
  case universalDependencies(path: String, line: Int)
  case invalidUTF8(path: String, line: Int)
  case lineTooLong(path: String, line: Int)
  case noSamples(path: String, kind: LabelKind)
  case noUsableSamples(path: String, skipped: Int, first: String)
  case oneLabel(path: String, label: String)
  case noKnownLabel(path: String, labels: String, known: String)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .noTab(let path, let line):
      "\(path):\(line): has no tab; write label<TAB>text, or label<TAB>text<TAB>text, \(orSkip)"
    case .tooManyColumns(let path, let line):
      "\(path):\(line): has more than two tabs; write label<TAB>text, or label<TAB>text<TAB>text, \(orSkip)"
    case .otherTexts(let path, let line, let found, let expected, let first):
      "\(path):\(line): has \(found) \(found == 1 ? "text" : "texts") behind its label, and line \(first) has "
        + "\(expected); write rows of one kind, \(orSkip)"
    case .emptyColumn(let path, let line, let column):
      "\(path):\(line): has an empty \(column); complete the row, \(orSkip)"
    case .oneColumn(let path, let line):
      "\(path):\(line): has one column; write the word first and its label last, with a tab or a space between, "
        + "and a blank line behind each sentence, \(orSkip)"
    case .labelOfWords(let path, let line):
      "\(path):\(line): has several words where the label of a word is expected; label<TAB>text is for "
        + "classification; for tagging write a word and its label in each line, \(orSkip)"
    case .otherColumns(let path, let line, let found, let expected, let first):
      "\(path):\(line): has \(found) columns, and line \(first) has \(expected); write as many in each row, \(orSkip)"
    case .universalDependencies(let path, let line):
      "\(path):\(line): has the columns of CoNLL-U, whose first is no word and whose last is no label; make two columns "
        + "of it, for word classes with: grep -v '^[0-9]*[-.]' FILE | grep -v '^#' | cut -f 2,4"
    case .invalidUTF8(let path, let line):
      "\(path):\(line): is not valid UTF-8; convert the file with iconv, \(orSkip)"
    case .lineTooLong(let path, let line):
      "\(path):\(line): is longer than 1 MiB; shorten the text, \(orSkip)"
    case .noSamples(let path, .classification):
      "\(path): holds no rows; write label<TAB>text, one text a line"
    case .noSamples(let path, .tagging):
      "\(path): holds no sentences; write a word and its label a line, and a blank line behind each sentence"
    case .noUsableSamples(let path, let skipped, let first):
      "\(path): holds no row that can be used, all \(skipped) were skipped; the first: \(first)"
    case .oneLabel(let path, let label):
      "\(path): has one label only, '\(label)', so there is nothing to tell apart; give rows of two labels or more"
    case .noKnownLabel(let path, let labels, let known):
      "\(path): has no label that the model knows, but \(labels); the model's are \(known); give a file of the same task"
    }
  }

  private var orSkip: String { "or leave such rows out with --skip-bad-rows" }

  init(_ fault: LineFault, path: String, line: Int) {
    switch fault {
    case .invalidUTF8: self = .invalidUTF8(path: path, line: line)
    case .tooLong: self = .lineTooLong(path: path, line: line)
    }
  }
}
