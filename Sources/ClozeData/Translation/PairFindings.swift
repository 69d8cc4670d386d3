internal import ClozeCore

// Findings about labelled pairs.
extension RowFindings {
  /// Rows that cannot be used, pairs that are left out, and the reasons.
  package mutating func describe(_ file: TranslationPairs, _ selection: PairSelection, maximumLength: Int) {
    describeSkippedRows(file)
    add(file.path, selection.sourcesWithoutTokens, "a source without tokens (left out)")
    add(file.path, selection.targetsWithoutTokens, "a target without tokens (left out)")
    add(
      file.path, selection.tooLong,
      "a side of more than \(maximumLength) tokens, batch.maximumLength (left out)")
  }

  /// Rows that cannot be used.
  package mutating func describeSkippedRows(_ file: TranslationPairs) {
    describeSkippedRows(file.skipped, of: file.path)
  }

  /// Pairs of `file` that are also in `training`, which makes scores on them too high.
  package mutating func describeOverlap(
    of file: TranslationPairs, with training: [TranslationPair], named name: String = "training"
  ) {
    let pairs = Set(training)
    let sources = Set(training.lazy.map(\.source))
    let shared = zip(file.pairs, file.lines).filter { sources.contains($0.0.source) }
    guard let first = shared.first else { return }
    add(
      "\(file.path): \(Figure.count(shared.count(where: { pairs.contains($0.0) }))) of its "
        + "\(Figure.count(file.pairs.count)) pairs are \(name) pairs as well, and \(Figure.count(shared.count)) have a "
        + "source of the \(name) pairs, the first in line \(first.1); scores on them are too good, take them out of one "
        + "file")
  }
}
