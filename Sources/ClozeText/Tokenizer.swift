package import ClozeCore

/// BERT's tokenization: normalization, words, WordPiece; id for id what Hugging Face's `tokenizers` gives.
///
/// The value is immutable and is shared by all threads; each thread that encodes much text keeps a `TokenEncoder`.
///
/// Source: Devlin et al. 2019, "BERT", section 3, arXiv:1810.04805.
package struct Tokenizer: Sendable {
  package let vocabulary: Vocabulary
  package let normalizer: TextNormalizer
  /// The identity of the tokenizer: equal where every text gets equal ids.
  ///
  /// SHA-256 of the normalizer's settings and of the tokens in the order of their ids, whatever file they came from.
  package let digest: Digest

  let trie: PieceTrie

  package init(vocabulary: Vocabulary, normalizer: TextNormalizer) {
    self.vocabulary = vocabulary
    self.normalizer = normalizer
    trie = PieceTrie(vocabulary)
    digest = Tokenizer.digest(vocabulary, normalizer)
  }

  /// The ids of `text`, without `[CLS]` and `[SEP]` around them.
  package func encode(_ text: String, specials: SpecialTokenHandling = .literal) -> [TokenID] {
    var encoder = TokenEncoder(self, specials: specials)
    return encoder.encode(text)
  }

  private static func digest(_ vocabulary: Vocabulary, _ normalizer: TextNormalizer) -> Digest {
    var description = """
      cloze tokenizer 1
      model: WordPiece
      cleansText: \(normalizer.cleansText)
      isolatesChineseCharacters: \(normalizer.isolatesChineseCharacters)
      stripsAccents: \(normalizer.stripsAccents ?? normalizer.lowercases)
      lowercases: \(normalizer.lowercases)
      tokens: \(vocabulary.count)

      """
    // Each token's length goes before it, so that no two lists of tokens have one description.
    for token in vocabulary.tokens { description += "\(token.utf8.count) \(token)\n" }
    for token in vocabulary.added {
      description +=
        "added: \(token.id) piece: \(token.isPiece) normalized: \(token.isNormalized) "
        + "whole: \(token.isWholeWord) special: \(token.isSpecial)\n"
    }
    return Digest(of: description)
  }
}
