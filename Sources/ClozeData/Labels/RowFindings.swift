package import ClozeCore

/// Findings about well-formed labelled rows that affect the figures, one sentence each.
package struct RowFindings: Sendable {
  package private(set) var messages: [String] = []
  /// What a row is called: a pair, a text, a sentence.
  private let noun: String

  package init(of noun: String) { self.noun = noun }

  /// Rows that could not be used.
  package mutating func describeSkippedRows(_ skipped: [some Failure], of path: String) {
    guard let first = skipped.first else { return }
    let rows =
      skipped.count == 1
      ? "1 row cannot be used and was left out"
      : "\(Figure.count(skipped.count)) rows cannot be used and were left out; the first"
    messages.append("\(path): \(rows): \(first)")
  }

  /// - Parameter text: the finding about the samples in these lines.
  package mutating func add(_ path: String, _ lines: [Int], _ text: String) {
    guard let first = lines.first else { return }
    let samples = lines.count == 1 ? "1 \(noun) has" : "\(Figure.count(lines.count)) \(noun)s have"
    messages.append("\(path): \(samples) \(text), the first in line \(first)")
  }

  package mutating func add(_ message: String) { messages.append(message) }

  /// - Throws: `RowFindingsError` if there is any finding.
  package func refuse() throws {
    guard messages.isEmpty else {
      throw RowFindingsError(messages: messages, option: noun == "pair" ? "--strict-pairs" : "--strict")
    }
  }
}

/// Rows with findings, where none were allowed.
package struct RowFindingsError: Failure {
  let messages: [String]
  /// The option that refuses findings.
  let option: String

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    messages.joined(separator: "; ") + "; mend the rows, or leave out \(option)"
  }
}
