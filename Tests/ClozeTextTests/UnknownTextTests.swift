import ClozeTestSupport
import ClozeText
import Foundation
import Testing

@Suite struct UnknownTextTests {
  private func unknown(
    _ text: String, _ tokens: [String], _ normalizer: TextNormalizer = .cased, longestWord: Int = 100
  ) throws -> UnknownText {
    let tokenizer = Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + tokens), normalizer: normalizer,
      longestWord: longestWord)
    return UnknownText(TextLoss([text], tokenizer), tokenizer)
  }

  /// Two scalars of each script, as `Scripts.txt` of Unicode 15.0 has them.
  @Test func everyScriptHasItsName() throws {
    let lines = try String(contentsOf: Fixtures.url("scripts.txt"), encoding: .utf8).split(separator: "\n")
    #expect(lines.count > 250)
    for line in lines {
      let fields = line.split(separator: " ")
      let scalar = try #require(UInt32(fields[0], radix: 16).flatMap(Unicode.Scalar.init))
      let found = try unknown(String(scalar), ["a"], TextNormalizer(lowercases: false, cleansText: false))
      #expect(found.scripts == [fields[1].replacingOccurrences(of: "_", with: " "): 1], "\(line)")
    }
  }

  @Test(arguments: [
    ("🙂", "Emoji"), ("∀", "Symbols"), ("³", "Digits"), ("。", "Punctuation"), ("\u{301}", "Marks"),
    ("ー", "Common"),
  ])
  func whatScriptsShareIsToldApart(text: String, script: String) throws {
    #expect(try unknown(text, ["a"]).scripts == [script: 1])
  }

  /// Every character of a word that became [UNK], not only the one that the vocabulary lacks; that one is named.
  @Test func countsCharactersOfUnknownWords() throws {
    let found = try unknown("ab abก ก ab กข", ["a", "##b"])
    #expect(found.characters == 10)
    #expect(found.unknown == 6)
    #expect(found.scripts == ["Latin": 2, "Thai": 4])
    #expect(found.commonest == [.init(scalar: 0xE01, count: 3), .init(scalar: 0xE02, count: 1)])
    #expect(found.share == 0.6)
    #expect(
      found.description
        == "60.00 % of the characters (6 of 10) become [UNK]: Thai 4, Latin 2; most often ก U+0E01, ข U+0E02")
    #expect(try unknown("ab ab", ["a", "##b"]).description == "none of 4 characters")
  }

  /// A word of any length comes back whole, however many parts it was counted in.
  @Test(arguments: [1, 2, 7, 100], [0, 1, 2, 99, 350])
  func countsWordsThatAreTooLong(longestWord: Int, excess: Int) throws {
    let length = longestWord + excess
    let found = try unknown(
      String(repeating: "ก", count: length) + " ก", ["ก", "##ก"], longestWord: longestWord)
    #expect(found.characters == length + 1)
    #expect(found.tooLong == (excess > 0 ? length : 0))
    #expect(found.unknown == found.tooLong)
    #expect(found.adviceForTokenizing.contains("raise --longest-word") == (excess > 0))
  }

  @Test(arguments: [("ﬁ", "NFKC"), ("Ａ", "NFKC"), ("e\u{301}", "NFC"), ("\u{212B}", "NFC")])
  func aNormalizationThatHelpsIsNamed(text: String, form: String) throws {
    let found = try unknown(text, ["f", "##i", "A", "e", "é", "Å"])
    #expect(found.normalization == form)
    #expect(found.adviceForTokenizing.contains("bring the text into \(form) first"))
  }

  @Test func nothingElseIsAdvised() throws {
    #expect(try unknown("ก", ["a"]).normalization == nil)
  }

  /// One encoder for many texts gives what an encoder for each gives.
  @Test func whatIsRememberedChangesNoCount() throws {
    let tokenizer = Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + ["a", "##b"]), normalizer: .uncased)
    let texts = ["ab", "กab", "กab กab", "Ḁb", String(repeating: "b", count: 130), "ÀB A"]
    var sum = TextLoss()
    for text in texts { sum += TextLoss([text], tokenizer) }
    #expect(sum == TextLoss(texts, tokenizer))
    let coded = try JSONDecoder().decode(TextLoss.self, from: JSONEncoder().encode(sum))
    #expect(coded == sum)
  }

  @Test(arguments: [
    "[97,1,97,1]", "[98,1,97,1]", "[97,-1]", "[97]", "[1114112,1]", "[55296,1]", "[97,9223372036854775807]",
  ])
  func countsThatNoTextHasAreRefused(list: String) throws {
    func json(_ list: String, characters: Int = 5) -> Data {
      Data(
        #"{"characters":\#(characters),"tooLong":0,"losingCase":0,"losingMarks":[],"unknown":\#(list)}"#.utf8)
    }
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(TextLoss.self, from: json(list)) }
    #expect(try JSONDecoder().decode(TextLoss.self, from: json("[97,1,98,4]")).isPlausible)
    #expect(try !JSONDecoder().decode(TextLoss.self, from: json("[97,1,98,4]", characters: 4)).isPlausible)
    #expect(try !JSONDecoder().decode(TextLoss.self, from: json("[]", characters: -1)).isPlausible)
  }

  @Test func whatNormalizationTakesIsCounted() throws {
    let vocabulary = try Vocabulary(tokens: SpecialTokens.texts + ["a"])
    func loss(_ text: String, _ normalizer: TextNormalizer) -> TextLoss {
      TextLoss([text], Tokenizer(vocabulary: vocabulary, normalizer: normalizer))
    }
    // हिन्दी: three letters, two vowel signs that are spacing marks, and a nonspacing virama.
    let hindi = loss("हिन्दी é", .uncased)
    #expect(abs(hindi.markShare - 2.0 / 7) < 1e-12)
    #expect(hindi.normalizationWarnings.count == 1)
    #expect(hindi.normalizationWarnings[0].contains("28.57 %"))
    #expect(hindi.normalizationWarnings[0].contains("Devanagari 1, Latin 1"))
    let kept = loss("हिन्दी é", TextNormalizer(lowercases: true, stripsAccents: false))
    #expect(kept.markShare == 0 && kept.normalizationWarnings.isEmpty)
    // Of eight letters A, É and Σ are capitals.
    #expect(abs(loss("Abcd ÉΣ ef", .uncased).caseShare - 3.0 / 8) < 1e-12)
    #expect(loss("Abcd ÉΣ ef", .cased).caseShare == 0)
    // An added token that is looked for in normalized text changes nothing.
    var added = AddedToken(text: "xyz", id: 6)
    added.isNormalized = true
    let extended = Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + ["a", "xyz"], added: [added]),
      normalizer: .uncased)
    for text in ["Abcd ÉΣ ef", "हिन्दी é"] {
      let (with, without) = (TextLoss([text], extended), loss(text, .uncased))
      #expect(with.caseShare == without.caseShare && with.markShare == without.markShare)
    }
  }
}
