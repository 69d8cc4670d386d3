import ClozeEvaluation
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

private struct PairedFixture: Decodable {
  struct Corpus: Decodable {
    let others: [String]
    /// For each metric the scores of A and B.
    let scores: [[Double]]
    let bs: [Double]
    let ar: [Double]
  }

  let corpora: [String: Corpus]
  let resamples: [String]
  let keeps: [String]

  /// The sentences of each resample.
  var drawn: [[Int]] { resamples.map { $0.split(separator: " ").compactMap { Int($0) } } }
  /// The sentences whose translations each trial swaps.
  var swapped: [[Int]] { keeps.map { zip(0..., $0).filter { $0.1 == "0" }.map(\.0) } }
}

private struct Texts: Decodable {
  let hypotheses: [String]
  let references: [String]
}

private func decode<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
  try JSONDecoder().decode(type, from: Data(contentsOf: Fixtures.url(name)))
}

@Suite struct SystemComparisonTests {
  private func metrics(_ tokenizer: MetricTokenizer) -> [any CorpusMetric] {
    [BLEU(tokenizer), ChrF(), ChrF.plusPlus, TER()]
  }

  /// With the draws of sacreBLEU, its p-values.
  @Test(arguments: [("en", MetricTokenizer.western), ("zh", .chinese)])
  func equalsTheReference(language: String, tokenizer: MetricTokenizer) throws {
    let fixture = try decode("paired.json", as: PairedFixture.self)
    let corpus = try #require(fixture.corpora[language])
    let texts = try #require(try decode("metrics.json", as: [String: Texts].self)[language])
    let systems = [texts.hypotheses, corpus.others].map {
      SentenceStatistics($0, references: texts.references, metrics: metrics(tokenizer))
    }
    let comparison = SystemComparison(
      systems[0], systems[1],
      resamples: fixture.drawn, swaps: fixture.swapped)
    #expect(comparison.scores.map(\.name) == ["BLEU", "chrF", "chrF++", "TER"])
    for (index, score) in comparison.scores.enumerated() {
      #expect(abs(score.values.a - corpus.scores[index][0]) < 1e-9)
      #expect(abs(score.values.b - corpus.scores[index][1]) < 1e-9)
      #expect(abs(score.bootstrapP - corpus.bs[index]) < 1e-12, "\(score.name)")
      #expect(abs(score.randomizationP - corpus.ar[index]) < 1e-12, "\(score.name)")
    }
  }

  @Test func aScoreIsTheSameFromStatistics() throws {
    let texts = try #require(try decode("metrics.json", as: [String: Texts].self)["en"])
    let statistics = SentenceStatistics(
      texts.hypotheses, references: texts.references, metrics: metrics(.western),
      workers: WorkerGroup(count: 3)
    )
    for (metric, score) in zip(statistics.metrics, statistics.scores) {
      #expect(metric.score(texts.hypotheses, references: texts.references) == score)
    }
    for (interval, score) in zip(statistics.intervals(), statistics.scores) {
      #expect(interval.contains(score.value) && interval.lowerBound < interval.upperBound)
    }
  }

  private func compare(_ a: [String], _ b: [String], _ references: [String]) -> SystemComparison {
    SystemComparison(
      SentenceStatistics(a, references: references, metrics: metrics(.western)),
      SentenceStatistics(b, references: references, metrics: metrics(.western)))
  }

  /// No test finds a difference between two scores of 0, whatever the sentences.
  @Test func equalScoresOfUnequalSentences() {
    let comparison = compare(
      (0..<30).map { "x\($0) y" }, (0..<30).map { "x\($0) y z" }, (0..<30).map { "one two three \($0)" })
    #expect(comparison.scores[0].values.a == 0 && comparison.scores[0].values.b == 0)
    #expect(comparison.scores[0].bootstrapP == 1 && comparison.scores[0].randomizationP == 1)
    #expect(!comparison.verdict.contains("BLEU, ") && comparison.warning == nil)
  }

  /// Five sentences can be given to two systems in 2^4 ways that differ, so no p-value is below 5 %.
  @Test(arguments: [1, 5]) func fewSentencesTellNothing(count: Int) {
    let references = (0..<count).map { "the quick brown fox number \($0) jumps over the dog" }
    let comparison = compare(references, references.map { "a " + $0.dropLast(12) }, references)
    #expect(comparison.verdict.hasPrefix("Neither is better beyond chance: "))
    #expect(comparison.warning == "\(count) sentences are too few to tell two systems apart")
  }

  /// Swapping the systems changes the sign and nothing else; where nothing differs, p is 1.
  @Test func theSystemsAreTreatedAlike() throws {
    let fixture = try decode("paired.json", as: PairedFixture.self)
    let texts = try #require(try decode("metrics.json", as: [String: Texts].self)["en"])
    let others = try #require(fixture.corpora["en"]).others
    let systems = [texts.hypotheses, others, texts.references].map {
      SentenceStatistics(
        $0, references: texts.references, metrics: metrics(.western))
    }
    func compare(_ a: Int, _ b: Int) -> SystemComparison {
      SystemComparison(systems[a], systems[b], resamples: fixture.drawn, swaps: fixture.swapped)
    }
    let (forward, backward) = (compare(0, 1), compare(1, 0))
    for (one, two) in zip(forward.scores, backward.scores) {
      #expect(one.difference == -two.difference)
      #expect(one.bootstrapP == two.bootstrapP && one.randomizationP == two.randomizationP)
      #expect(one.intervals.a == two.intervals.b)
    }
    let same = compare(0, 0)
    #expect(same.scores.allSatisfy { $0.bootstrapP == 1 && $0.randomizationP == 1 && $0.difference == 0 })
    #expect(same.verdict.hasPrefix("Neither is better beyond chance: "))
    #expect(
      compare(2, 0).verdict
        == "A is better than B by BLEU, chrF, chrF++ and TER (5 %, both tests).")
    #expect(compare(0, 2).verdict.hasPrefix("B is better than A by BLEU, chrF, "))
  }
}
