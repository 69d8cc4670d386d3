/// Maps the tokens of one tokenizer to those of another: to the same tokens under other ids, or to the pieces that
/// spell them.
package struct VocabularyExtension: Sendable {
  /// For each token of the new vocabulary: the old token of the same text, or the old pieces that spell it; empty if
  /// the old vocabulary has none of them.
  package let sources: [[TokenID]]
  /// The old tokens that the new vocabulary does not have.
  package let lost: [String]
  /// The new tokens, and those of them that no old piece spells.
  package let newCount: Int
  package let unspelledCount: Int

  package init(from old: Tokenizer, to new: Tokenizer) {
    let added = Set(new.vocabulary.added.filter { !$0.isPiece }.map(\.id))
    var isNew: [Bool] = []
    sources = new.vocabulary.tokens.enumerated().map { id, token in
      let same = old.vocabulary.id(of: token)
      isNew.append(same == nil)
      if let same { return [same] }
      // An added token may be any text and has to be encoded; a piece is normalized already.
      return added.contains(TokenID(id))
        ? old.encode(token).filter { $0 != old.vocabulary.specials.unknown }
        : old.pieces(spelling: token, isContinuation: new.vocabulary.isContinuation[id])
    }
    lost = old.vocabulary.tokens.filter { new.vocabulary.id(of: $0) == nil }
    newCount = isNew.count { $0 }
    unspelledCount = sources.count { $0.isEmpty }
  }
}

extension Tokenizer {
  /// The longest pieces from the left that spell a piece of another vocabulary. A character that no piece spells is
  /// skipped.
  fileprivate func pieces(spelling token: String, isContinuation: Bool) -> [TokenID] {
    let text = Array(token.utf8.dropFirst(isContinuation ? Vocabulary.continuationPrefix.utf8.count : 0))
    return text.withUnsafeBufferPointer { text in
      var pieces: [TokenID] = []
      var offset = 0
      while offset < text.count {
        let isInside = isContinuation || offset > 0
        // If a character has only the other form (at the beginning of a word, or inside), that form is used.
        let roots = [
          isInside ? trie.continuation : PieceTrie.beginning,
          isInside ? PieceTrie.beginning : trie.continuation,
        ]
        let found = roots.lazy.compactMap { root in
          root.flatMap { trie.longestPiece(text, from: offset, root: $0) }
        }.first
        if let found {
          pieces.append(found.id)
          offset = found.end
        } else {
          repeat { offset += 1 } while offset < text.count && text[offset] & 0xC0 == 0x80
        }
      }
      return pieces
    }
  }
}

extension Tokenizer {
  /// The same tokenizer with further pieces, which get the ids after those that there are. A new vocabulary is trained on the
  /// text, the words are spelled with the pieces of both, and of the new ones those remain that come most often.
  ///
  /// - Parameter trainer: its size is that of the extended vocabulary, which has fewer tokens if the text has no more pieces.
  /// - Throws: `VocabularyError`
  package func extended(by trainer: VocabularyTrainer, _ words: WordCounts) throws -> Tokenizer {
    let room = trainer.size - vocabulary.count
    let candidates = try trainer.train(words).tokens.filter { vocabulary.id(of: $0) == nil }
    let all = try with(candidates)
    var counts = [Int](repeating: 0, count: all.vocabulary.count)
    words.visitWords(longestWord: longestWord) { word, count in
      let text = String(decoding: word, as: UTF8.self)
      // The part of a long word begins with "##", which no word does.
      let isPart = text.utf8.count > 2 && text.hasPrefix(Vocabulary.continuationPrefix)
      for piece in all.pieces(spelling: text, isContinuation: isPart) { counts[Int(piece)] += count }
    }
    let new = vocabulary.count..<all.vocabulary.count
    let chosen = new.filter { counts[$0] > 0 }
      .sorted { (counts[$1], $0) < (counts[$0], $1) }
      .prefix(room)
    return try with(chosen.map { all.vocabulary.tokens[$0] })
  }

  private func with(_ tokens: [String]) throws -> Tokenizer {
    Tokenizer(
      vocabulary: try Vocabulary(tokens: vocabulary.tokens + tokens, added: vocabulary.added),
      normalizer: normalizer, longestWord: longestWord)
  }
}

extension TextNormalizer {
  /// The settings that differ from those of a model's normalizer, each as `name: true here, false in the model`.
  package func differences(fromModel other: TextNormalizer) -> [String] {
    let settings: [(name: String, here: Bool, there: Bool)] = [
      ("lowercase", lowercases, other.lowercases),
      ("strip_accents", stripsAccents ?? lowercases, other.stripsAccents ?? other.lowercases),
      ("clean_text", cleansText, other.cleansText),
      ("tokenize_chinese_chars", isolatesChineseCharacters, other.isolatesChineseCharacters),
    ]
    return settings.filter { $0.here != $0.there }.map {
      "\($0.name): \($0.here) here, \($0.there) in the model"
    }
  }
}
