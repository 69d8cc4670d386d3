import ClozeTestSupport
import ClozeText
import Foundation
import Testing

private struct MetricFixture: Decodable {
  let hypotheses: [String]
  let references: [String]
  let bleu: Double
  let chrF: Double
  let chrFPlusPlus: Double
  let bleuSignature: String
  let chrFSignature: String

  enum CodingKeys: String, CodingKey {
    case hypotheses, references, chrF
    case bleu = "BLEU"
    case chrFPlusPlus = "chrF++"
    case bleuSignature = "BLEU.signature"
    case chrFSignature = "chrF.signature"
  }
}

@Suite struct MetricTests {
  private func fixture(_ language: String) throws -> MetricFixture {
    let data = try Data(contentsOf: Fixtures.url("metrics.json"))
    let all = try JSONDecoder().decode([String: MetricFixture].self, from: data)
    return try #require(all[language])
  }

  @Test(arguments: [("en", MetricTokenizer.western), ("zh", .chinese)])
  func equalsTheReference(language: String, tokenizer: MetricTokenizer) throws {
    let fixture = try fixture(language)
    let bleu = BLEU(tokenizer).score(fixture.hypotheses, references: fixture.references)
    let chrF = ChrF().score(fixture.hypotheses, references: fixture.references)
    let plusPlus = ChrF.plusPlus.score(fixture.hypotheses, references: fixture.references)
    #expect(abs(bleu.value - fixture.bleu) < 1e-9)
    #expect(abs(chrF.value - fixture.chrF) < 1e-9)
    #expect(abs(plusPlus.value - fixture.chrFPlusPlus) < 1e-9)
    #expect(bleu.signature == fixture.bleuSignature.replacing("version:2.6.0", with: "version:cloze:0.1"))
    #expect(chrF.signature == fixture.chrFSignature.replacing("version:2.6.0", with: "version:cloze:0.1"))
    #expect(plusPlus.signature == chrF.signature.replacing("nw:0", with: "nw:2"))
  }

  @Test(arguments: [
    (
      MetricTokenizer.western, "Hello, world! It's 3.14, $5,000-6 (e.g.).",
      "Hello , world ! It's 3.14 , $ 5,000 - 6 ( e . g . ) ."
    ),
    (.western, "&quot;a&amp;b&quot; &lt;skipped> x-\ny\nz...", "\" a & b \" < skipped > xy z . . ."),
    (.western, "<skipped>", ""),
    (.chinese, " 我用Linux 6.1，你呢？“好”… ", "我 用 Linux 6.1 ， 你 呢 ？ “ 好 ” …"),
    (.chinese, "&amp; x-y", "& amp ; x-y"),
  ])
  func cutsAsTheReferenceDoes(tokenizer: MetricTokenizer, line: String, words: String) {
    let found = tokenizer.words(line).map { String(String.UnicodeScalarView($0)) }
    #expect(found.joined(separator: " ") == words)
  }

  @Test func boundsOfTheScores() {
    let text = ["the cat sat on the mat", "a dog ran over the hill"]
    for tokenizer in MetricTokenizer.allCases {
      #expect(abs(BLEU(tokenizer).score(text, references: text).value - 100) < 1e-9)
      #expect(BLEU(tokenizer).score(["x", "y"], references: text).value == 0)
      #expect(BLEU(tokenizer).score(["", ""], references: text).value == 0)
      #expect(BLEU(tokenizer).score([], references: [String]()).value == 0)
    }
    for wordOrder in 0...3 {
      #expect(abs(ChrF(wordOrder: wordOrder).score(text, references: text).value - 100) < 1e-9)
      #expect(ChrF(wordOrder: wordOrder).score(["", ""], references: text).value == 0)
      #expect(ChrF(wordOrder: wordOrder).score(["zzz", "jjj"], references: text).value == 0)
    }
  }

  @Test func moreReferencesNeverHurtMatches() throws {
    let fixture = try fixture("en")
    let noise = fixture.references.map { String($0.reversed()) }
    let both = [noise, fixture.references]
    #expect(
      abs(ChrF().score(fixture.hypotheses, references: both).value - fixture.chrF) < 0.5)
    #expect(ChrF().score(fixture.hypotheses, references: both).signature.hasPrefix("nrefs:2|"))
    #expect(
      BLEU().score(fixture.hypotheses, references: both).value
        >= BLEU().score(fixture.hypotheses, references: noise).value)
  }
}
