package import ClozeCore

/// BERT's tokenization: normalization, splitting into words, WordPiece. The ids are those of Hugging Face's
/// `tokenizers`.
///
/// The value is immutable and shared by all threads. A thread that encodes much text keeps a `TokenEncoder`.
///
/// Source: Devlin et al. 2019, "BERT", section 3, arXiv:1810.04805.
package struct Tokenizer: Sendable {
  package let vocabulary: Vocabulary
  package let normalizer: TextNormalizer
  /// In characters of the normalized text; a longer word becomes `[UNK]`. It is max_input_chars_per_word in
  /// `tokenizers`.
  package let longestWord: Int
  /// The identity of the tokenizer. Tokenizers with equal digests give every text equal ids.
  ///
  /// SHA-256 of the settings and of the tokens in the order of their ids, independent of the file format.
  package let digest: Digest

  let trie: PieceTrie

  /// BERT's limit.
  package static let standardLongestWord = 100
  /// At the upper bound, the buffer for one word has four megabytes.
  package static let longestWordRange = 1...1 << 20

  package init(
    vocabulary: Vocabulary, normalizer: TextNormalizer, longestWord: Int = Tokenizer.standardLongestWord
  ) {
    precondition(
      Tokenizer.longestWordRange.contains(longestWord), "Tokenizer: a longest word of \(longestWord)")
    self.vocabulary = vocabulary
    self.normalizer = normalizer
    self.longestWord = longestWord
    trie = PieceTrie(vocabulary)
    digest = Tokenizer.digest(vocabulary, normalizer, longestWord: longestWord)
  }

  /// The ids of `text`, without `[CLS]` and `[SEP]` around them.
  package func encode(_ text: String, specials: SpecialTokenHandling = .literal) -> [TokenID] {
    var encoder = TokenEncoder(self, specials: specials)
    return encoder.encode(text)
  }

  private static func digest(
    _ vocabulary: Vocabulary, _ normalizer: TextNormalizer, longestWord: Int
  ) -> Digest {
    var description = """
      cloze tokenizer 1
      model: WordPiece
      cleansText: \(normalizer.cleansText)
      isolatesChineseCharacters: \(normalizer.isolatesChineseCharacters)
      stripsAccents: \(normalizer.stripsAccents ?? normalizer.lowercases)
      lowercases: \(normalizer.lowercases)
      tokens: \(vocabulary.count)

      """
    // Only if it is not BERT's, so that tokenizers keep the digests that they had before this setting existed.
    if longestWord != standardLongestWord { description += "longestWord: \(longestWord)\n" }
    // Each token is preceded by its length, so that different lists of tokens have different descriptions.
    for token in vocabulary.tokens { description += "\(token.utf8.count) \(token)\n" }
    for token in vocabulary.added {
      description +=
        "added: \(token.id) piece: \(token.isPiece) normalized: \(token.isNormalized) "
        + "whole: \(token.isWholeWord) special: \(token.isSpecial)\n"
    }
    return Digest(of: description)
  }
}
