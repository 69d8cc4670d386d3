import ClozeCore
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

private struct SettingsFixture: Decodable {
  struct Setting: Decodable {
    let lowercase: Bool
    let stripAccents: Bool?
    let longestWord: Int
    let ids: [[TokenID]]
  }

  let vocabulary: [String]
  let texts: [String]
  let settings: [Setting]
}

/// 170 texts in 18 scripts, with words of just the longest length and of one character more, under every combination of
/// `lowercase`, `strip_accents` and three `max_input_chars_per_word`: ids of Hugging Face's `tokenizers` 0.23.3.
@Suite struct TokenizerSettingsTests {
  @Test func everyCombinationEqualsTheReference() throws {
    let fixture = try JSONDecoder().decode(
      SettingsFixture.self, from: Data(contentsOf: Fixtures.url("tokenizer-settings.json")))
    #expect(fixture.settings.count == 14)
    let vocabulary = try Vocabulary(tokens: fixture.vocabulary)
    for setting in fixture.settings {
      let tokenizer = Tokenizer(
        vocabulary: vocabulary,
        normalizer: TextNormalizer(lowercases: setting.lowercase, stripsAccents: setting.stripAccents),
        longestWord: setting.longestWord)
      var encoder = TokenEncoder(tokenizer)
      for (text, ids) in zip(fixture.texts, setting.ids) {
        #expect(
          encoder.encode(text) == ids,
          "\(text) lowercase \(setting.lowercase) accents \(setting.stripAccents as Any) \(setting.longestWord)"
        )
      }
    }
  }

  @Test func aWrittenTokenizerReadsBackWithItsSettings() throws {
    let folder = try TemporaryFolder()
    let vocabulary = try Vocabulary(tokens: SpecialTokens.texts + ["a", "##a"])
    for (longestWord, kind) in [(100, "BertTokenizer"), (400, "PreTrainedTokenizerFast")] {
      let tokenizer = Tokenizer(
        vocabulary: vocabulary, normalizer: TextNormalizer(lowercases: true, stripsAccents: false),
        longestWord: longestWord)
      try tokenizer.write(to: folder.url)
      let read = try Tokenizer(folder.url)
      #expect(read.longestWord == longestWord)
      #expect(read.normalizer.stripsAccents == false)
      #expect(read.digest == tokenizer.digest)
      // transformers 5.23 gives its BertTokenizer a limit of 100 whatever tokenizer.json says.
      let configuration = try String(
        contentsOf: folder.url.appendingPathComponent("tokenizer_config.json"), encoding: .utf8)
      #expect(configuration.contains("\"tokenizer_class\": \"\(kind)\""))
    }
    #expect(
      Tokenizer(vocabulary: vocabulary, normalizer: .cased, longestWord: 400).digest
        != Tokenizer(vocabulary: vocabulary, normalizer: .cased).digest)
  }
}
