package import ClozeCore

/// What is odd about labelled rows that are well formed, a sentence each, for a person to read before the figures.
package struct RowFindings: Sendable {
  package private(set) var messages: [String] = []
  /// What a row holds: a pair, a text, a sentence.
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

  /// - Parameter text: what the samples in these lines have.
  package mutating func add(_ path: String, _ lines: [Int], _ text: String) {
    guard let first = lines.first else { return }
    let samples = lines.count == 1 ? "1 \(noun) has" : "\(Figure.count(lines.count)) \(noun)s have"
    messages.append("\(path): \(samples) \(text), the first in line \(first)")
  }

  package mutating func add(_ message: String) { messages.append(message) }

  /// - Throws: `RowFindingsError` where there is anything to say.
  package func refuse() throws {
    guard messages.isEmpty else {
      throw RowFindingsError(messages: messages, option: noun == "pair" ? "--strict-pairs" : "--strict")
    }
  }
}

/// Rows that were to have nothing odd about them have.
package struct RowFindingsError: Failure {
  let messages: [String]
  /// That asked for it.
  let option: String

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    messages.joined(separator: "; ") + "; mend the rows, or leave out \(option)"
  }
}
