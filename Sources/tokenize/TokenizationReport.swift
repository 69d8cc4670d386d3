import ClozeData
import Foundation

/// The table that `tokenize` ends with.
struct TokenizationReport {
  let statistics: CorpusStatistics
  let index: DataIndex
  let folder: URL

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
      ("pieces per word", ratio(tokens, words, digits: 3)),
      ("unigram entropy", String(format: "%.4f nats/token", index.unigramEntropy)),
      ("exact duplicates dropped", "\(statistics.duplicates)"),
      ("documents without tokens dropped", "\(statistics.empty)"),
      ("documents cut at 16 MiB", "\(statistics.splitDocuments)"),
      ("literal special tokens", "\(statistics.tokens.literalSpecials)"),
      ("invalid UTF-8 sequences", "\(statistics.invalidSequences)"),
      ("files converted to UTF-8", conversions),
      ("corpus", index.corpus.short),
      ("output", folder.path),
    ]
    return FigureTable.text(rows)
  }

  private var conversions: String {
    let counts = statistics.shape.conversions.sorted { $0.key < $1.key }
    return counts.isEmpty ? "0" : counts.map { "\($0.value) from \($0.key)" }.joined(separator: ", ")
  }

  private func ratio(_ part: Int, _ whole: Int, digits: Int) -> String {
    whole == 0 ? "-" : String(format: "%.\(digits)f", Double(part) / Double(whole))
  }
}
