internal import ClozeCore
package import ClozeText

/// Warns of lines with characters that are unknown to the tokenizer: one warning for each of the first such lines, and
/// a summary at the end.
package struct UnknownLines {
  private static let namedCount = 10

  private let tokenizer: Tokenizer
  private var encoder: TokenEncoder
  private var all = TextLoss()
  private var count = 0

  package init(_ tokenizer: Tokenizer) {
    self.tokenizer = tokenizer
    encoder = TokenEncoder(tokenizer)
  }

  /// - Parameter firstNumber: of the first line, counted from 1.
  package mutating func check(_ lines: [String], firstNumber: Int, warn: (String) -> Void) {
    for (index, line) in lines.enumerated() {
      _ = encoder.encode(line)
      let loss = encoder.takeLoss()
      all += loss
      guard loss.unknownCharacters > 0 else { continue }
      count += 1
      if count <= UnknownLines.namedCount {
        warn("line \(firstNumber + index): \(UnknownText(loss, tokenizer).description)")
      }
    }
  }

  /// One sentence about all lines; nil if every character was known.
  package var summary: String? {
    guard count > 0 else { return nil }
    let unknown = UnknownText(all, tokenizer)
    return
      "\(Figure.count(count)) lines have characters that the model does not know, so what it makes of them "
      + "is a guess: \(unknown.description); \(unknown.adviceForModel)"
  }
}
