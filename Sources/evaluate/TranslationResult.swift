import ClozeCLI
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeText
import Foundation

/// The result of `--translation`, as a table and as JSON.
struct TranslationResult {
  /// Translations of a system with their scores, in the order of `TranslationEvaluation.metrics`.
  private struct Scored {
    let translated: TranslatedPairs
    let scores: [MetricScore]
    let intervals: [ClosedRange<Double>]
    let copied: CopiedWords
  }

  private let pairCount: Int
  /// The digest of the pairs.
  private let data: Digest
  private let beam: BeamConfiguration
  private let metricTokenizer: MetricTokenizer
  private let metricNames: [String]
  private let system: Scored
  private let other: Scored?
  private let comparison: SystemComparison?

  init(
    _ file: TranslationPairs, beam: BeamConfiguration, metricTokenizer: MetricTokenizer?,
    system: TranslatedPairs, against other: TranslatedPairs?, workers: WorkerGroup
  ) {
    let evaluation = TranslationEvaluation(file.pairs, metricTokenizer: metricTokenizer)
    func statistics(_ translated: TranslatedPairs) -> SentenceStatistics {
      SentenceStatistics(
        translated.hypotheses, references: file.pairs.map(\.target), metrics: evaluation.metrics,
        workers: workers
      )
    }
    func scored(_ translated: TranslatedPairs, _ statistics: SentenceStatistics) -> Scored {
      Scored(
        translated: translated, scores: statistics.scores, intervals: statistics.intervals(),
        copied: CopiedWords(translated.hypotheses, pairs: file.pairs))
    }
    (pairCount, data, self.beam) = (file.pairs.count, file.digest, beam)
    self.metricTokenizer = evaluation.metricTokenizer
    metricNames = evaluation.metrics.map(\.name)
    let own = statistics(system)
    let others = other.map(statistics)
    self.system = scored(system, own)
    self.other = other.flatMap { other in others.map { scored(other, $0) } }
    comparison = others.map { SystemComparison(own, $0) }
  }

  /// Of two systems, a warning that does not concern both says which one it concerns.
  var warnings: [String] {
    let own = system.translated.warnings
    guard let others = other?.translated.warnings else { return own }
    return own.map { others.contains($0) ? $0 : "A: " + $0 }
      + others.filter { !own.contains($0) }.map { "B: " + $0 } + [comparison?.warning].compactMap { $0 }
  }

  /// Whether the models gave numbers for all sentences.
  var isFinite: Bool { system.translated.isFinite && other?.translated.isFinite ?? true }

  // MARK: For people

  var text: String {
    guard let other, let comparison else {
      var table = Table(zip(metricNames, cells(system)).map { ($0, $1) })
      addCopied(to: &table, [("copied", system)])
      addOrigins(to: &table, [("model", system)])
      return ([table.text] + notes + [signatures(system)]).joined(separator: "\n")
    }
    var lines = [["", "A", "B", "A - B", "p, bootstrap", "p, randomisation"]]
    for (score, cells) in zip(comparison.scores, zip(cells(system), cells(other))) {
      lines.append([
        score.name, cells.0, cells.1,
        (score.difference < 0 ? "" : "+") + Figure.decimal(score.difference, 2),
        Figure.decimal(score.bootstrapP, 4), Figure.decimal(score.randomizationP, 4),
      ])
    }
    var table = Table()
    addCopied(to: &table, [("copied by A", system), ("copied by B", other)])
    addOrigins(to: &table, [("A", system), ("B", other)])
    return
      ([Table.columns(lines), table.text] + notes + [
        comparison.verdict, "A\n" + signatures(system), "B\n" + signatures(other),
      ]).joined(separator: "\n\n")
  }

  /// 19.28  [17.90, 20.70]
  private func cells(_ scored: Scored) -> [String] {
    zip(scored.scores, scored.intervals).map {
      "\(Figure.decimal($0.value, 2))  [\(Figure.decimal($1.lowerBound, 2)), \(Figure.decimal($1.upperBound, 2))]"
    }
  }

  /// Of what source and reference share.
  private func addCopied(to table: inout Table, _ systems: [(name: String, scored: Scored)]) {
    for (name, scored) in systems {
      let parts = [("numbers", scored.copied.numbers), ("words", scored.copied.words)].compactMap {
        part -> String? in
        part.1.value.map {
          "\(part.0) \(Figure.percent($0, 1)) of \(Figure.count(part.1.count))"
        }
      }
      if !parts.isEmpty { table.add(name, parts.joined(separator: ", ")) }
    }
  }

  private func addOrigins(to table: inout Table, _ systems: [(name: String, scored: Scored)]) {
    table.add("pairs", "\(Figure.count(pairCount)), \(data.short)")
    table.add(
      "search",
      beam.beamSize == 1 ? "greedy" : "beam of \(beam.beamSize), length penalty \(beam.lengthPenalty)")
    for (name, scored) in systems {
      table.add(name, scored.translated.path + (scored.translated.precision.map { ", \($0)" } ?? ""))
    }
  }

  private var notes: [String] {
    metricTokenizer == .chinese
      ? ["TER takes what stands between spaces for a word, so a Chinese sentence without spaces is one."] : []
  }

  private func signatures(_ scored: Scored) -> String {
    zip(metricNames, scored.scores).map { "\($0)|\(signature($1, of: scored))" }.joined(separator: "\n")
  }

  /// sacreBLEU's signature, followed by everything else that decides a score: search, precision, tokenizer, pairs.
  private func signature(_ score: MetricScore, of scored: Scored) -> String {
    "\(score.signature)|\(scored.translated.origin)|data:\(data.short)|n:\(pairCount)"
  }

  // MARK: For programs

  func json() throws -> String {
    let scores = jsonScores(system)
    return try JSONText.encode(
      JSON(
        model: system.translated.path, precision: system.translated.precision, pairs: pairCount,
        data: data.hex,
        beamSize: beam.beamSize, lengthPenalty: beam.lengthPenalty, minimumLength: beam.minimumLength,
        bleu: scores[0], chrF: scores[1], chrFPlusPlus: scores[2], ter: scores[3],
        diversity: system.translated.diversity, copied: JSON.Copied(system.copied),
        hypotheses: system.translated.hypotheses,
        against: other.map {
          let scores = jsonScores($0)
          return JSON.Other(
            path: $0.translated.path, precision: $0.translated.precision, bleu: scores[0], chrF: scores[1],
            chrFPlusPlus: scores[2], ter: scores[3], diversity: $0.translated.diversity,
            copied: JSON.Copied($0.copied), hypotheses: $0.translated.hypotheses)
        }, comparison: comparison.map(JSON.Comparison.init), warnings: warnings))
  }

  private func jsonScores(_ scored: Scored) -> [JSON.Score] {
    zip(scored.scores, scored.intervals).map {
      JSON.Score(
        value: $0.value, interval: [$1.lowerBound, $1.upperBound], signature: signature($0, of: scored))
    }
  }
}

/// The keys of `--json`. They must not change, since programs read them.
private struct JSON: Encodable {
  struct Score: Encodable {
    let value: Double
    let interval: [Double]
    let signature: String
  }

  /// The other system.
  struct Other: Encodable {
    let path: String
    let precision: String?
    let bleu: Score
    let chrF: Score
    let chrFPlusPlus: Score
    let ter: Score
    let diversity: Double
    let copied: Copied
    let hypotheses: [String]
  }

  /// What source and reference share, and how much of it the translation has.
  struct Copied: Encodable {
    struct Share: Encodable {
      let copied: Int
      let count: Int

      init(_ share: CopiedWords.Share) { (copied, count) = (share.copied, share.count) }
    }

    let numbers: Share
    let words: Share

    init(_ copied: CopiedWords) { (numbers, words) = (Share(copied.numbers), Share(copied.words)) }
  }

  struct Comparison: Encodable {
    struct Score: Encodable {
      let name: String
      /// The model's score without the other's.
      let difference: Double
      let bootstrapP: Double
      let randomizationP: Double
      let isSignificant: Bool
    }

    let scores: [Score]
    let level = SystemComparison.level
    let resamples = SystemComparison.resampleCount
    let trials = SystemComparison.trialCount
    let verdict: String

    init(_ comparison: SystemComparison) {
      verdict = comparison.verdict
      scores = comparison.scores.map {
        Score(
          name: $0.name, difference: $0.difference, bootstrapP: $0.bootstrapP,
          randomizationP: $0.randomizationP, isSignificant: $0.isSignificant)
      }
    }
  }

  let model: String
  let precision: String?
  let pairs: Int
  let data: String
  let beamSize: Int
  let lengthPenalty: Double
  let minimumLength: Int
  let bleu: Score
  let chrF: Score
  let chrFPlusPlus: Score
  let ter: Score
  let diversity: Double
  let copied: Copied
  let hypotheses: [String]
  let against: Other?
  let comparison: Comparison?
  let warnings: [String]
}
