import ClozeText
import Testing

/// What the tokens of a vocabulary are in another one's.
@Suite struct VocabularyExtensionTests {
  private func tokenizer(_ tokens: [String]) throws -> Tokenizer {
    Tokenizer(vocabulary: try Vocabulary(tokens: tokens), normalizer: .cased)
  }

  @Test func newTokensAreTheirPieces() throws {
    let old = try tokenizer(
      SpecialTokens.texts + ["un", "##able", "##ab", "##le", "read", "a", "##b", "你"])
    // Other ids for all, the special ones too.
    let new = try tokenizer([
      "readable", "a", "##b", "[MASK]", "##ablest", "unread", "[PAD]", "xyz", "##你", "readx", "un", "##able",
      "##ab", "##le", "read", "你", "[UNK]", "[CLS]", "[SEP]",
    ])
    let tokens = VocabularyExtension(from: old, to: new)
    let texts = tokens.sources.map { ids in ids.map { old.vocabulary.tokens[Int($0)] } }
    let found = Dictionary(uniqueKeysWithValues: zip(new.vocabulary.tokens, texts))
    #expect(found["readable"] == ["read", "##able"])
    #expect(found["##ablest"] == ["##able"])
    // There is no `##read`; what is known at the beginning of a word only counts inside one, too.
    #expect(found["unread"] == ["un", "read"])
    #expect(found["##你"] == ["你"])
    #expect(found["readx"] == ["read"])
    #expect(found["xyz"] == [])
    for token in SpecialTokens.texts + ["a", "##b", "un"] { #expect(found[token] == [token]) }
    #expect(tokens.lost.isEmpty)
    #expect((tokens.newCount, tokens.unspelledCount) == (6, 1))
  }

  @Test func lostTokensAreNamed() throws {
    let old = try tokenizer(SpecialTokens.texts + ["one", "two", "three"])
    let tokens = VocabularyExtension(from: old, to: try tokenizer(SpecialTokens.texts + ["two", "twone"]))
    #expect(tokens.lost == ["one", "three"])
    #expect(tokens.newCount == 1)
  }

  @Test func settingsThatDifferAreNamed() {
    #expect(TextNormalizer.cased.differences(fromModel: .cased).isEmpty)
    // An uncased normalizer strips accents unless it says otherwise.
    #expect(
      TextNormalizer.cased.differences(fromModel: .uncased) == [
        "lowercase: false here, true in the model", "strip_accents: false here, true in the model",
      ])
    #expect(TextNormalizer(lowercases: true, stripsAccents: true).differences(fromModel: .uncased).isEmpty)
  }
}
