import ClozeCore
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

private struct ReferenceCases: Decodable {
  struct Case: Decodable {
    let text: String
    let ids: [TokenID]
  }
  let cases: [Case]
}

@Suite struct TokenizerTests {
  /// Texts, hard cases first, with the ids that Hugging Face's `tokenizers` gives.
  @Test(arguments: [("tokenizer-cased", 419), ("tokenizer-uncased", 419), ("tokenizer-uncased-accents", 392)])
  func equalsTheReference(folder: String, count: Int) throws {
    let tokenizer = try Tokenizer(Fixtures.url(folder))
    let reference = try JSONDecoder().decode(
      ReferenceCases.self, from: Data(contentsOf: Fixtures.url("\(folder)/cases.json")))
    #expect(reference.cases.count == count)
    // One encoder for all: what it remembers must change nothing.
    var encoder = TokenEncoder(tokenizer, specials: .recognized)
    for example in reference.cases {
      #expect(encoder.encode(example.text) == example.ids, "\(example.text)")
      #expect(tokenizer.encode(example.text, specials: .recognized) == example.ids, "\(example.text)")
    }
  }

  private func pieces(
    _ text: String, _ tokens: [String], _ normalizer: TextNormalizer = .uncased,
    specials: SpecialTokenHandling = .literal
  ) throws -> [String] {
    let tokenizer = Tokenizer(vocabulary: try vocabulary(tokens), normalizer: normalizer)
    return tokenizer.encode(text, specials: specials).map { tokenizer.vocabulary.tokens[Int($0)] }
  }

  @Test func cutsTheLongestPieceFirst() throws {
    let tokens = ["un", "unaff", "##aff", "##able", "##ab", "a", "##b"]
    #expect(try pieces("unaffable", tokens) == ["unaff", "##able"])
    #expect(try pieces("unaffab ab a", tokens) == ["unaff", "##ab", "a", "##b", "a"])
    #expect(try pieces("unaffx", tokens) == ["[UNK]"])
    #expect(try pieces("able", tokens) == ["[UNK]"])
  }

  @Test func settingsOfTheNormalizer() throws {
    let tokens = ["É", "é", "e", "E", "e\u{301}", "\u{4E2D}", "\u{4E2D}\u{4E2D}", "a", "a\u{200B}b", "##b"]
    #expect(try pieces("É", tokens, .uncased) == ["e"])
    #expect(try pieces("É", tokens, .cased) == ["É"])
    #expect(try pieces("É", tokens, TextNormalizer(lowercases: true, stripsAccents: false)) == ["é"])
    #expect(try pieces("É", tokens, TextNormalizer(lowercases: false, stripsAccents: true)) == ["E"])
    #expect(try pieces("中中", tokens) == ["中", "中"])
    #expect(
      try pieces("中中", tokens, TextNormalizer(lowercases: false, isolatesChineseCharacters: false)) == ["中中"])
    #expect(try pieces("a\u{200B}b", tokens) == ["a", "##b"])
    #expect(
      try pieces("a\u{200B}b", tokens, TextNormalizer(lowercases: false, cleansText: false)) == ["a\u{200B}b"]
    )
  }

  @Test func wordsOfMoreThanAHundredCharactersAreUnknown() throws {
    for (letter, normalizer) in [("x", TextNormalizer.uncased), ("ß", .cased), ("𝒳", .cased)] {
      let tokens = [letter, "##" + letter]
      #expect(try pieces(String(repeating: letter, count: 100), tokens, normalizer).count == 100)
      #expect(try pieces(String(repeating: letter, count: 101), tokens, normalizer) == ["[UNK]"])
      #expect(
        try pieces(String(repeating: letter, count: 5000) + " " + letter, tokens, normalizer) == [
          "[UNK]", letter,
        ])
    }
  }

  @Test func literalSpecialsAreTextAndCounted() throws {
    let tokenizer = Tokenizer(vocabulary: try vocabulary(["[", "]", "mask", "a"]), normalizer: .uncased)
    var literal = TokenEncoder(tokenizer)
    #expect(literal.encode("a[MASK]a [mask] [CLS") == [8, 5, 7, 6, 8, 5, 7, 6, 5, 1])
    #expect(literal.counts.literalSpecials == 1)
    #expect(literal.counts.words == 10)
    #expect(literal.counts.unknownTokens == 1)
    var recognized = TokenEncoder(tokenizer, specials: .recognized)
    #expect(recognized.encode("a[MASK]a [mask] [CLS][CLS]") == [8, 4, 8, 5, 7, 6, 2, 2])
    #expect(recognized.counts.literalSpecials == 0)
  }

  @Test func countsAddUp() throws {
    let tokenizer = Tokenizer(vocabulary: try vocabulary(["a", "##b", "."]), normalizer: .uncased)
    var encoder = TokenEncoder(tokenizer)
    _ = encoder.encode("Abb. q ")
    _ = encoder.encode("ab")
    var expected = TokenCounts()
    expected.words = 4
    expected.tokens = 7
    expected.unknownTokens = 1
    expected.continuationPieces = 3
    #expect(encoder.counts == expected)
    expected += encoder.counts
    #expect(expected.words == 8 && expected.tokens == 14 && expected.continuationPieces == 6)
  }

  /// Random bytes, among them much broken UTF-8: the encoder sees what `String(decoding:)` sees.
  @Test(arguments: [TextNormalizer.uncased, TextNormalizer(lowercases: false, cleansText: false)])
  func invalidBytesReadAsStringReadsThem(normalizer: TextNormalizer) throws {
    let letters = (0x20..<0x7F).map { String(UnicodeScalar(UInt8($0))) } + ["\u{FFFD}", "é", "中", "\u{FFFF}"]
    let tokens = (letters + letters.map { "##" + $0 }).filter { $0 != " " && $0 != "## " }
    let tokenizer = Tokenizer(vocabulary: try vocabulary(tokens), normalizer: normalizer)
    var encoder = TokenEncoder(tokenizer)
    var random = CounterRandom(seed: 3, purpose: .order)
    let fragments: [[UInt8]] = [
      [0xC3, 0xA9], [0xE4, 0xB8, 0xAD], [0xF0, 0x9F, 0x98, 0x80], [0xED, 0xA0, 0x80], [0x41],
    ]
    for length in 0..<400 {
      var bytes: [UInt8] = []
      while bytes.count < length {
        let fragment = fragments[random.below(fragments.count)]
        if random.below(2) == 0 {
          bytes += fragment
        } else {
          bytes += fragment.prefix(1 + random.below(fragment.count))
        }
        if random.below(8) == 0 { bytes.append(UInt8(random.below(256))) }
      }
      let text = String(decoding: bytes, as: UTF8.self)
      var ids: [TokenID] = []
      bytes.withUnsafeBufferPointer { encoder.encode($0, into: &ids) }
      #expect(ids == tokenizer.encode(text))
      let isValid = String(validating: bytes, as: UTF8.self) != nil
      let validation = bytes.withUnsafeBufferPointer { UTF8Validation($0) }
      #expect((validation.invalidSequenceCount == 0) == isValid)
      if let offset = validation.firstInvalidOffset {
        #expect(String(validating: bytes[..<offset], as: UTF8.self) != nil)
      }
    }
    #expect(encoder.counts.invalidSequences > 0)
  }

  @Test func validationCountsAsReplacementDoes() {
    let bytes: [UInt8] = Array("0123456789é".utf8) + [0xFF, 0x41, 0xE4, 0xB8, 0x42, 0xF0]
    let validation = bytes.withUnsafeBufferPointer { UTF8Validation($0) }
    #expect(validation.invalidSequenceCount == 3)
    #expect(validation.firstInvalidOffset == 12)
  }

  @Test func digestIsOfTheMeaning() throws {
    let base = Tokenizer(vocabulary: try vocabulary(["a", "b"]), normalizer: .uncased)
    #expect(base.digest == Tokenizer(vocabulary: try vocabulary(["a", "b"]), normalizer: .uncased).digest)
    let explicit = TextNormalizer(lowercases: true, stripsAccents: true)
    #expect(base.digest == Tokenizer(vocabulary: try vocabulary(["a", "b"]), normalizer: explicit).digest)
    let others = [
      Tokenizer(vocabulary: try vocabulary(["b", "a"]), normalizer: .uncased),
      Tokenizer(vocabulary: try vocabulary(["a", "b", "c"]), normalizer: .uncased),
      Tokenizer(vocabulary: try vocabulary(["a", "b"]), normalizer: .cased),
      Tokenizer(
        vocabulary: try vocabulary(["a", "b"]), normalizer: .init(lowercases: true, cleansText: false)),
      Tokenizer(
        vocabulary: try vocabulary(["a", "b"]),
        normalizer: .init(lowercases: true, isolatesChineseCharacters: false)),
    ]
    #expect(Set(others.map(\.digest) + [base.digest]).count == 6)
  }
}
