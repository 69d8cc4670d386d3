import ClozeCore
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// Vocabularies of text whose writing puts no spaces between words.
@Suite struct LongWordTests {
  private func trained(_ text: String, size: Int = 500) throws -> (Tokenizer, UnknownText) {
    var counts = WordCounts(.cased)
    counts.add(text)
    let tokenizer = Tokenizer(
      vocabulary: try VocabularyTrainer(size: size).train(counts), normalizer: .cased,
      longestWord: counts.longestWord)
    return (tokenizer, UnknownText(TextLoss([text], tokenizer), tokenizer))
  }

  @Test func thaiSentencesAreReadWhole() throws {
    let (tokenizer, unknown) = try trained(
      String(contentsOf: Fixtures.url("thai.txt"), encoding: .utf8))
    // 120 words of 31 to 204 characters.
    #expect(tokenizer.longestWord == 400)
    #expect(unknown.unknown == 0)
    // Pieces of words were learnt from the long ones, not only characters.
    #expect(tokenizer.vocabulary.count > 400)
  }

  /// Lines of one word each, of random syllables.
  @Test(arguments: [
    ("ກຂຄງຈສຊຍດຕຖທນບປຜຝພຟມຢຣລວຫອຮະາິີຶືຸູ", 150, 200), ("កខគឃងចឆជឈញដឋឌឍណតថទធនបផពភមយរលវសហឡអ", 900, 1600),
    ("ကခဂဃငစဆဇဈညတထဒဓနပဖဗဘမယရလဝသဟ", 3000, 3200), ("ACGT", 5000, 6400),
  ])
  func everyLengthIsReadWhole(letters: String, length: Int, longestWord: Int) throws {
    let letters = Array(letters.unicodeScalars)
    var random = CounterRandom(seed: 8, purpose: .order, index: 0)
    var text = ""
    for _ in 0..<8 {
      for _ in 0..<length { text.unicodeScalars.append(letters[random.below(letters.count)]) }
      text += "\n"
    }
    let (tokenizer, unknown) = try trained(text)
    #expect(tokenizer.longestWord == longestWord)
    #expect(unknown.characters == 8 * length)
    #expect(unknown.unknown == 0)
  }

  /// Lengths by hand: more than 1 in 200 characters have to lie in long words, and at most 1 in 1,000 are left above.
  @Test(arguments: [
    (lengths: [2: 50_000], longestWord: 100),
    (lengths: [2: 50_000, 101: 4], longestWord: 100),
    (lengths: [2: 50_000, 101: 5], longestWord: 200),
    (lengths: [2: 50_000, 101: 6, 201: 1], longestWord: 400),
    (lengths: [2: 100_000, 200: 6, 201: 1], longestWord: 200),
    (lengths: [2: 100_000, 180: 6, 100_000: 1], longestWord: 102_400),
    (lengths: [819_200: 1], longestWord: 819_200),
  ])
  func theLongestWordIsTheLeastThatSuffices(lengths: [Int: Int], longestWord: Int) {
    var counts = WordCounts(.cased)
    for (length, count) in lengths {
      for _ in 0..<count { counts.add(String(repeating: "a", count: length)) }
    }
    #expect(counts.longestWord == longestWord)
  }

  @Test func anyDivisionGivesOneVocabulary() throws {
    let lines = try String(contentsOf: Fixtures.url("thai.txt"), encoding: .utf8).split(separator: "\n")
    var whole = WordCounts(.cased)
    for line in lines { whole.add(String(line)) }
    var merged = WordCounts(.cased)
    for part in [lines.prefix(50), lines[50...]] {
      var counts = WordCounts(.cased)
      for line in part { counts.add(String(line)) }
      merged.merge(counts)
    }
    #expect(merged.longestWord == whole.longestWord && merged.totalCount == whole.totalCount)
    #expect(try VocabularyTrainer(size: 400).train(merged) == VocabularyTrainer(size: 400).train(whole))
  }

  /// Words that the tokenizer will call unknown teach the vocabulary nothing.
  @Test func aShorterLimitLeavesLongerWordsOut() throws {
    var counts = WordCounts(.cased)
    counts.add(String(repeating: "abab ", count: 20) + String(repeating: "กขกขกข ", count: 20))
    let vocabulary = try VocabularyTrainer(size: 50, longestWord: 4).train(counts)
    #expect(vocabulary.id(of: "abab") != nil)
    #expect(vocabulary.id(of: "ก") == nil)
  }
}
