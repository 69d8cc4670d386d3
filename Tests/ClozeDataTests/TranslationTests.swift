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
    return failureMessage { _ = try TranslationPairs(.table(url)) }
  }

  @Test func tabSeparatedLines() throws {
    let url = try folder.write("\u{FEFF}我爱你。\tI love you.\r\n a b \t c \n\n", to: "pairs.tsv")
    #expect(
      try TranslationPairs(.table(url)).pairs == [
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
    // Among so many other bytes these are no sign of a file that is no text.
    let others = String(repeating: "d\te\n", count: 2000)
    let url = try folder.write("a\(space) \t \(space)b\(space)c\(space) \r\n\(others)", to: "pairs.tsv")
    let pair = try TranslationPairs(.table(url)).pairs[0]
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
      failureMessage { _ = try TranslationPairs(.table(folder.file("x.tsv"))) }.contains(
        "x.tsv:1: is not valid")
    )
    #expect(failureMessage { _ = try TranslationPairs(.table(folder.url)) }.contains("is a directory"))
  }

  @Test func parallelFiles() throws {
    let source = try folder.write("a\nb\n", to: "x.zh")
    let target = try folder.write("c\nd", to: "x.en")
    #expect(
      try TranslationPairs(.parallel(source: source, target: target)).pairs.map(\.target) == ["c", "d"])
    try folder.write("c\nd\ne", to: "x.en")
    #expect(
      failureMessage { _ = try TranslationPairs(.parallel(source: source, target: target)) }
        .contains("x.en: has 3 lines"))
    try folder.write("c\n\n\ne", to: "x.en")
    try folder.write("a\nb\nc\nd", to: "x.zh")
    #expect(
      failureMessage { _ = try TranslationPairs(.parallel(source: source, target: target)) }
        .contains("x.en:2: has an empty target"))
  }

  // MARK: Rows that cannot be used

  @Test func badRowsAreLeftOutAndNamed() throws {
    var bytes = Data("a\tb\nno tab\n\tempty source\nempty target\t  \na\tb\tc\n\n".utf8)
    bytes += Data([0xFF, 9, 0x61, 10])
    bytes += Data("\(String(repeating: "long ", count: 500_000))\tx\nc\td\n\n\n".utf8)
    try bytes.write(to: folder.file("pairs.tsv"))
    let file = try TranslationPairs(.table(folder.file("pairs.tsv")), skipsBadRows: true)
    #expect(file.pairs.map(\.source) == ["a", "c"])
    #expect(file.lines == [1, 9])
    let reasons = [
      ":2: has no tab", ":3: has an empty source", ":4: has an empty target", ":5: has more than one tab",
      ":6: has no tab", ":7: is not valid UTF-8", ":8: is longer than 1 MiB",
    ]
    #expect(file.skipped.count == reasons.count)
    for (error, reason) in zip(file.skipped, reasons) { #expect("\(error)".contains("pairs.tsv" + reason)) }
    var findings = RowFindings(of: "pair")
    findings.describeSkippedRows(file)
    #expect(findings.messages.count == 1)
    #expect(findings.messages[0].contains("7 rows cannot be used and were left out; the first: "))
  }

  @Test func aFileOfBadRowsAloneHoldsNoPairs() throws {
    let url = try folder.write("a\nb\n", to: "pairs.tsv")
    let message = failureMessage { _ = try TranslationPairs(.table(url), skipsBadRows: true) }
    #expect(
      message.contains("pairs.tsv: holds no pair that can be used, all 2 rows were skipped; the first: "))
  }

  /// A line goes from both files or from none, also at their ends.
  @Test func parallelFilesStayParallel() throws {
    let source = try folder.write("a\n\nc\nd\n\n", to: "x.zh")
    let target = try folder.write("1\n2\n3\n\n5\n", to: "x.en")
    let file = try TranslationPairs(.parallel(source: source, target: target), skipsBadRows: true)
    #expect(
      file.pairs == [TranslationPair(source: "a", target: "1"), TranslationPair(source: "c", target: "3")])
    #expect(file.lines == [1, 3])
    #expect(file.skipped.map { "\($0)".contains("x.zh") } == [true, false, true])
    #expect(
      failureMessage { _ = try TranslationPairs(.parallel(source: source, target: target)) }
        .contains("x.zh:2: has an empty source"))
  }

  @Test func pairsOfBothSetsAreCounted() {
    func pair(_ source: String, _ target: String) -> TranslationPair {
      TranslationPair(source: source, target: target)
    }
    let training = [pair("a", "1"), pair("b", "2"), pair("c", "3")]
    var findings = RowFindings(of: "pair")
    findings.describeOverlap(
      of: TranslationPairs([pair("d", "4"), pair("b", "2"), pair("c", "4"), pair("a", "1")], path: "v.tsv"),
      with: training)
    #expect(findings.messages.count == 1)
    #expect(
      findings.messages[0].hasPrefix(
        "v.tsv: 2 of its 4 pairs are training pairs as well, and 3 have a source of the training pairs, the first in line 2"
      ))
    #expect(failureMessage { try findings.refuse() }.contains("leave out --strict-pairs"))
    var none = RowFindings(of: "pair")
    none.describeOverlap(of: TranslationPairs([pair("d", "1")]), with: training)
    #expect(none.messages.isEmpty)
  }

  // MARK: Selection and batches

  private func tokenizer() throws -> Tokenizer {
    Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + "abcdefghij".map(String.init)),
      normalizer: .cased)
  }

  private func selection(maximumLength: Int = 30) throws -> PairSelection {
    let letters = "abcdefghij".map(String.init)
    var random = CounterRandom(seed: 3, purpose: .bootstrap)
    let pairs = (0..<300).map { _ in
      let sides = (0..<2).map { _ in
        (0..<1 + random.below(34)).map { _ in letters[random.below(10)] }.joined(separator: " ")
      }
      return TranslationPair(source: sides[0], target: sides[1])
    }
    return try PairSelection(TranslationPairs(pairs), tokenizer: tokenizer(), maximumLength: maximumLength)
  }

  private func batches(
    tokensPerMicrobatch: Int = 100, seed: UInt64 = 1, pairsPerPool: Int = 8192
  ) throws -> LengthBatches<EncodedPair> {
    LengthBatches(
      try selection().encoded, tokensPerMicrobatch: tokensPerMicrobatch, seed: seed,
      samplesPerPool: pairsPerPool)
  }

  /// The order of pairs that fit into one pool, step by step: shuffled, sorted by length, cut, shuffled. Runs of earlier
  /// versions depend on it.
  @Test(arguments: [0, 1, 1000]) func theOrderOfOnePool(epoch: Int) throws {
    let batches = try batches()
    var random = CounterRandom(seed: 1, purpose: .order, epoch: epoch)
    func shuffle<Element>(_ values: inout [Element]) {
      for i in values.indices { values.swapAt(i, i + random.below(values.count - i)) }
    }
    var order = Array(batches.samples.indices)
    shuffle(&order)
    let sorted = order.enumerated().sorted { left, right in
      let (a, b) = (batches.samples[left.element], batches.samples[right.element])
      return (a.target.count, a.source.count, left.offset) < (b.target.count, b.source.count, right.offset)
    }.map(\.element)
    var expected: [[Int]] = []
    var room = 0
    for pair in sorted {
      if expected.isEmpty || batches.samples[pair].positionCount > room {
        expected.append([])
        room = 100
      }
      expected[expected.count - 1].append(pair)
      room -= batches.samples[pair].positionCount
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
      #expect(plan.flatMap { $0 }.sorted() == Array(batches.samples.indices))
      #expect(
        plan.allSatisfy { indices in
          indices.count == 1
            || indices.reduce(0) { $0 + batches.samples[$1].positionCount } <= tokensPerMicrobatch
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

  /// Word dropout hides the share of tokens that it says, on the side that it says, and never a label or a special token.
  @Test(arguments: [(0.0, 0.0), (0.3, 0.0), (0.0, 0.2), (0.5, 0.9)])
  func wordDropoutHidesWhatIsRead(source: Double, target: Double) throws {
    let specials = try DataFixture.vocabulary().specials
    let pairs = (0..<300).map { _ in
      EncodedPair(source: [TokenID](7..<27), target: [TokenID](30..<60))
    }
    func batch(_ step: Int) -> TranslationBatch {
      TranslationBatch(
        pairs, specials: specials, dropout: WordDropout(source: source, target: target),
        random: CounterRandom(seed: 3, purpose: .wordDropout, epoch: step, index: 1))
    }
    let (plain, dropped) = (TranslationBatch(pairs, specials: specials), batch(5))
    #expect(dropped == batch(5))
    #expect(dropped.labels == plain.labels && dropped.sourceOffsets == plain.sourceOffsets)
    #expect(dropped.targetPositions == plain.targetPositions)
    func share(_ ids: [TokenID], _ original: [TokenID]) -> Double {
      for (id, old) in zip(ids, original) where id != old {
        #expect(id == specials.mask && old >= 7)
      }
      let hidden = zip(ids, original).filter { $0.0 != $0.1 }.count
      return Double(hidden) / Double(original.filter { $0 >= 7 }.count)
    }
    #expect(abs(share(dropped.sourceIDs, plain.sourceIDs) - source) < 0.02)
    #expect(abs(share(dropped.targetIDs, plain.targetIDs) - target) < 0.02)
    if source + target > 0 {
      #expect(dropped != batch(6))
    } else {
      #expect(dropped == plain)
    }
  }

  @Test func aBatchIsThePairsWithoutPadding() throws {
    let batches = try batches()
    let specials = try DataFixture.vocabulary().specials
    for indices in batches.plan(epoch: 0) {
      let batch = TranslationBatch(indices.map { batches.samples[$0] }, specials: specials)
      #expect(batch.pairCount == indices.count)
      for (number, index) in indices.enumerated() {
        let pair = batches.samples[index]
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
      #expect(plan.flatMap { $0 }.sorted() == Array(batches.samples.indices))
      for indices in plan {
        let count = indices.reduce(0) { $0 + batches.samples[$1].positionCount }
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

  @Test func longPairsAreLeftOutAndCounted() throws {
    let selection = try selection(maximumLength: 12)
    #expect(selection.encoded.allSatisfy { $0.source.count + 2 <= 12 && $0.target.count + 1 <= 12 })
    #expect(selection.pairs.count == selection.encoded.count)
    #expect(selection.tooLong.count == 300 - selection.pairs.count)
    #expect(selection.tooLong.count > 0)
    let all = try self.selection(maximumLength: 40)
    #expect([all.tooLong, all.sourcesWithoutTokens, all.targetsWithoutTokens] == [[], [], []])
  }

  /// U+3000 is white space to the tokenizer.
  @Test func pairsWithoutTokensAreLeftOutAndCounted() throws {
    let pairs = [("a", "b"), ("\u{3000}", "b"), ("a", "\u{200B}"), ("c", "d")]
    let file = TranslationPairs(pairs.map { TranslationPair(source: $0.0, target: $0.1) }, path: "p.tsv")
    let selection = try PairSelection(file, tokenizer: tokenizer(), maximumLength: 12)
    #expect(selection.pairs.map(\.source) == ["a", "c"])
    #expect(selection.sourcesWithoutTokens == [2])
    #expect(selection.targetsWithoutTokens == [3])
    var findings = RowFindings(of: "pair")
    findings.describe(file, selection, maximumLength: 12)
    #expect(
      findings.messages == [
        "p.tsv: 1 pair has a source without tokens (left out), the first in line 2",
        "p.tsv: 1 pair has a target without tokens (left out), the first in line 3",
      ])
  }

  /// A sample is spread over the whole file, whatever its size, and figures and losses come from the same pairs.
  @Test func aSampleIsDrawnOverAllPairs() throws {
    let selection = try selection()
    let sample = selection.sample(10, seed: 7)
    let places = sample.pairs.map { pair in selection.pairs.firstIndex(of: pair) ?? -1 }
    #expect(places == places.sorted() && Set(places).count == 10)
    let count = selection.pairs.count
    for (stratum, place) in places.enumerated() {
      #expect(place >= stratum * (count / 10) && place <= (stratum + 1) * (count / 10 + 1))
    }
    #expect(
      zip(sample.pairs, sample.encoded).allSatisfy { pair, encoded in
        selection.encoded[selection.pairs.firstIndex(of: pair) ?? 0] == encoded
      })
    #expect(selection.sample(1000, seed: 7).pairs == selection.pairs)
  }
}
