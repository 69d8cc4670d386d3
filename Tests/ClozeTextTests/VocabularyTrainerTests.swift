import ClozeCore
import ClozeText
import Testing

@Suite struct VocabularyTrainerTests {
  /// Words that come in Zipf's way, from few syllables, so that there is something to learn.
  private func text(seed: UInt64, wordCount: Int) -> [String] {
    let syllables = ["ba", "né", "ing", "tor", "中", "s", "ka", "文", "lo", "un"]
    var random = CounterRandom(seed: seed, purpose: .order)
    return (0..<wordCount).map { _ in
      let length = 1 + random.below(3)
      return (0..<length).map { _ in syllables[min(random.below(10), random.below(10))] }.joined()
    }
  }

  private func counts(_ texts: some Sequence<String>, capacity: Int = 1 << 20) -> WordCounts {
    var counts = WordCounts(.uncased, capacity: capacity)
    for text in texts { counts.add(text) }
    return counts
  }

  @Test func joinsTheMostFrequentPair() throws {
    // hug 10, pug 5, pun 12, bun 4, hugs 5: (##u, ##g) 20, then (##u, ##n) 16, then (h, ##ug) 15, ...
    let words = [("hug", 10), ("pug", 5), ("pun", 12), ("bun", 4), ("hugs", 5)]
    let counts = counts(words.flatMap { Array(repeating: $0.0, count: $0.1) })
    let alphabet = ["##g", "##n", "##s", "##u", "b", "h", "p"]
    for (size, merges) in [(12, []), (14, ["##ug", "##un"]), (17, ["##ug", "##un", "hug", "pun", "pug"])] {
      let vocabulary = try VocabularyTrainer(size: size).train(counts)
      #expect(vocabulary.tokens == SpecialTokens.texts + alphabet + merges)
    }
  }

  @Test func tiesGoToTheLowerIds() throws {
    let vocabulary = try VocabularyTrainer(size: 12).train(counts(["ab cd", "cd ab"]))
    #expect(vocabulary.tokens.dropFirst(5) == ["##b", "##d", "a", "c", "ab", "cd"])
  }

  @Test func minimumFrequencyEndsTheTraining() throws {
    let counts = counts(["abc abc abd"])
    #expect(
      try VocabularyTrainer(size: 100).train(counts).tokens.dropFirst(5) == [
        "##b", "##c", "##d", "a", "ab", "abc",
      ])
    #expect(try VocabularyTrainer(size: 100, minimumFrequency: 3).train(counts).tokens.last == "ab")
    #expect(try VocabularyTrainer(size: 100, minimumFrequency: 1).train(counts).id(of: "abd") != nil)
  }

  @Test func alphabetKeepsTheMostFrequent() throws {
    let counts = counts(["a a a b b c 中 中 中 中 文"])
    #expect(
      try VocabularyTrainer(size: 100, alphabetLimit: 2).train(counts).tokens.dropFirst(5) == ["a", "中"])
    // Room for six: the two that came once would take more than half of it.
    #expect(try VocabularyTrainer(size: 11).train(counts).tokens.dropFirst(5) == ["a", "b", "中"])
    #expect(try VocabularyTrainer(size: 7).train(counts).tokens.dropFirst(5) == ["a", "中"])
    #expect(try VocabularyTrainer(size: 100).train(WordCounts(.cased)).count == 5)
  }

  /// A law of the pipeline: however the text is dealt out to counters, one vocabulary.
  @Test(arguments: [1, 2, 3, 7])
  func anyDivisionGivesOneVocabulary(counterCount: Int) throws {
    let text = text(seed: 5, wordCount: 4000)
    let whole = counts(text)
    var merged = WordCounts(.uncased)
    for part in 0..<counterCount {
      let share = text.indices.filter { $0 % counterCount == (part + 1) % counterCount }.map { text[$0] }
      merged.merge(counts(share))
    }
    #expect(merged.totalCount == whole.totalCount && merged.distinctCount == whole.distinctCount)
    for size in [40, 100, 300] {
      let trainer = VocabularyTrainer(size: size)
      #expect(try trainer.train(merged) == trainer.train(whole))
    }
  }

  @Test func trainedVocabularySpellsItsText() throws {
    let text = text(seed: 9, wordCount: 3000)
    let vocabulary = try VocabularyTrainer(size: 200).train(counts(text))
    #expect(vocabulary.count == 200)
    var encoder = TokenEncoder(Tokenizer(vocabulary: vocabulary, normalizer: .uncased))
    for word in text { _ = encoder.encode(word) }
    #expect(encoder.counts.unknownTokens == 0)
    #expect(encoder.counts.tokens < 2 * encoder.counts.words)
  }

  @Test(arguments: [8, 30, 100])
  func memoryIsBoundedAndTheErrorKnown(capacity: Int) {
    let text = text(seed: 11, wordCount: 20_000)
    let exact = counts(text)
    let pruned = counts(text, capacity: capacity)
    #expect(exact.undercount == 0)
    #expect(pruned.undercount > 0)
    #expect(pruned.distinctCount <= capacity)
    #expect(pruned.totalCount == exact.totalCount)
    exact.visitWords { word, count in
      let found = pruned.count(of: String(decoding: word, as: UTF8.self))
      #expect(found <= count && found >= count - pruned.undercount)
    }
    // A byte stream that is cut otherwise, but not inside of words, is pruned at the same places.
    var again = WordCounts(.uncased, capacity: capacity)
    again.add(text.joined(separator: " "))
    #expect(again.undercount == pruned.undercount && again.distinctCount == pruned.distinctCount)
  }

  @Test func literalSpecialsAreCounted() {
    let counts = counts(["[MASK] a [SEP]", "[CLS"])
    #expect(counts.literalSpecialCount == 2)
    #expect(counts.count(of: "mask") == 1)
    #expect(counts.count(of: "[") == 3)
  }
}
