import ClozeTestSupport
import ClozeText
import Testing

/// The five special tokens, and then `tokens`.
func vocabulary(_ tokens: [String]) throws -> Vocabulary {
  try Vocabulary(tokens: SpecialTokens.texts + tokens)
}

@Suite struct VocabularyTests {
  @Test func knowsEachTokensKind() throws {
    let vocabulary = try vocabulary(["the", "##s", ".", "。", "?!", "…", ",", "##.", "##", "#"])
    #expect(vocabulary.count == 15)
    #expect(vocabulary.specials.ids == [0, 1, 2, 3, 4])
    #expect(vocabulary.isSpecial == [true, true, true, true, true] + [Bool](repeating: false, count: 10))
    func ids(_ flags: [Bool]) -> [String] {
      vocabulary.tokens.indices.filter { flags[$0] }.map { vocabulary.tokens[$0] }
    }
    #expect(ids(vocabulary.isContinuation) == ["##s", "##.", "##"])
    #expect(ids(vocabulary.isSentenceEnd) == [".", "。", "?!", "…"])
  }

  @Test func specialsMayStandAnywhere() throws {
    let vocabulary = try Vocabulary(tokens: ["a", "[MASK]", "[SEP]", "b", "[CLS]", "[UNK]", "[PAD]"])
    #expect(vocabulary.specials.padding == 6)
    #expect(vocabulary.specials.unknown == 5)
    #expect(vocabulary.specials.classification == 4)
    #expect(vocabulary.specials.separator == 2)
    #expect(vocabulary.specials.mask == 1)
    #expect(vocabulary.id(of: "b") == 3)
    #expect(vocabulary.id(of: "c") == nil)
  }

  /// Swift's strings call the two spellings of "é" equal; a vocabulary must not.
  @Test func tokensAreComparedByTheirBytes() throws {
    let vocabulary = try vocabulary(["\u{E9}", "e\u{301}", "\u{F900}", "\u{8C48}"])
    #expect(vocabulary.id(of: "\u{E9}") == 5)
    #expect(vocabulary.id(of: "e\u{301}") == 6)
    #expect(vocabulary.id(of: "\u{8C48}") == 8)
    #expect(
      try vocabulary
        != Vocabulary(tokens: SpecialTokens.texts + ["e\u{301}", "\u{E9}", "\u{F900}", "\u{8C48}"]))
  }

  @Test func errorsNameTheToken() {
    #expect(
      failureMessage { _ = try Vocabulary(tokens: ["[PAD]", "[UNK]", "[CLS]", "[SEP]"], source: "v.txt") }
        .contains("v.txt: the special token [MASK] is missing"))
    #expect(
      failureMessage { _ = try vocabulary(["a", "b", "a"]) }.contains("'a' is token 5 and again token 7"))
    #expect(failureMessage { _ = try vocabulary(["a", ""]) }.contains("token 6 is empty"))
  }
}
