package import ClozeText

/// T consecutive positions of the packed stream, which may contain parts of several documents.
package struct TokenWindow: Sendable, Equatable {
  /// The ids, special tokens included: `[T]`.
  package var tokens: [TokenID]
  /// The first position of each document's part: ascending, the first 0. Attention stays within a part, and position
  /// ids count from its beginning.
  package var documentStarts: [Int]

  package init(tokens: [TokenID], documentStarts: [Int]) {
    self.tokens = tokens
    self.documentStarts = documentStarts
  }
}
