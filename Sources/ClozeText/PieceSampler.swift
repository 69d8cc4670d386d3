package import ClozeCore

/// Splits words into other pieces of the vocabulary than the longest ones: where the search for the longest piece finds one, it
/// passes over it with a given probability. It never passes over the shortest piece at a place, usually a single character,
/// since the word could not be spelled otherwise.
///
/// It works on token ids, so the text is not needed again: the pieces of a word together spell the word. What is no word of the
/// vocabulary's pieces, such as `[UNK]`, special and added tokens, stays as it is.
///
/// Source: Hiraoka 2022, "MaxMatch-Dropout: Subword Regularization for WordPiece", section 3, arXiv:2209.04126.
package struct PieceSampler: Sendable {
  private let vocabulary: Vocabulary
  private let trie: PieceTrie
  /// Tokens that are no pieces of words.
  private let kept: Set<TokenID>

  package init(_ tokenizer: Tokenizer) {
    (vocabulary, trie) = (tokenizer.vocabulary, tokenizer.trie)
    let added = vocabulary.added.filter { !$0.isPiece }.map(\.id)
    kept = Set(tokenizer.vocabulary.specials.ids + added)
  }

  /// The tokens of a text with other pieces.
  ///
  /// - Parameters:
  ///   - rate: the probability with which a piece is passed over, in 0 ..< 1. At 0 nothing is drawn, and the tokens are
  ///     returned.
  ///   - random: draws once for each piece that is found and not the shortest at its place.
  package func split(_ tokens: [TokenID], rate: Double, random: inout CounterRandom) -> [TokenID] {
    guard rate > 0 else { return tokens }
    var result: [TokenID] = []
    for word in vocabulary.words(tokens) {
      let pieces = tokens[word]
      result += split(word: pieces, rate: rate, random: &random) ?? Array(pieces)
    }
    return result
  }

  /// Nil if the tokens are not a word's pieces, or the pieces that were drawn lead to a place where none follows.
  private func split(word: ArraySlice<TokenID>, rate: Double, random: inout CounterRandom) -> [TokenID]? {
    guard let first = word.first, !vocabulary.isContinuation[Int(first)], !word.contains(where: kept.contains)
    else { return nil }
    var bytes = Array(vocabulary.tokens[Int(first)].utf8)
    for piece in word.dropFirst() {
      bytes += vocabulary.tokens[Int(piece)].utf8.dropFirst(Vocabulary.continuationPrefix.utf8.count)
    }
    return bytes.withUnsafeBufferPointer { bytes in
      var (pieces, offset, root) = ([TokenID](), 0, PieceTrie.beginning)
      while offset < bytes.count {
        guard
          let piece = trie.longestPiece(
            bytes, from: offset, root: root, passesOver: { random.uniform() < rate })
        else { return nil }
        pieces.append(piece.id)
        offset = piece.end
        guard offset < bytes.count else { break }
        guard let continuation = trie.continuation else { return nil }
        root = continuation
      }
      return pieces
    }
  }
}

extension Vocabulary {
  /// The words of a text: a piece and the continuations after it.
  package func words(_ tokens: [TokenID]) -> [Range<Int>] {
    var words: [Range<Int>] = []
    for position in tokens.indices {
      if isContinuation[Int(tokens[position])], let last = words.last {
        words[words.count - 1] = last.lowerBound..<position + 1
      } else {
        words.append(position..<position + 1)
      }
    }
    return words
  }
}
