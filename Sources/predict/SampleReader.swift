import ClozeCore
import ClozeData
import ClozeEvaluation

/// Turns lines into samples to label.
struct SampleReader {
  /// A sample and its line: the first one, or the last one of a sentence in columns; nil for an empty line.
  struct Item {
    let sample: LabelledSample?
    let line: Int
  }

  private let kind: LabelKind
  private let readsColumns: Bool
  private let skipsBadRows: Bool
  /// The number of texts of a sample in the model's training.
  private let expectedTexts: Int?
  private var sentences = UnlabelledSentences()
  private(set) var lineCount = 0
  private var badLines: [Int] = []
  private var otherTexts: [Int] = []

  init(_ labeller: Labeller, readsColumns: Bool, skipsBadRows: Bool) {
    kind = labeller.kind
    expectedTexts = labeller.textCount
    (self.readsColumns, self.skipsBadRows) = (readsColumns, skipsBadRows)
  }

  /// - Returns: the samples up to the end of the lines, or up to a line that cannot be used; in columns the word of each line that
  ///   was read, empty for a line without one.
  mutating func read(_ lines: [String], isAtEnd: Bool, warn: (String) -> Void) -> (
    samples: [Item], words: [String], error: PredictError?
  ) {
    var (items, read): ([Item], [String]) = ([], [])
    for line in lines {
      lineCount += 1
      if readsColumns {
        guard !UnlabelledSentences.lacksWord(line) else {
          guard skipsBadRows else { return (items, read, .noWord(line: lineCount)) }
          badLines.append(lineCount)
          read.append("")
          continue
        }
        let before = sentences.count
        let sentence = sentences.read(line)
        read.append(sentences.count > before ? UnlabelledSentences.word(of: line) ?? "" : "")
        guard let words = sentence else { continue }
        items.append(Item(sample: LabelledSample(texts: words), line: lineCount))
      } else {
        let texts = self.texts(line)
        guard kind == .tagging || texts.count <= 2 else {
          guard skipsBadRows else { return (items, read, .tooManyTabs(line: lineCount)) }
          badLines.append(lineCount)
          items.append(Item(sample: nil, line: lineCount))
          continue
        }
        if kind == .classification, !texts.isEmpty, let expectedTexts, texts.count != expectedTexts {
          otherTexts.append(lineCount)
        }
        items.append(Item(sample: texts.isEmpty ? nil : LabelledSample(texts: texts), line: lineCount))
      }
    }
    if isAtEnd, let words = sentences.finish() {
      items.append(Item(sample: LabelledSample(texts: words), line: lineCount))
    }
    return (items, read, nil)
  }

  /// The texts or words of a line; empty for an empty line.
  private func texts(_ line: String) -> [String] {
    let scalars = line.unicodeScalars
    switch kind {
    case .classification:
      return scalars.allSatisfy(\.properties.isWhitespace)
        ? [] : scalars.split(separator: "\t", omittingEmptySubsequences: false).map { String($0) }
    case .tagging: return scalars.split(whereSeparator: \.properties.isWhitespace).map { String($0) }
    }
  }

  /// The warnings about all lines, at the end.
  var summaries: [String] {
    func lines(_ numbers: [Int]) -> String {
      numbers.count == 1 ? "1 line has" : "\(Figure.count(numbers.count)) lines have"
    }
    var summaries: [String] = []
    if let first = badLines.first {
      let problem = readsColumns ? "an empty first column and left out" : "more than one tab and no label"
      summaries.append("\(lines(badLines)) \(problem), the first is line \(first)")
    }
    if let first = otherTexts.first, let expectedTexts {
      summaries.append(
        "\(lines(otherTexts)) not \(expectedTexts == 1 ? "one text" : "two texts"), as those that the model was trained "
          + "on, the first is line \(first); the model was not trained for it")
    }
    return summaries
  }
}
