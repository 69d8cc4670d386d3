import ClozeCore
import ClozeData
import ClozeText
import Foundation

/// The table at the end of `tokenize`.
struct TokenizationReport {
  let statistics: CorpusStatistics
  let index: DataIndex
  let folder: URL
  let normalizer: TextNormalizer
  /// The entropy of the train split's ordinary tokens, in nats per token.
  let unigramEntropy: Double

  init(statistics: CorpusStatistics, index: DataIndex, folder: URL, normalizer: TextNormalizer) throws {
    self.statistics = statistics
    self.index = index
    self.folder = folder
    self.normalizer = normalizer
    unigramEntropy = try UnigramCounts.ofOrdinaryTokens(in: folder, index: index).entropy
  }

  /// Warnings about text that is lost.
  var warnings: [String] {
    let unknown = index.unknownText.flatMap {
      $0.isWorthAWarning ? "unknown text: \($0.description); \($0.adviceForTokenizing)" : nil
    }
    return (unknown.map { [$0] } ?? []) + longWordWarning + statistics.loss.normalizationWarnings
  }

  /// Cloze reads long words without extra cost; other programs may need much time.
  private var longWordWarning: [String] {
    guard let length = index.unknownText?.longestWord, length > 2000 else { return [] }
    return [
      "longest word: words of up to \(Figure.count(length)) characters are read whole, for which Hugging Face's "
        + "tokenizers needs time that grows with the square of their length; put spaces or line ends between sentences"
    ]
  }

  /// Warnings about what the normalization removes from the text.
  private var lossRows: [(String, String)] {
    var rows: [(String, String)] = []
    if let unknownText = index.unknownText {
      rows.append(("unknown characters", unknownText.description))
      if unknownText.longestWord != Tokenizer.standardLongestWord {
        rows.append(("longest word", "\(Figure.count(unknownText.longestWord)) characters"))
      }
    }
    if normalizer.stripsAccents ?? normalizer.lowercases {
      rows.append(("characters without their marks", Figure.percent(statistics.loss.markShare, 4)))
    }
    if normalizer.lowercases {
      rows.append(("capitals made small", Figure.percent(statistics.loss.caseShare, 4)))
    }
    return rows
  }

  var text: String {
    let (train, held) = (index.train, index.validation)
    let tokens = train.tokens + held.tokens
    let diskBytes = (train.files + held.files).reduce(0) { $0 + $1.size }
    let rawBytes = tokens * index.tokenBits / 8 + 4 * (train.documents + held.documents)
    let words = statistics.tokens.words
    let rows: [(String, String)] = [
      (
        "documents",
        "\(train.documents + held.documents) (train \(train.documents), validation \(held.documents))"
      ),
      ("words", "\(words)"),
      ("tokens", "\(tokens) (train \(train.tokens), validation \(held.tokens))"),
      ("vocabulary", "\(index.vocabularySize) tokens, \(index.tokenizer.short)"),
      ("bytes/token on disk", ratio(diskBytes, tokens, digits: 3)),
      ("bytes/token before compression", ratio(rawBytes, tokens, digits: 3)),
      ("bytes of text/token", ratio(train.bytes + held.bytes, tokens, digits: 3)),
      ("unknown tokens", ratio(100 * statistics.tokens.unknownTokens, tokens, digits: 4) + " %"),
    ]
    let rest: [(String, String)] = [
      ("pieces per word", ratio(tokens, words, digits: 3)),
      ("unigram entropy", String(format: "%.4f nats/token", unigramEntropy)),
      ("exact duplicates dropped", "\(statistics.duplicates)"),
      ("documents without tokens dropped", "\(statistics.empty)"),
      ("documents cut at 16 MiB", "\(statistics.splitDocuments)"),
      ("literal special tokens", "\(statistics.tokens.literalSpecials)"),
      ("invalid UTF-8 sequences", "\(statistics.invalidSequences)"),
      ("files converted to UTF-8", conversions),
      ("corpus", index.corpus.short),
      ("output", folder.path),
    ]
    return FigureTable.text(rows + lossRows + rest)
  }

  private var conversions: String {
    let counts = statistics.shape.conversions.sorted { $0.key < $1.key }
    return counts.isEmpty ? "0" : counts.map { "\($0.value) from \($0.key)" }.joined(separator: ", ")
  }

  private func ratio(_ part: Int, _ whole: Int, digits: Int) -> String {
    whole == 0 ? "-" : String(format: "%.\(digits)f", Double(part) / Double(whole))
  }
}
