package import ClozeCompute
package import ClozeData
package import ClozeText

/// Scores of a translation model on labelled pairs, by sacreBLEU's definitions: BLEU and chrF, which are quick enough for
/// validation during a run, and with `metrics` all others.
package struct TranslationEvaluation: Sendable {
  package struct Report: Sendable {
    package let hypotheses: [String]
    package let bleu: MetricScore
    package let chrF: MetricScore
    /// See `TranslationEvaluation.diversity`: near 0 if the decoder ignores its source.
    package let diversity: Double
    /// The indices of the pairs with each problem.
    package let problems: [TranslationProblem: [Int]]

    /// Whether there are so few distinct translations that the decoder must be ignoring its source. What repeats itself, such as "the
    /// the the", is the same at any length: it goes on to the limit, which depends on the length of the source.
    package var ignoresSource: Bool {
      guard hypotheses.count >= 20 else { return false }
      let collapsed = Set(hypotheses.map(TranslationEvaluation.withoutRepeats)).count
      return diversity * Double(collapsed) / Double(max(1, Set(hypotheses).count)) < 0.1
    }

    /// Warnings about the translations.
    package var warnings: [String] {
      if let lines = problems[.notFinite] {
        return [
          "the model gives numbers that are not finite for \(lines.count) of \(hypotheses.count) sentences, which count as "
            + "empty translations; its weights are damaged or its training diverged"
        ]
      }
      guard ignoresSource else { return [] }
      return [
        "only \(Set(hypotheses).count) different translations for \(hypotheses.count) sentences: the decoder "
          + "ignores its source so far; train longer, or lower optimizer.learningRate"
      ]
    }
  }

  private let pairs: [TranslationPair]
  /// How BLEU splits the target language.
  package let metricTokenizer: MetricTokenizer

  /// BLEU, chrF, chrF++ and TER, in this order.
  package var metrics: [any CorpusMetric] { [BLEU(metricTokenizer), ChrF(), ChrF.plusPlus, TER()] }

  /// - Parameter metricTokenizer: how BLEU splits the target language; nil chooses by the targets.
  package init(_ pairs: [TranslationPair], metricTokenizer: MetricTokenizer? = nil) {
    self.pairs = pairs
    self.metricTokenizer = metricTokenizer ?? TranslationEvaluation.metricTokenizer(for: pairs)
  }

  /// Translates every source and scores the translations against the targets.
  package func run(_ translator: Translator, tapes: [Tape]) throws -> Report {
    var problems: [TranslationProblem: [Int]] = [:]
    let hypotheses = try translator.translate(pairs.map(\.source), tapes: tapes) { index, problem in
      problems[problem, default: []].append(index)
    }.map { $0.first?.text ?? "" }
    let references = pairs.map(\.target)
    return Report(
      hypotheses: hypotheses, bleu: BLEU(metricTokenizer).score(hypotheses, references: references),
      chrF: ChrF().score(hypotheses, references: references),
      diversity: TranslationEvaluation.diversity(of: hypotheses, pairs: pairs),
      problems: problems)
  }

  /// A text without words, and then characters, that stand right after an equal one.
  private static func withoutRepeats(_ text: String) -> String {
    func collapsed<Element: Equatable>(_ elements: some Sequence<Element>) -> [Element] {
      elements.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }
    return String(collapsed(collapsed(text.split(separator: " ")).joined(separator: " ")))
  }

  /// Distinct translations divided by distinct sources.
  package static func diversity(of translations: [String], pairs: [TranslationPair]) -> Double {
    Double(Set(translations).count) / Double(max(1, Set(pairs.map(\.source)).count))
  }

  /// `zh` if most letters of the targets are Chinese, else `13a`.
  private static func metricTokenizer(for pairs: [TranslationPair]) -> MetricTokenizer {
    var (chinese, others) = (0, 0)
    for scalar in pairs.lazy.flatMap(\.target.unicodeScalars)
    where scalar.properties.isAlphabetic {
      if scalar.properties.isIdeographic { chinese += 1 } else { others += 1 }
    }
    return chinese > others ? .chinese : .western
  }
}
