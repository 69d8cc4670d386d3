import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

@Suite struct TranslationTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func complaint(_ text: String) throws -> String {
    let url = try folder.write(text, to: "pairs.tsv")
    return failureMessage { _ = try TranslationPairs.read(url) }
  }

  @Test func tabSeparatedLines() throws {
    let url = try folder.write("\u{FEFF}我爱你。\tI love you.\r\n a b \t c \n\n", to: "pairs.tsv")
    #expect(
      try TranslationPairs.read(url) == [
        TranslationPair(source: "我爱你。", target: "I love you."), TranslationPair(source: "a b", target: "c"),
      ])
  }

  /// sacreBLEU's scores are of these characters; only ASCII's spaces go.
  @Test(arguments: [
    "\u{200B}", "\u{FEFF}", "\u{2028}", "\u{85}", "\u{1C}", "\u{1F}", "\u{A0}", "\u{3000}", "\u{180E}",
    "\u{B}", "\u{C}",
    "\u{0}", "\u{301}",
  ])
  func otherWhiteSpaceStays(space: String) throws {
    let url = try folder.write("a\(space) \t \(space)b\(space)c\(space) \r\nd\te\n", to: "pairs.tsv")
    let pair = try TranslationPairs.read(url)[0]
    #expect(pair.source.unicodeScalars.elementsEqual("a\(space)".unicodeScalars))
    #expect(pair.target.unicodeScalars.elementsEqual("\(space)b\(space)c\(space)".unicodeScalars))
  }

  @Test func brokenLinesAreNamed() throws {
    #expect(try complaint("a\tb\nc d\n").contains("pairs.tsv:2: has no tab"))
    #expect(try complaint("a\tb\n\nc\td\n").contains("pairs.tsv:2: has no tab"))
    #expect(
      try complaint("a\tb\n\(String(repeating: "c", count: 1 << 20))\td\n").contains(
        "pairs.tsv:2: is longer than 1 MiB"))
    #expect(try complaint("a\tb\tc\n").contains("pairs.tsv:1: has more than one tab"))
    #expect(try complaint("a\tb\nc\t \n").contains("pairs.tsv:2: has an empty target"))
    #expect(try complaint("a\tb\nc\t\u{3000}\u{A0}\n").contains("pairs.tsv:2: has an empty target"))
    #expect(try complaint("\tb\n").contains("pairs.tsv:1: has an empty source"))
    #expect(try complaint("\n").contains("holds no pairs"))
    try Data([97, 9, 0xFF, 10]).write(to: folder.file("x.tsv"))
    #expect(
      failureMessage { _ = try TranslationPairs.read(folder.file("x.tsv")) }.contains("x.tsv:1: is not valid")
    )
    #expect(failureMessage { _ = try TranslationPairs.read(folder.url) }.contains("is a directory"))
  }

  @Test func parallelFiles() throws {
    let source = try folder.write("a\nb\n", to: "x.zh")
    let target = try folder.write("c\nd", to: "x.en")
    #expect(try TranslationPairs.read(source: source, target: target).map(\.target) == ["c", "d"])
    try folder.write("c\nd\ne", to: "x.en")
    #expect(
      failureMessage { _ = try TranslationPairs.read(source: source, target: target) }
        .contains("x.en: has 3 lines"))
    try folder.write("c\n\n\ne", to: "x.en")
    try folder.write("a\nb\nc\nd", to: "x.zh")
    #expect(
      failureMessage { _ = try TranslationPairs.read(source: source, target: target) }
        .contains("x.en:2: has an empty target"))
  }

  private func batches(maximumLength: Int = 30, tokensPerMicrobatch: Int = 100, seed: UInt64 = 1) throws
    -> TranslationBatches
  {
    let letters = "abcdefghij".map(String.init)
    let tokenizer = Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + letters), normalizer: .cased)
    var random = CounterRandom(seed: 3, purpose: .bootstrap)
    let pairs = (0..<300).map { _ in
      let sides = (0..<2).map { _ in
        (0..<1 + random.below(34)).map { _ in letters[random.below(10)] }.joined(separator: " ")
      }
      return TranslationPair(source: sides[0], target: sides[1])
    }
    return try TranslationBatches(
      pairs, tokenizer: tokenizer, maximumLength: maximumLength, tokensPerMicrobatch: tokensPerMicrobatch,
      seed: seed)
  }

  @Test func aBatchIsThePairsWithoutPadding() throws {
    let batches = try batches()
    let specials = try DataFixture.vocabulary().specials
    for indices in batches.plan(epoch: 0) {
      let batch = batches.batch(indices)
      #expect(batch.pairCount == indices.count)
      for (number, index) in indices.enumerated() {
        let pair = batches.pairs[index]
        let source = batch.sourceOffsets[number]..<batch.sourceOffsets[number + 1]
        let target = batch.targetOffsets[number]..<batch.targetOffsets[number + 1]
        #expect(
          Array(batch.sourceIDs[source]) == [specials.classification] + pair.source + [specials.separator])
        #expect(Array(batch.targetIDs[target]) == [specials.classification] + pair.target)
        #expect(Array(batch.labels[target]) == pair.target + [specials.separator])
        #expect(Array(batch.sourcePositions[source]) == (0..<Int32(source.count)).map { $0 })
        #expect(Array(batch.targetPositions[target]) == (0..<Int32(target.count)).map { $0 })
      }
      #expect(batch.sourceIDs.count == batch.sourceOffsets.last)
      #expect(batch.labels.count == batch.targetOffsets.last)
    }
  }

  @Test(arguments: [1, 40, 100, 100_000])
  func microbatchesAreFilledAndHoldEveryPairOnce(tokensPerMicrobatch: Int) throws {
    let batches = try batches(tokensPerMicrobatch: tokensPerMicrobatch)
    for plan in [batches.plan(epoch: 0), batches.plan(epoch: 1), batches.evaluationPlan] {
      #expect(plan.flatMap { $0 }.sorted() == Array(batches.pairs.indices))
      for indices in plan {
        let count = indices.reduce(0) { $0 + batches.pairs[$1].positionCount }
        #expect(count <= tokensPerMicrobatch || indices.count == 1)
      }
    }
    #expect(batches.plan(epoch: 3) == batches.plan(epoch: 3))
    if tokensPerMicrobatch < 1000 {
      #expect(batches.plan(epoch: 0) != batches.plan(epoch: 1))
      #expect(
        try batches.plan(epoch: 0)
          != self.batches(tokensPerMicrobatch: tokensPerMicrobatch, seed: 2).plan(epoch: 0))
    }
  }

  @Test func longPairsAreSkippedAndCounted() throws {
    let batches = try batches(maximumLength: 12)
    #expect(batches.pairs.allSatisfy { $0.source.count + 2 <= 12 && $0.target.count + 1 <= 12 })
    #expect(batches.skippedCount == 300 - batches.pairs.count)
    #expect(batches.skippedCount > 0)
    let everything = try self.batches(maximumLength: 40)
    #expect(everything.skippedCount == 0)
  }
}
