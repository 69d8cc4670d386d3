package import ClozeText

/// A run of T positions of the packed stream, which may hold the ends and beginnings of several documents.
package struct TokenWindow: Sendable, Equatable {
  /// Ids, special tokens included: `[T]`.
  package var tokens: [TokenID]
  /// Where in the window each document's piece begins: ascending, the first 0. Attention stays within a piece, and
  /// positions count from its beginning.
  package var documentStarts: [Int]

  package init(tokens: [TokenID], documentStarts: [Int]) {
    self.tokens = tokens
    self.documentStarts = documentStarts
  }
}
