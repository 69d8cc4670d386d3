import ClozeCore
import ClozeText
import Testing

/// Letters are taken eight at a time, so words of every length are put at every place, with what may end them.
@Suite struct WordCountsTests {
  /// A word of letters and digits in both cases.
  private func word(length: Int, seed: Int) -> String {
    var random = CounterRandom(seed: 4, purpose: .order, index: 1000 * seed + length)
    let letters = Array("azAZ09mMkK5")
    return String((0..<length).map { _ in letters[random.below(letters.count)] })
  }

  /// Words that come once are not all dropped: what stays is a sample of the whole text, whatever its order.
  @Test func wordsThatComeOnceAreSampled() {
    let words = (0..<20_000).map { "w\($0)x" }
    func kept(_ words: [String]) -> Set<String> {
      var counts = WordCounts(.cased, capacity: 400)
      for word in words { counts.add(word) }
      #expect(counts.distinctCount <= 400 && counts.undercount > 0)
      var kept: Set<String> = []
      counts.visitWords { word, _ in kept.insert(String(decoding: word, as: UTF8.self)) }
      return kept
    }
    let found = kept(words)
    let first = Set(words.prefix(10_000))
    #expect(found.intersection(first).count >= 25)
    #expect(found.subtracting(first).count >= 25)
    // The words of lowest hash stay in any order.
    #expect(found.intersection(kept(words.reversed())).count >= 50)
  }

  @Test(
    arguments: [TextNormalizer.cased, .uncased], [" ", "\n", "é ", ".", "\u{1}", "中", "@ [", "\u{7F}{", "`"])
  func wordsOfEveryLengthAtEveryPlace(normalizer: TextNormalizer, ending: String) {
    for length in [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 23, 24, 25, 48, 96, 98] {
      for place in 0..<9 {
        let word = word(length: length, seed: place)
        var counts = WordCounts(normalizer)
        counts.add(String(repeating: " ", count: place) + word + ending + word)
        var expected = normalizer == .uncased ? word.lowercased() : word
        switch ending {
        // The letter goes with the first word, the control character is none and joins both.
        case "é ":
          #expect(counts.count(of: expected + (normalizer == .uncased ? "e" : "é")) == 1)
          #expect(counts.count(of: expected) == 1)
          continue
        case "\u{1}": expected += expected
        case "\u{7F}{":
          #expect(counts.count(of: "{") == 1)
        default: break
        }
        let isLong = expected.count > 100
        #expect(counts.count(of: expected) == (isLong ? 0 : ending == "\u{1}" ? 1 : 2), "\(length) \(place)")
      }
    }
  }

  @Test(arguments: [99, 100, 101, 108, 250])
  func wordsBeyondTheLongestAreLeftOut(length: Int) {
    let word = word(length: length, seed: 0)
    var counts = WordCounts(.cased)
    counts.add(word + " a " + word)
    #expect(counts.totalCount == 3)
    #expect(counts.distinctCount == (length <= 100 ? 2 : 1))
    #expect(counts.count(of: word) == (length <= 100 ? 2 : 0))
  }

  /// Words that differ in one byte, or in length alone, are told apart.
  @Test func neighboursAreDistinct() {
    var words: Set<String> = []
    for length in 1...40 {
      let base = Array(repeating: Character("a"), count: length)
      words.insert(String(base))
      for place in 0..<length {
        var changed = base
        changed[place] = "b"
        words.insert(String(changed))
      }
    }
    var counts = WordCounts(.cased)
    for _ in 0..<3 { counts.add(words.joined(separator: " ")) }
    #expect(counts.distinctCount == words.count)
    #expect(words.allSatisfy { counts.count(of: $0) == 3 })
  }
}
