import ClozeData
import ClozeEvaluation
import Testing

/// What a translation should have taken over from its source.
@Suite struct CopiedWordsTests {
  private func copied(_ source: String, _ target: String, _ hypothesis: String) -> CopiedWords {
    CopiedWords([hypothesis], pairs: [TranslationPair(source: source, target: target)])
  }

  @Test func numbersOfSourceAndReference() {
    let found = copied("他有3本书和5000元，2.", "He has 3 books and 5,000 yuan.", "He has 3 books and 50 yuan.")
    #expect(found.numbers.copied == 1 && found.numbers.count == 2)
    #expect(copied("1,000 2", "1000, 2", "in 1000 2.").numbers.copied == 2)
    #expect(copied("七", "7", "7").numbers.count == 0)
    #expect(copied("一 万", "一 万", "").numbers.count == 0)
    #expect(copied("３", "３", "３").numbers.copied == 1)
    // A run that a point ends is a number, too; twice the same counts once.
    #expect(copied("7. 7", "7 and 7.", "7").numbers.count == 1)
  }

  @Test func wordsOfSourceAndReference() {
    let found = copied("Tom用Linux。", "Tom uses Linux.", "Tom uses a computer.")
    #expect(found.words.copied == 1 && found.words.count == 2)
    #expect(found.numbers.value == nil)
    #expect(found.words.value == 0.5)
    // A letter by itself is no word.
    #expect(copied("a 我", "a b", "a").words.count == 0)
  }

  @Test func sentencesAddUp() {
    let pairs = [
      TranslationPair(source: "1 Tom", target: "1 Tom"), TranslationPair(source: "2", target: "2"),
    ]
    let found = CopiedWords(["1", "3"], pairs: pairs)
    #expect(found.numbers.copied == 1 && found.numbers.count == 2)
    #expect(found.words.copied == 0 && found.words.count == 1)
  }
}
