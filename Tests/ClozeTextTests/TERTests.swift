import ClozeTestSupport
import ClozeText
import Foundation
import Testing

private struct TERFixture: Decodable {
  struct Corpus: Decodable {
    let ter: Double
    let sentences: [Double]
  }

  struct Sentence: Decodable {
    let name: String
    let hypothesis: String
    let references: [String]
    let ter: Double
  }

  let signature: String
  let corpora: [String: Corpus]
  let sentences: [Sentence]
}

private struct Texts: Decodable {
  let hypotheses: [String]
  let references: [String]
}

@Suite struct TERTests {
  private let fixture: TERFixture

  init() throws {
    fixture = try JSONDecoder().decode(TERFixture.self, from: Data(contentsOf: Fixtures.url("ter.json")))
  }

  @Test(arguments: ["en", "zh"]) func equalsTheReference(language: String) throws {
    let texts = try #require(
      try JSONDecoder().decode(
        [String: Texts].self, from: Data(contentsOf: Fixtures.url("metrics.json")))[language])
    let expected = try #require(fixture.corpora[language])
    let found = TER().score(texts.hypotheses, references: texts.references)
    #expect(abs(found.value - expected.ter) < 1e-9)
    #expect(found.signature == fixture.signature.replacing("version:2.6.0", with: "version:cloze:0.1"))
    for (index, value) in expected.sentences.enumerated() {
      let (hypothesis, reference) = (texts.hypotheses[index], texts.references[index])
      #expect(abs(TER().score([hypothesis], references: [reference]).value - value) < 1e-9, "\(hypothesis)")
    }
  }

  /// Empty texts, shifts, repeated words, lengths beyond the beam, letters with a lower case of their own, 60 random
  /// edits.
  @Test func oddSentencesEqualTheReference() {
    #expect(fixture.sentences.count == 84)
    for sentence in fixture.sentences {
      let found = TER().score([sentence.hypothesis], references: sentence.references.map { [$0] })
      #expect(abs(found.value - sentence.ter) < 1e-9, "\(sentence.name)")
    }
  }

  /// A line of the greatest length is scored in the memory of a band around the diagonal.
  @Test func aVeryLongLine() {
    let long = (0..<20_000).map { "w\($0)" }.joined(separator: " ")
    #expect(TER().score([long], references: [long + " end"]).value < 0.01)
    // The matches are outside the band.
    #expect(TER().score(["w1 w2"], references: [long]).value == 100)
  }
}
