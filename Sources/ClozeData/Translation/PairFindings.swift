package import ClozeCore

/// What is odd about labelled pairs whose rows are well formed, a sentence each, for a person to read before the figures.
package struct PairFindings: Sendable {
  package private(set) var messages: [String] = []

  package init() {}

  /// Rows that could not be used, pairs that were left out, and why.
  package mutating func describe(_ file: TranslationPairs, _ selection: PairSelection, maximumLength: Int) {
    describeSkippedRows(file)
    add(file.path, selection.sourcesWithoutTokens, "a source without tokens (left out)")
    add(file.path, selection.targetsWithoutTokens, "a target without tokens (left out)")
    add(
      file.path, selection.tooLong,
      "a side of more than \(maximumLength) tokens, batch.maximumLength (left out)")
  }

  /// Rows that could not be used.
  package mutating func describeSkippedRows(_ file: TranslationPairs) {
    guard let first = file.skipped.first else { return }
    let rows =
      file.skipped.count == 1
      ? "1 row cannot be used and was left out"
      : "\(Figure.count(file.skipped.count)) rows cannot be used and were left out; the first"
    messages.append("\(file.path): \(rows): \(first)")
  }

  /// Pairs of `file` that are among `training`, which makes scores on them too good.
  package mutating func describeOverlap(of file: TranslationPairs, with training: [TranslationPair]) {
    let pairs = Set(training)
    let sources = Set(training.lazy.map(\.source))
    let shared = zip(file.pairs, file.lines).filter { sources.contains($0.0.source) }
    guard let first = shared.first else { return }
    messages.append(
      "\(file.path): \(Figure.count(shared.count(where: { pairs.contains($0.0) }))) of its "
        + "\(Figure.count(file.pairs.count)) pairs are training pairs as well, and \(Figure.count(shared.count)) have a "
        + "source of the training pairs, the first in line \(first.1); scores on them are too good, take them out of one "
        + "file")
  }

  /// - Parameter text: what the pairs in these lines have.
  package mutating func add(_ path: String, _ lines: [Int], _ text: String) {
    guard let first = lines.first else { return }
    let pairs = lines.count == 1 ? "1 pair has" : "\(Figure.count(lines.count)) pairs have"
    messages.append("\(path): \(pairs) \(text), the first in line \(first)")
  }

  package mutating func add(_ message: String) { messages.append(message) }

  /// - Throws: `PairFindingsError` where there is anything to say.
  package func refuse() throws {
    guard messages.isEmpty else { throw PairFindingsError(messages: messages) }
  }
}

/// Pairs that were to have nothing odd about them have.
package struct PairFindingsError: Failure {
  let messages: [String]

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    messages.joined(separator: "; ") + "; mend the pairs, or leave out --strict-pairs"
  }
}
