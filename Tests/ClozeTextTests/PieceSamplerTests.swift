import ClozeCore
import ClozeTestSupport
import ClozeText
import Testing

/// Words split into other pieces than the longest ones: by the probabilities of the method, and always spelling the same text.
@Suite struct PieceSamplerTests {
  private func tokenizer(_ pieces: [String], added: [AddedToken] = []) throws -> Tokenizer {
    Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + pieces, added: added), normalizer: .cased)
  }

  private func random(_ index: Int) -> CounterRandom {
    CounterRandom(seed: 5, purpose: .pieceDropout, epoch: 1, index: index)
  }

  /// "abc" is met with one draw for `abc` and one for `ab`; then "bc" with one for `##bc`.
  @Test(arguments: [0.1, 0.5, 0.9]) func thePiecesHaveTheirProbabilities(rate: Double) throws {
    let tokenizer = try tokenizer(["a", "ab", "abc", "##b", "##c", "##bc"])
    let sampler = PieceSampler(tokenizer)
    let ids = tokenizer.encode("abc")
    #expect(ids == [7])
    let draws = 20_000
    var counts: [String: Double] = [:]
    for index in 0..<draws {
      var random = random(index)
      let pieces = sampler.split(ids, rate: rate, random: &random)
      counts[pieces.map { tokenizer.vocabulary.tokens[Int($0)] }.joined(separator: " "), default: 0] +=
        1 / Double(draws)
    }
    let (drop, keep) = (rate, 1 - rate)
    let expected = [
      "abc": keep, "ab ##c": drop * keep, "a ##bc": drop * drop * keep, "a ##b ##c": drop * drop * drop,
    ]
    #expect(Set(counts.keys).isSubset(of: expected.keys))
    for (pieces, probability) in expected {
      // Five standard deviations.
      let margin = 5 * (probability * (1 - probability) / Double(draws)).squareRoot()
      #expect(abs(counts[pieces, default: 0] - probability) < margin, "\(pieces)")
    }
  }

  @Test func withoutARateNothingIsDrawn() throws {
    let tokenizer = try tokenizer(["a", "ab", "##b"])
    var (random, untouched) = (random(0), random(0))
    let ids = tokenizer.encode("ab ab ab")
    #expect(PieceSampler(tokenizer).split(ids, rate: 0, random: &random) == ids)
    #expect(random.next() == untouched.next())
  }

  /// Real text, with the pieces of the reference model: other ids, the same text.
  @Test func theTextStays() throws {
    let tokenizer = try Tokenizer(Fixtures.url("bert"))
    let sampler = PieceSampler(tokenizer)
    let words = [
      "the", "water", "houses", "understanding", "有些", "人", "didn't", "1984", "zebra,", "\u{1F600}",
    ]
    var changed = 0
    for number in 0..<200 {
      let text = RandomValues.tokens(9, below: words.count, seed: number).map { words[Int($0)] }
        .joined(separator: " ")
      let ids = tokenizer.encode(text)
      var random = random(number)
      let pieces = sampler.split(ids, rate: 0.3, random: &random)
      #expect(tokenizer.decode(pieces) == tokenizer.decode(ids))
      #expect(pieces.count >= ids.count)
      #expect(tokenizer.vocabulary.words(pieces).count == tokenizer.vocabulary.words(ids).count)
      changed += pieces == ids ? 0 : 1
    }
    #expect(changed > 100)
  }

  /// Without `##c` no other pieces spell "abc", and without `b` the shortest piece of "bb" is "bb".
  @Test func aWordThatCannotBeSpelledOtherwiseStays() throws {
    let tokenizer = try tokenizer(["a", "ab", "abc", "##b", "bb"])
    let sampler = PieceSampler(tokenizer)
    for text in ["abc", "bb", "abc bb"] {
      let ids = tokenizer.encode(text)
      for index in 0..<50 {
        var random = random(index)
        #expect(sampler.split(ids, rate: 0.9, random: &random) == ids)
      }
    }
  }

  /// `[UNK]`, `[MASK]` and an added token are no pieces, though letters could spell them.
  @Test func whatIsNoPieceStays() throws {
    let letters = "abt<>".map(String.init)
    let added = AddedToken(text: "<at>", id: 5)
    let tokenizer = try tokenizer(["<at>"] + letters + letters.map { "##" + $0 } + ["ab"], added: [added])
    let ids = tokenizer.encode("<at> xyz ab")
    #expect(ids.first == 5 && ids[1] == tokenizer.vocabulary.specials.unknown && ids.count == 3)
    let tokens = ids + [tokenizer.vocabulary.specials.mask]
    var random = random(1)
    let pieces = PieceSampler(tokenizer).split(tokens, rate: 0.999, random: &random)
    #expect(pieces.prefix(2) == ids.prefix(2) && pieces.last == tokens.last)
    #expect(pieces.count == tokens.count + 1)
  }
}
