/// The number of a token in its vocabulary.
package typealias TokenID = Int32

/// The five tokens that stand for no text, and their ids in one vocabulary.
///
/// Source: Devlin, Chang, Lee and Toutanova 2019, "BERT", section 3, arXiv:1810.04805.
package struct SpecialTokens: Hashable, Sendable {
  /// Fills a batch's short rows.
  package let padding: TokenID
  /// Stands for a word that the vocabulary cannot spell.
  package let unknown: TokenID
  /// Begins every input; its state stands for the whole.
  package let classification: TokenID
  /// Ends every segment.
  package let separator: TokenID
  /// Hides a token that the model is to predict.
  package let mask: TokenID

  /// How the five are written, in the order in which a vocabulary trained here numbers them.
  package static let texts = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

  /// The ids of the five, in the order of `texts`.
  package var ids: [TokenID] { [padding, unknown, classification, separator, mask] }

  /// - Parameter ids: the ids of the five, in the order of `texts`.
  init(ids: [TokenID]) {
    precondition(ids.count == SpecialTokens.texts.count, "SpecialTokens: \(ids.count) ids")
    padding = ids[0]
    unknown = ids[1]
    classification = ids[2]
    separator = ids[3]
    mask = ids[4]
  }
}

/// What an encoder does where its text spells a special token, such as `[MASK]`.
package enum SpecialTokenHandling: Sendable {
  /// The text means the token: for prompts that a person writes.
  case recognized
  /// The text is plain text, and counted: for corpora, in which nobody may slip a `[SEP]` to the model.
  case literal
}

/// Finds where raw bytes spell a special token. Every one begins with "[" and holds no second one, so a look at each
/// "[" finds them all and no two overlap.
enum SpecialTokenMatcher {
  private static let spellings = SpecialTokens.texts.map { Array($0.utf8) }

  /// The index in `SpecialTokens.texts`, and the length in bytes, of the special token at `offset`.
  static func match(_ utf8: UnsafeBufferPointer<UInt8>, at offset: Int) -> (special: Int, byteCount: Int)? {
    for (special, spelling) in spellings.enumerated() where offset + spelling.count <= utf8.count {
      if spelling.indices.allSatisfy({ utf8[offset + $0] == spelling[$0] }) {
        return (special, spelling.count)
      }
    }
    return nil
  }
}
