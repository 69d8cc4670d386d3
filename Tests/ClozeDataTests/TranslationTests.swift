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

  @Test func brokenLinesAreNamed() throws {
    #expect(try complaint("a\tb\nc d\n").contains("pairs.tsv:2: has no tab"))
    #expect(try complaint("a\tb\n\nc\td\n").contains("pairs.tsv:2: has no tab"))
    #expect(
      try complaint("a\tb\n\(String(repeating: "c", count: 1 << 20))\td\n").contains(
        "pairs.tsv:2: is longer than 1 MiB"))
    #expect(try complaint("a\tb\tc\n").contains("pairs.tsv:1: has more than one tab"))
    #expect(try complaint("a\tb\nc\t \n").contains("pairs.tsv:2: has an empty target"))
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

  private func batches(
    maximumLength: Int = 30, tokensPerMicrobatch: Int = 100, seed: UInt64 = 1, pairsPerPool: Int = 8192
  ) throws -> TranslationBatches {
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
      seed: seed, pairsPerPool: pairsPerPool)
  }

  /// The order of pairs that fit into one pool, step by step: shuffled, sorted by length, cut, shuffled. Runs of earlier
  /// versions depend on it.
  @Test(arguments: [0, 1, 1000]) func theOrderOfOnePool(epoch: Int) throws {
    let batches = try batches()
    var random = CounterRandom(seed: 1, purpose: .order, epoch: epoch)
    func shuffle<Element>(_ values: inout [Element]) {
      for i in values.indices { values.swapAt(i, i + random.below(values.count - i)) }
    }
    var order = Array(batches.pairs.indices)
    shuffle(&order)
    let sorted = order.enumerated().sorted { left, right in
      let (a, b) = (batches.pairs[left.element], batches.pairs[right.element])
      return (a.target.count, a.source.count, left.offset) < (b.target.count, b.source.count, right.offset)
    }.map(\.element)
    var expected: [[Int]] = []
    var room = 0
    for pair in sorted {
      if expected.isEmpty || batches.pairs[pair].positionCount > room {
        expected.append([])
        room = 100
      }
      expected[expected.count - 1].append(pair)
      room -= batches.pairs[pair].positionCount
    }
    shuffle(&expected)
    #expect(batches.plan(epoch: epoch) == expected)
  }

  /// The place of a micro-batch in a run is found by a division, whatever the pools: every epoch has equally many, each with
  /// at most as many positions as allowed, and every pair once.
  @Test(arguments: [1, 7, 40, 64, 99, 149, 150, 300], [1, 45, 100, 1000])
  func epochsHaveEquallyManyMicrobatches(pairsPerPool: Int, tokensPerMicrobatch: Int) throws {
    let batches = try batches(tokensPerMicrobatch: tokensPerMicrobatch, pairsPerPool: pairsPerPool)
    for epoch in 0..<20 {
      let plan = batches.plan(epoch: epoch)
      #expect(plan.count == batches.microbatchesPerEpoch)
      #expect(plan.flatMap { $0 }.sorted() == Array(batches.pairs.indices))
      #expect(
        plan.allSatisfy { indices in
          indices.count == 1
            || indices.reduce(0) { $0 + batches.pairs[$1].positionCount } <= tokensPerMicrobatch
        })
    }
    // Among several pools, pairs of one length meet others from epoch to epoch.
    if pairsPerPool == 64, tokensPerMicrobatch == 1000 {
      let companions = (0..<20).map { epoch in
        Set(batches.plan(epoch: epoch).first { $0.contains(5) } ?? [])
      }
      #expect(Set(companions).count > 10)
    }
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
