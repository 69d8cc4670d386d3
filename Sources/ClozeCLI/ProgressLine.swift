package import ClozeCore
internal import Foundation

/// Progress on standard error: one line that is rewritten on a terminal, and separate lines elsewhere.
package final class ProgressLine {
  private let isQuiet: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var width = 0

  package init(quiet: Bool) {
    isQuiet = quiet
  }

  /// Shows `text` as the line that is rewritten.
  package func update(_ text: String) {
    guard !isQuiet else { return }
    if isTerminal {
      let text = PrintableText.escape(text)
      let padding = String(repeating: " ", count: max(0, width - text.count))
      Console.write("\r" + text + padding)
      width = text.count
    } else {
      Console.error(text)
    }
  }

  /// Prints `text` as a line of its own.
  package func line(_ text: String) {
    guard !isQuiet else { return }
    clear()
    Console.error(text)
  }

  /// Prints a warning, also with --quiet.
  package func warning(_ text: String) {
    clear()
    Console.warning(text)
  }

  /// Shows a message of a run.
  package func show(_ message: ProgressMessage) {
    switch message {
    case .update(let text): update(text)
    case .line(let text): line(text)
    case .warning(let text): warning(text)
    }
  }

  /// Clears the line that is rewritten.
  package func clear() {
    guard isTerminal, width > 0 else { return }
    Console.write("\r" + String(repeating: " ", count: width) + "\r")
    width = 0
  }
}

/// Rows of names and values, with aligned columns.
package struct Table {
  private var rows: [(String, String)]

  package init(_ rows: [(String, String)] = []) {
    self.rows = rows
  }

  package mutating func add(_ name: String, _ value: String) {
    rows.append((name, value))
  }

  package var text: String {
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 }.joined(
      separator: "\n")
  }
  /// Lines of cells in columns, the first to the left and the others, which are numbers, to the right.
  package static func columns(_ lines: [[String]]) -> String {
    let widths = (lines.first ?? []).indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { cells in
      cells.enumerated().map { column, cell in
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + padding : padding + cell
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
