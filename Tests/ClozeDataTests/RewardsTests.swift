import ClozeCore
import ClozeData
import ClozeTestSupport
import Foundation
import Testing

/// What policy gradient makes of the scores of a discriminator, and which files have none.
@Suite struct RewardsTests {
  private let folder: TemporaryFolder
  private static let model = Digest(of: "model")

  init() throws { folder = try TemporaryFolder() }

  private static let seed = 3
  private static let rows = (0..<40).map { number in
    SyntheticRow(
      TranslationPair(source: "s\(number)", target: "t\(number / 2)"), score: Double(number % 7) / 10)
  }

  private func rewards(
    _ rows: [SyntheticRow] = RewardsTests.rows, generator: Digest = RewardsTests.model,
    change: (inout SyntheticManifest.Settings) -> Void = { _ in }
  ) throws -> Rewards {
    let url = folder.file("\(UUID().uuidString).tsv")
    var settings = SyntheticManifest.Settings(
      model: Self.model, tokenizer: Digest(of: "tokenizer"), precision: "float32", beam: nil,
      sampling: SamplingConfiguration(), lengthRatio: 3, limit: nil)
    settings.discriminator = SyntheticManifest.DiscriminatorSettings(
      file: Digest(of: "file"), pairs: Digest(of: "pairs"), start: Digest(of: "start"),
      settings: Digest(of: "settings"), folds: PairFolds(count: 3, seed: Self.seed), keep: 1)
    change(&settings)
    let file = try SyntheticFile(url, settings: settings, resumes: false)
    try file.append(rows.map(\.pair.target), rows.map { .success($0) })
    _ = try file.finish()
    return try Rewards(
      SyntheticPairs(url, tokenizer: nil), path: "judged.tsv", generator: generator.hex)
  }

  /// Mean 0 and deviation 1 in each fold, and the order of the rewards.
  @Test func advantagesAreStandardisedInEachFold() throws {
    let rewards = try rewards()
    let numbers = Self.rows.indices.filter { $0 % 5 != 2 }
    let advantages = try rewards.advantages(of: numbers)
    let folds = PairFolds(count: 3, seed: Self.seed)
    let found = Dictionary(grouping: numbers.indices) { folds.fold(of: Self.rows[numbers[$0]].pair) }
    #expect(Set(found.keys) == [0, 1, 2])
    for places in found.values {
      let values = places.map { advantages[$0] }
      let mean = values.reduce(0, +) / Double(values.count)
      let square = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
      #expect(abs(mean) < 1e-9 && abs(square - 1) < 1e-9, "\(mean), \(square)")
      let order = places.sorted { advantages[$0] < advantages[$1] }.map { Self.rows[numbers[$0]].score }
      #expect(order == order.sorted())
    }
    // The two sources of a target are in one fold.
    #expect(
      (0..<20).allSatisfy {
        folds.fold(of: Self.rows[2 * $0].pair) == folds.fold(of: Self.rows[2 * $0 + 1].pair)
      })
  }

  /// A fold in which all rewards are equal says nothing, and the others do.
  @Test func aFoldWithoutDifferencesHasNoAdvantages() throws {
    let folds = PairFolds(count: 3, seed: Self.seed)
    let rows = Self.rows.map { SyntheticRow($0.pair, score: folds.fold(of: $0.pair) == 1 ? 0.5 : $0.score) }
    let advantages = try rewards(rows).advantages(of: Array(rows.indices))
    for (row, advantage) in zip(rows, advantages) where folds.fold(of: row.pair) == 1 {
      #expect(advantage == 0)
    }
    #expect(advantages.contains { $0 > 1 })
    let equal = rows.map { SyntheticRow($0.pair, score: 0.5) }
    #expect(
      failureMessage { _ = try rewards(equal).advantages(of: Array(rows.indices)) }.contains(
        "judged.tsv: its rewards are all equal"))
  }

  @Test func filesWithoutRewardsAreRefused() throws {
    typealias Change = (inout SyntheticManifest.Settings) -> Void
    let cases: [(Change, String)] = [
      (
        { $0.discriminator = nil },
        "judged.tsv: no discriminator has judged its pairs, so there are no rewards; give the output of augment "
          + "--discriminate judged.tsv --keep 1"
      ),
      ({ ($0.sampling, $0.beam) = (nil, 5) }, "a search found its sources"),
      ({ $0.sampling?.temperature = 0.8 }, "with temperature 0.8 and top-k 0"),
      ({ $0.sampling?.topK = 10 }, "with temperature 1.0 and top-k 10"),
      ({ $0.discriminator?.keep = 0.5 }, "holds the best 50.0 % of the pairs"),
      ({ $0.discriminator?.seed = nil }, "an earlier version made it"),
    ]
    for (change, expected) in cases {
      let message = failureMessage { _ = try rewards(change: change) }
      #expect(message.contains(expected), "\(message)")
    }
    let other = Digest(of: "other")
    #expect(
      failureMessage { _ = try rewards(generator: other) }.contains(
        "model \(Self.model.short) has drawn its sources, and --model is \(other.short)"))
    let bad = [SyntheticRow(Self.rows[0].pair, score: 0.5), SyntheticRow(Self.rows[1].pair, score: 1.5)]
    #expect(failureMessage { _ = try rewards(bad) }.contains("judged.tsv:2: its score is no probability"))
  }
}
