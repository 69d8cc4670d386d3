/// The index of a token in its vocabulary.
package typealias TokenID = Int32

/// The ids of the five control tokens in one vocabulary. They stand for no text.
///
/// Source: Devlin, Chang, Lee and Toutanova 2019, "BERT", section 3, arXiv:1810.04805.
package struct SpecialTokens: Hashable, Sendable {
  /// `[PAD]`: fills short rows of a padded batch. Cloze has no padding; other programs that read the vocabulary do.
  package let padding: TokenID
  /// `[UNK]`: stands for a word that the vocabulary cannot spell.
  package let unknown: TokenID
  /// `[CLS]`: the first token of every sequence.
  package let classification: TokenID
  /// `[SEP]`: the last token of every segment.
  package let separator: TokenID
  /// `[MASK]`: stands in place of a token that the model has to predict.
  package let mask: TokenID

  /// The texts of the five. A vocabulary that Cloze trains numbers them in this order, from 0.
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

/// What an encoder does if its text contains the letters of a special token, such as `[MASK]`.
package enum SpecialTokenHandling: Sendable {
  /// It emits the token: for prompts that a person writes.
  case recognized
  /// It reads them as ordinary text and counts them: for corpora, so that text cannot inject a `[SEP]`.
  case literal
}

/// Finds special tokens in raw bytes. Each begins with "[" and contains no second "[", so testing at each "[" finds
/// them all, without overlaps.
enum SpecialTokenMatcher {
  private static let spellings = SpecialTokens.texts.map { Array($0.utf8) }

  /// The special token at `offset`: its index in `SpecialTokens.texts` and its length in bytes; nil if there is none.
  static func match(_ utf8: UnsafeBufferPointer<UInt8>, at offset: Int) -> (special: Int, byteCount: Int)? {
    for (special, spelling) in spellings.enumerated() where offset + spelling.count <= utf8.count {
      if spelling.indices.allSatisfy({ utf8[offset + $0] == spelling[$0] }) {
        return (special, spelling.count)
      }
    }
    return nil
  }
}
