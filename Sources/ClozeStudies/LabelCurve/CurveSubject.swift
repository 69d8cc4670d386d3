internal import ClozeCore
package import ClozeData
internal import ClozeEvaluation
internal import ClozeModel
internal import ClozeText
internal import ClozeTraining
package import Foundation

/// What a label curve trains with different numbers of labels, and how it scores the result.
package protocol CurveSubject: Sendable {
  associatedtype Rows: TrainingRows

  /// The model is that of the pretrained arm, whose tokenizer and sizes the other arm has.
  var rows: Rows { get }
  /// The digest of held-out rows.
  var testIdentity: String { get }
  /// N, the number of held-out rows.
  var testCount: Int { get }
  var metrics: HeldOutMetrics { get }

  /// What each held-out row adds to the sums of the scores of the model in `folder`: [N, S].
  func statistics(of folder: URL) throws -> [[Double]]
}

/// How scores are computed from sums over held-out rows.
package struct HeldOutMetrics: Sendable {
  /// The first one is the score of the curve.
  package let names: [String]
  /// From sums, [S].
  package let scores: @Sendable ([Double]) -> [Double]
}

/// Translators, scored by BLEU and chrF with a beam of 5.
package struct TranslationSubject: CurveSubject {
  package let rows: PairRows
  private let test: TranslationPairs
  private let corpusMetrics: [any CorpusMetric]

  package init(_ rows: PairRows, test: TranslationPairs) {
    (self.rows, self.test) = (rows, test)
    corpusMetrics = [BLEU(TranslationEvaluation(test.pairs).metricTokenizer), ChrF()]
  }

  package var testIdentity: String { test.digest.hex }
  package var testCount: Int { test.pairs.count }

  package var metrics: HeldOutMetrics {
    let metrics = corpusMetrics
    return HeldOutMetrics(names: metrics.map(\.name)) { SentenceStatistics.scores(metrics, sums: $0) }
  }

  package func statistics(of folder: URL) throws -> [[Double]] {
    let compute = rows.settings.compute
    let translator = try Translator(
      folder, precision: compute.resolved.elementType, beam: BeamConfiguration())
    let tapes = WorkerGroup(count: compute.workers).tapes(for: translator.model.store)
    let hypotheses = try translator.translate(test.pairs.map(\.source), tapes: tapes).map {
      $0.first?.text ?? ""
    }
    return zip(hypotheses, test.pairs).map { hypothesis, pair in
      corpusMetrics.flatMap { $0.statistics(hypothesis, references: [pair.target]) }
    }
  }
}

/// Classifiers of texts, scored by macro F1, or taggers, scored by the F1 of entities.
package struct LabelSubject: CurveSubject {
  package let rows: LabelRows
  private let test: LabelledFile

  package init(_ rows: LabelRows, test: LabelledFile) { (self.rows, self.test) = (rows, test) }

  package var testIdentity: String { test.digest.hex }
  package var testCount: Int { test.samples.count }
  private var kind: LabelKind { rows.training.kind }
  /// The classes of all rows, so that statistics of models that know fewer can be compared.
  private var classes: [String] {
    Set(rows.training.labels + test.labels).sorted()
  }

  package var metrics: HeldOutMetrics {
    let kind = kind
    return HeldOutMetrics(names: [LabelReport.f1Name(kind)]) {
      [100 * LabelReport.f1(kind, statistics: $0)]
    }
  }

  package func statistics(of folder: URL) throws -> [[Double]] {
    let compute = rows.settings.compute
    let labeller = try Labeller(folder, kind: kind, precision: compute.precision)
    let tapes = WorkerGroup(count: compute.workers).tapes(for: labeller.model.store)
    return try labeller.report(labeller.encode(test), tapes: tapes).statistics(classes: classes)
  }
}
