import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// Tokenizer folders of every kind that `transformers` reads as BERT's, in `Fixtures/tokenizers`, id for id.
@Suite struct TransformersTokenizerTests {
  private struct Cases: Decodable {
    struct Case: Decodable {
      let text: String
      let ids: [TokenID]
    }
    let count: Int
    /// Texts in which no special token is spelled.
    let cases: [Case]
    let prompts: [Case]
  }

  private static let folders = [
    "used", "keeps-accents", "joins-chinese", "cased", "general-class", "no-class", "bare-model", "added",
    "added-cased", "list", "list-decoder", "list-legacy", "extra-special", "mask-strips",
  ]

  private func cases(_ name: String) throws -> Cases {
    try JSONDecoder().decode(
      Cases.self, from: Data(contentsOf: Fixtures.url("tokenizers/\(name)/cases.json")))
  }

  private func expectEqual(_ tokenizer: Tokenizer, _ cases: Cases) {
    #expect(tokenizer.vocabulary.count == cases.count)
    var encoder = TokenEncoder(tokenizer)
    for item in cases.cases {
      #expect(encoder.encode(item.text) == item.ids, "\(item.text.debugDescription)")
      #expect(tokenizer.encode(item.text, specials: .recognized) == item.ids, "\(item.text.debugDescription)")
    }
    for item in cases.prompts {
      #expect(tokenizer.encode(item.text, specials: .recognized) == item.ids, "\(item.text.debugDescription)")
    }
  }

  @Test(arguments: folders) func idsAreThoseOfTransformers(name: String) throws {
    expectEqual(try Tokenizer(Fixtures.url("tokenizers/\(name)")), try cases(name))
  }

  /// What is written beside a checkpoint gives the same ids again, here and in `transformers`.
  @Test(arguments: folders) func whatIsWrittenIsTheSameTokenizer(name: String) throws {
    let tokenizer = try Tokenizer(Fixtures.url("tokenizers/\(name)"))
    let folder = try TemporaryFolder()
    try tokenizer.write(to: folder.url)
    let read = try Tokenizer(folder.url)
    #expect(read.digest == tokenizer.digest && read.vocabulary == tokenizer.vocabulary)
    expectEqual(read, try cases(name))
  }

  /// In a corpus `[MASK]` is text, whatever other tokens were added.
  @Test func aCorpusSlipsNoSpecialTokenIn() throws {
    for name in Self.folders {
      let tokenizer = try Tokenizer(Fixtures.url("tokenizers/\(name)"))
      let specials = tokenizer.vocabulary.specials
      let ids = tokenizer.encode("the [MASK] [SEP] <e1>[CLS] ab")
      #expect(
        !ids.contains(where: { [specials.mask, specials.separator, specials.classification].contains($0) }))
    }
  }

  /// Added tokens are no pieces of words, and special ones stand for no text.
  @Test func addedTokensInTheVocabulary() throws {
    let tokenizer = try Tokenizer(Fixtures.url("tokenizers/added"))
    let vocabulary = tokenizer.vocabulary
    let special = try #require(vocabulary.id(of: "<e1>"))
    let word = try #require(vocabulary.id(of: "covid19"))
    #expect(vocabulary.isSpecial[Int(special)] && !vocabulary.isSpecial[Int(word)])
    #expect(tokenizer.decode([special, word]) == "covid19")
    #expect(vocabulary.added.map(\.text).contains("new token"))
  }
}
