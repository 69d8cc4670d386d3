import ClozeCore
import ClozeData
import ClozeStudies
import ClozeTestSupport
import ClozeText
import ClozeTraining
import Foundation
import Testing

/// Classifiers that tell synthetic pairs from real ones.
@Suite struct DiscriminatorTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let words = ["the", "dog", "cat", "sees", "bird", "house", "tree", "water"]

  private static func sentence(_ number: Int) -> String {
    RandomValues.tokens(4, below: words.count, seed: number).map { words[Int($0)] }.joined(separator: " ")
  }

  private let real = (0..<200).map {
    TranslationPair(source: DiscriminatorTests.sentence($0), target: DiscriminatorTests.sentence(1000 + $0))
  }

  /// Those with an odd number repeat a word, which real ones do not.
  private func synthetic(_ count: Int = 200) throws -> SyntheticPairs {
    let url = folder.file("synthetic-\(count).tsv")
    let settings = SyntheticManifest.Settings(
      model: Digest(of: "model"), tokenizer: Digest(of: "tokenizer"), precision: "float32", beam: 5,
      sampling: nil,
      lengthRatio: 3, limit: nil)
    let file = try SyntheticFile(url, settings: settings, resumes: true)
    let pairs = (0..<count).map { number in
      TranslationPair(
        source: number % 2 == 0 ? Self.sentence(2000 + number) : "tree tree tree tree",
        target: Self.sentence(3000 + number))
    }
    try file.append(pairs.map(\.target), pairs.map { .success(SyntheticRow($0, score: -1)) })
    _ = try file.finish()
    return try SyntheticPairs(url, tokenizer: nil)
  }

  private var settings: LabelConfiguration {
    var settings = LabelConfiguration()
    settings.batch.maximumLength = 16
    settings.batch.tokensPerMicrobatch = 256
    settings.batch.microbatches = 1
    settings.optimizer.learningRate = 2e-3
    settings.optimizer.schedule.warmupSteps = 10
    settings.stop.steps = 100
    settings.cadence.validationSteps = 50
    settings.cadence.checkpointSteps = 50
    return settings
  }

  private func discriminator(_ synthetic: SyntheticPairs, folds: Int = 2, keep: Double = 0.5) throws
    -> Discriminator
  {
    try Discriminator(
      synthetic: synthetic, path: "synthetic.tsv", real: real, settings: settings,
      model: Fixtures.url("bert"),
      folds: folds, keep: keep)
  }

  @Test func pairsLikeRealOnesAreKept() throws {
    let synthetic = try synthetic()
    let discriminator = try discriminator(synthetic, keep: 0.4)
    let scores = try #require(
      try discriminator.run(
        in: folder.file("runs"), resume: .never, isInterrupted: { false }, report: { _ in }))
    // Half of the synthetic pairs are told apart with ease, the others by chance.
    #expect(scores.accuracy > 0.6 && scores.accuracy < 0.9, "\(scores.accuracy)")
    #expect(scores.meanReal > scores.meanSynthetic)
    let odd = stride(from: 1, to: 200, by: 2).map { scores.probabilities[$0] }
    let even = stride(from: 0, to: 200, by: 2).map { scores.probabilities[$0] }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    #expect(mean(odd) + 0.2 < mean(even), "\(mean(odd)), \(mean(even))")
    let rows = discriminator.rows(scores)
    let kept = rows.indices.filter { if case .success = rows[$0] { true } else { false } }
    #expect((80...81).contains(kept.count))
    #expect(kept.count { $0 % 2 == 1 } <= 8, "\(kept)")
    for index in kept {
      let row = try rows[index].get()
      #expect(row.pair == synthetic.rows[index].pair && row.score == scores.probabilities[index])
    }
  }

  /// Interrupted in the second fold and called again, the scores are the same.
  @Test func anInterruptedCallGoesOn() throws {
    let discriminator = try discriminator(synthetic())
    func run(_ name: String, stopAfter: Int? = nil) throws -> Discriminator.Scores? {
      var count = 0
      return try discriminator.run(
        in: folder.file(name), resume: .ifPresent,
        isInterrupted: {
          count += 1
          return count == stopAfter
        }, report: { _ in })
    }
    let whole = try #require(try run("whole"))
    #expect(try run("cut", stopAfter: 130) == nil)
    #expect(FileManager.default.fileExists(atPath: folder.file("cut/fold-2").path))
    #expect(try run("cut")?.probabilities == whole.probabilities)
  }

  @Test func tooFewPairsAreRefused() throws {
    let few = try synthetic(30)
    #expect(
      failureMessage { _ = try discriminator(few) }.contains(
        "synthetic.tsv: 30 synthetic and 200 real pairs are too few for 2 folds"))
  }
}
