import ClozeCLI
import ClozeCore
import ClozeData
import Foundation

/// The output of `--inspect`: the figures of a data folder, or one of its documents as text.
struct InspectionReport {
  let text: String

  /// - Parameter document: the number of the document in the split, from 0.
  /// - Throws: `ShardError`, `TokenizerError`, `VocabularyError`, `FileError`
  init(_ folder: URL, document: Int?, split: Split) throws {
    if let document {
      let dataset = try TokenDataset(folder: folder, split: split)
      let tokens = try dataset.document(document)
      let tokenizer = try dataset.tokenizer()
      let pieces = tokens.map { tokenizer.vocabulary.tokens[Int($0)] }.joined(separator: " ")
      text =
        FigureTable.text([
          ("document", "\(document) of \(dataset.documentCount) in the \(split.rawValue) split"),
          ("tokens", Figure.count(tokens.count)),
          ("pieces", PrintableText.escape(pieces)),
          ("text", PrintableText.escape(tokenizer.decode(tokens))),
        ])
      return
    }
    let (index, identity) = try DataIndex.read(folder: folder)
    let entropy = try UnigramCounts.ofOrdinaryTokens(in: folder, index: index).entropy
    var rows = [
      ("folder", PrintableText.escape(folder.path)),
      ("data", identity.hex),
      ("corpus", index.corpus.hex),
      ("tokenizer", index.tokenizer.hex),
      ("vocabulary", "\(Figure.count(index.vocabularySize)) tokens, \(index.tokenBits) bits each"),
      ("seed", "\(index.seed)"),
      ("validation rate", "\(index.validationRate)"),
      ("unigram entropy", String(format: "%.4f nats/token", entropy)),
    ]
    for split in Split.allCases {
      let part = index[split]
      let frames = part.files.reduce(0) { $0 + $1.frames.count }
      let bytes = part.files.reduce(0) { $0 + $1.size }
      rows += [
        (
          split.rawValue,
          "\(Figure.count(part.documents)) documents, \(Figure.count(part.words)) words, "
            + "\(Figure.count(part.tokens)) tokens, \(Figure.bytes(part.bytes)) of text"
        ),
        (
          "\(split.rawValue) shards",
          "\(part.files.count) with \(Figure.count(frames)) frames, \(Figure.bytes(bytes))"
        ),
      ]
      if !part.quarantine.isEmpty {
        let numbers = part.quarantine.prefix(20).map(String.init).joined(separator: ", ")
        rows.append(
          ("\(split.rawValue) in quarantine", numbers + (part.quarantine.count > 20 ? "…" : "")))
      }
    }
    text = FigureTable.text(rows)
  }
}
