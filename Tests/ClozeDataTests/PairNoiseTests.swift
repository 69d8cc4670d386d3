import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Testing

/// Changes of labelled pairs in training: by their rates, on the side that they are for, and functions of seed, epoch and number.
@Suite struct PairNoiseTests {
  private let tokenizer: Tokenizer

  init() throws {
    let letters = "abcdefghijklmnopqrst".map(String.init)
    var mark = AddedToken(text: "<2xx>", id: 5)
    mark.isSpecial = true
    tokenizer = Tokenizer(
      vocabulary: try Vocabulary(
        tokens: SpecialTokens.texts + ["<2xx>"] + letters + letters.map { "##" + $0 } + [
          "ab", "##cd", "abcd",
        ],
        added: [mark]), normalizer: .cased)
  }

  private func noise(
    _ source: SourceNoise = SourceNoise(), _ pieces: PieceDropout = PieceDropout(), maximumLength: Int = 128,
    seed: UInt64 = 3
  ) -> PairNoise {
    PairNoise(source, pieces, tokenizer: tokenizer, maximumLength: maximumLength, seed: seed)
  }

  private func pair(_ source: String, _ target: String = "a b c") -> EncodedPair {
    EncodedPair(source: tokenizer.encode(source), target: tokenizer.encode(target))
  }

  private func words(_ tokens: [TokenID]) -> [[TokenID]] {
    tokenizer.vocabulary.words(tokens).map { Array(tokens[$0]) }
  }

  /// Twenty words, each another one, of one to three pieces.
  private var long: EncodedPair {
    pair("a b c d e f g h i jj kk ll mm nn oo ppp qqq rrr sss ttt", "abcd a b")
  }

  @Test func withoutRatesAPairStays() {
    for number in 0..<20 { #expect(noise().changed(long, epoch: number, number: number) == long) }
  }

  /// Words stay whole, none moves further than the distance, and the target stays.
  @Test(arguments: [1, 3, 100]) func wordsChangePlacesWithinADistance(distance: Int) {
    let noise = noise(SourceNoise(shuffleDistance: distance))
    let before = words(long.source)
    var (moved, furthest) = (0, 0)
    for number in 0..<200 {
      let changed = noise.changed(long, epoch: 0, number: number)
      #expect(changed.target == long.target)
      let after = words(changed.source)
      #expect(after.count == before.count && Set(after) == Set(before))
      for (place, word) in after.enumerated() {
        let way = abs(place - (before.firstIndex(of: word) ?? .max))
        #expect(way <= distance)
        (moved, furthest) = (moved + (way > 0 ? 1 : 0), max(furthest, way))
      }
    }
    #expect(furthest == min(distance, furthest) && furthest >= min(distance, 15))
    #expect(moved > 500)
  }

  @Test(arguments: [0.1, 0.5, 0.99]) func wordsAreDeleted(rate: Double) {
    let noise = noise(SourceNoise(deletionRate: rate))
    let before = words(long.source)
    var left = 0
    for number in 0..<1000 {
      let changed = noise.changed(long, epoch: 2, number: number)
      #expect(changed.target == long.target)
      let after = words(changed.source)
      #expect(!after.isEmpty)
      // In their order.
      let places = after.map { before.firstIndex(of: $0) ?? -1 }
      #expect(places == places.sorted() && !places.contains(-1))
      left += after.count
    }
    let share = Double(left) / 20_000
    // If every word is drawn, one of the twenty stays.
    var allDrawn = 1.0
    for _ in 0..<20 { allDrawn *= rate }
    #expect(abs(share - (1 - rate + allDrawn / 20)) < 0.02)
  }

  /// The mark of a language says what to do with the sentence.
  @Test func specialTokensKeepTheirPlaces() {
    let noise = noise(SourceNoise(shuffleDistance: 5, deletionRate: 0.9), PieceDropout(source: 0.9))
    let marked = pair("<2xx> abcd b c d e")
    #expect(marked.source.first == 5)
    for number in 0..<100 {
      let source = noise.changed(marked, epoch: 0, number: number).source
      #expect(source.first == 5 && source.count > 1)
    }
    let bare = EncodedPair(source: [5], target: [6])
    #expect(noise.changed(bare, epoch: 0, number: 1) == bare)
  }

  @Test func piecesAreDroppedOnTheirSide() {
    let both = pair("abcd abcd abcd abcd", "abcd abcd abcd abcd")
    for (rates, sides) in [
      (PieceDropout(source: 0.5), [true, false]), (PieceDropout(target: 0.5), [false, true]),
      (PieceDropout(source: 0.5, target: 0.5), [true, true]),
    ] {
      let noise = noise(SourceNoise(), rates)
      let changed = (0..<50).map { noise.changed(both, epoch: 0, number: $0) }
      #expect(changed.contains { $0.source != both.source } == sides[0])
      #expect(changed.contains { $0.target != both.target } == sides[1])
      for pair in changed {
        #expect(tokenizer.decode(pair.source) == tokenizer.decode(both.source))
        #expect(tokenizer.decode(pair.target) == tokenizer.decode(both.target))
      }
      // Both sides of a pair are drawn apart.
      #expect(changed.contains { $0.source != $0.target })
    }
  }

  /// Four pieces instead of one would not fit.
  @Test func aSideThatWouldBeTooLongKeepsItsPieces() {
    let single = pair("abcd", "abcd")
    let lengths = [5, 6].map { maximumLength in
      let noise = noise(SourceNoise(), PieceDropout(source: 0.9, target: 0.9), maximumLength: maximumLength)
      let changed = (0..<200).map { noise.changed(single, epoch: 0, number: $0) }
      return [changed.map(\.source.count).max(), changed.map(\.target.count).max()]
    }
    #expect(lengths == [[3, 4], [4, 4]])
  }

  @Test func aChangeIsAFunctionOfSeedEpochAndNumber() {
    let (source, pieces) = (
      SourceNoise(shuffleDistance: 3, deletionRate: 0.2), PieceDropout(source: 0.5, target: 0.5)
    )
    let changed = noise(source, pieces).changed(long, epoch: 4, number: 7)
    #expect(changed == noise(source, pieces).changed(long, epoch: 4, number: 7))
    #expect(changed != noise(source, pieces).changed(long, epoch: 5, number: 7))
    #expect(changed != noise(source, pieces).changed(long, epoch: 4, number: 8))
    #expect(changed != noise(source, pieces, seed: 4).changed(long, epoch: 4, number: 7))
  }

  @Test(arguments: [
    ("noise.shuffleDistance", SourceNoise(shuffleDistance: 101), PieceDropout()),
    ("noise.deletionRate", SourceNoise(deletionRate: 1), PieceDropout()),
    ("pieceDropout.source", SourceNoise(), PieceDropout(source: -0.1)),
    ("pieceDropout.target", SourceNoise(), PieceDropout(target: 1)),
  ])
  func badRatesAreRefused(key: String, noise: SourceNoise, pieces: PieceDropout) {
    let message = failureMessage {
      try noise.validate()
      try pieces.validate()
    }
    #expect(message.hasPrefix(key + ": ") && message.contains("choose"), "\(message)")
  }
}
