import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// Shares that are known by how the text was made, or by looking at all of it.
@Suite struct TextSurveyTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let vocabularySize = 60_000

  /// Documents of tokens that occur nowhere else, each followed by what `footer` gives for it.
  private func documents(_ count: Int, length: Int, from first: Int, footer: (Int) -> [TokenID])
    -> [[TokenID]]
  {
    (0..<count).map { number in
      (0..<length).map { TokenID(first + number * length + $0) } + footer(number)
    }
  }

  private static let footer = (100..<160).map { TokenID($0) }

  private func survey(
    _ train: [[TokenID]], validation: [[TokenID]], tokensPerFrame: Int = 65_536,
    vocabulary: Vocabulary? = nil, seed: UInt64 = 1, change: (inout TextSurvey.Limits) -> Void = { _ in }
  ) throws -> TextSurvey {
    try DataFixture.write(
      train, validation: validation, to: folder.url, vocabularySize: Self.vocabularySize,
      tokensPerFrame: tokensPerFrame)
    return try survey(vocabulary: vocabulary, seed: seed, change: change)
  }

  private func survey(
    vocabulary: Vocabulary? = nil, seed: UInt64, change: (inout TextSurvey.Limits) -> Void = { _ in }
  ) throws -> TextSurvey {
    var limits = TextSurvey.Limits()
    change(&limits)
    return try TextSurvey(
      training: TokenDataset(folder: folder.url, split: .train, cachedFrames: 4),
      validation: TokenDataset(folder: folder.url, split: .validation),
      tokenizer: Tokenizer(vocabulary: vocabulary ?? DataFixture.vocabulary(), normalizer: .cased),
      seed: seed, limits: limits)
  }

  @Test func aFooterIsRepeated() throws {
    let train = documents(100, length: 90, from: 1000) { $0 < 40 ? Self.footer : [] }
    // Half of them have the footer; the other half has all but its end, which no train text has by itself.
    let held = documents(20, length: 60, from: 20_000) {
      $0 % 2 == 0 ? Self.footer : Self.footer.prefix(49) + [TokenID(30_000 + $0)]
    }
    let survey = try survey(train, validation: held)
    #expect(survey.repeated.tokens == 100 * 90 + 40 * 60)
    #expect(survey.repeated.value == 40 * 60 / Double(survey.repeated.tokens))
    #expect(survey.repeated.margin == 0)
    #expect(survey.overlap.tokens == 20 * 60 + 10 * 60 + 10 * 50)
    #expect(survey.overlap.value == 10 * 60 / Double(survey.overlap.tokens))
    let most = try #require(survey.mostFrequent)
    #expect(most.tokens == Array(Self.footer.prefix(50)))
    #expect(most.count == 40)
  }

  /// 49 tokens in a row are no n-gram, and nothing is repeated by its own place.
  @Test func shorterRepetitionsAreNone() throws {
    let survey = try survey(
      documents(50, length: 90, from: 1000) { _ in Array(Self.footer.prefix(49)) },
      validation: documents(3, length: 90, from: 20_000) { _ in Array(Self.footer.prefix(49)) })
    #expect(survey.repeated.value == 0)
    #expect(survey.overlap.value == 0)
    #expect(survey.mostFrequent == nil)
  }

  /// Documents that are equal but for what the tokenizer drops come with equal tokens.
  @Test func shortDocumentsCountAsWholes() throws {
    let survey = try survey(
      [[5, 6, 7], [5, 6, 7], [5, 6, 7, 8], [5, 6], [9]], validation: [[5, 6], [6, 7], [9], [5, 6, 7, 9]])
    #expect(survey.repeated.value == 6.0 / 13)
    #expect(survey.overlap.value == 3.0 / 9)
  }

  /// Every share against a search through all n-grams, where frames are short and cut documents.
  @Test(arguments: [2, 3, 5], [7, 64, 500])
  func sharesAreThoseOfASearch(gramLength: Int, tokensPerFrame: Int) throws {
    let train = DataFixture.documents(150, maximumLength: 30, vocabularySize: 14)
    let held = DataFixture.documents(30, maximumLength: 30, vocabularySize: 14, seed: 2)
    let survey = try survey(train, validation: held, tokensPerFrame: tokensPerFrame) {
      $0.gramLength = gramLength
      $0.blockTokens = 11
      $0.blocks = .max
    }
    func pieces(_ split: Split) throws -> [[TokenID]] {
      let dataset = try TokenDataset(folder: folder.url, split: split)
      return try (0..<dataset.frameCount).flatMap { number in
        let frame = try dataset.frame(number)
        let ends = [0] + frame.documentEnds.map { Int($0) } + [frame.tokens.count]
        return zip(ends, ends.dropFirst()).map { Array(frame.tokens[$0..<$1]) }.filter { !$0.isEmpty }
      }
    }
    func grams(_ piece: [TokenID]) -> [Range<Int>] {
      guard piece.count >= gramLength else { return [0..<piece.count] }
      return (0...piece.count - gramLength).map { $0..<$0 + gramLength }
    }
    let trainPieces = try pieces(.train)
    var counts: [[TokenID]: Int] = [:]
    for piece in trainPieces { for gram in grams(piece) { counts[Array(piece[gram]), default: 0] += 1 } }
    func share(_ pieces: [[TokenID]], atLeast least: Int) -> Double {
      let found = pieces.reduce(0) { sum, piece in
        var covered = Set<Int>()
        for gram in grams(piece) where counts[Array(piece[gram]), default: 0] >= least {
          covered.formUnion(gram)
        }
        return sum + covered.count
      }
      return Double(found) / Double(pieces.reduce(0) { $0 + $1.count })
    }
    let (repeated, overlap) = (share(trainPieces, atLeast: 2), share(try pieces(.validation), atLeast: 1))
    #expect(0 < overlap && repeated < 1)
    #expect(survey.repeated.value == repeated)
    #expect(survey.overlap.value == overlap)
  }

  /// The same sample for the same seed; of 100 seeds' intervals, the truth is in about 95.
  @Test func samplesAreFairAndRepeatable() throws {
    let train = documents(300, length: 90, from: 1000) { $0 % 3 == 0 ? Self.footer : [] }
    let held = documents(10, length: 90, from: 40_000) { _ in Self.footer }
    let truth = try survey(train, validation: held, tokensPerFrame: 4096).repeated
    // Frames that cut a footer hide it.
    #expect(abs(truth.value - 100 * 60 / Double(300 * 90 + 100 * 60)) < 0.005)
    let samples = try (0..<100).map { seed in
      try survey(seed: seed) {
        $0.blockTokens = 32
        $0.blocks = 200
      }.repeated
    }
    let again = try survey(seed: 7) {
      $0.blockTokens = 32
      $0.blocks = 200
    }
    #expect(again.repeated == samples[7])
    #expect(Set(samples.map(\.value)).count > 10)
    #expect(samples.allSatisfy { (6300...6400).contains($0.tokens) })
    #expect((88...100).contains(samples.count { abs($0.value - truth.value) <= $0.margin }))
    let mean = samples.reduce(0) { $0 + $1.value } / 100
    #expect(abs(mean - truth.value) < 0.01)
  }

  /// Of a large split some frames are read, and what occurs twice in them counts.
  @Test func aLargeSplitIsReadInPart() throws {
    let train = documents(64, length: 64, from: 1000) { _ in Array(Self.footer.prefix(0)) }
    // Every document twice, 64 frames apart: half of the frames hold few pairs.
    let survey = try survey(train + train, validation: [Self.footer], tokensPerFrame: 64) {
      $0.trainTokens = 64 * 64
    }
    #expect(survey.trainTokens == 64 * 64)
    #expect(survey.repeated.tokens == 64 * 64)
    #expect((0.2...0.8).contains(survey.repeated.value))
    #expect(try self.survey(seed: 1).repeated.value == 1)
  }

  @Test func spelledSpecialTokensAreCounted() throws {
    let vocabulary = try Vocabulary(
      tokens: SpecialTokens.texts + ["[", "]", "MAS", "##K", "SEP", "CLS", "PAD", "UNK", "and"])
    let tokenizer = Tokenizer(vocabulary: vocabulary, normalizer: .cased)
    let texts = ["and [MASK] and[SEP][CLS]", "MASK [and] [MASK", "] [ UNK ] [[PAD]]", "[MASK] and"]
    let survey = try survey(
      texts.map { tokenizer.encode($0) }, validation: [[6]], tokensPerFrame: 100, vocabulary: vocabulary)
    #expect(survey.literalSpecials == 6)
    #expect(survey.unspelledSpecials.isEmpty)
    let other = try self.survey(
      vocabulary: Vocabulary(tokens: SpecialTokens.texts + ["[", "]", "MAS", "##K"]), seed: 1)
    #expect(other.literalSpecials == 2)
    #expect(other.unspelledSpecials == ["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
  }
}
