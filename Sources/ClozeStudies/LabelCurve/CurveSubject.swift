internal import ClozeCore
package import ClozeData
package import ClozeEvaluation
internal import ClozeModel
package import ClozeText
package import ClozeTraining
package import Foundation

/// What a label curve trains with different numbers of labels, and how it scores the result.
package protocol CurveSubject: Sendable {
  associatedtype Task: FinetuningTask where Task.Settings: CurveSettings

  /// Of the runs, before a trial changes them.
  var settings: Task.Settings { get }
  /// The model of the pretrained arm, whose tokenizer and sizes the other arm has.
  var model: URL { get }
  /// For messages.
  var trainingPath: String { get }
  var rowCount: Int { get }
  /// The digests of training, validation and held-out rows.
  var identities: [String: String] { get }
  var metrics: HeldOutMetrics { get }

  /// - Parameter rows: the indices of the training rows to train on.
  func task(_ start: FinetuneStart, rows: [Int], settings: Task.Settings) throws -> Task
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
  package let settings: FinetuneConfiguration
  package let model: URL
  private let training: TranslationPairs
  private let validation: TranslationPairs
  private let test: TranslationPairs
  private let corpusMetrics: [any CorpusMetric]

  package init(
    settings: FinetuneConfiguration, model: URL, training: TranslationPairs, validation: TranslationPairs,
    test: TranslationPairs
  ) {
    (self.settings, self.model) = (settings, model)
    (self.training, self.validation, self.test) = (training, validation, test)
    corpusMetrics = [BLEU(TranslationEvaluation(test.pairs).metricTokenizer), ChrF()]
  }

  package var trainingPath: String { training.path }
  package var rowCount: Int { training.pairs.count }
  package var identities: [String: String] {
    ["train": training.digest.hex, "validation": validation.digest.hex, "test": test.digest.hex]
  }

  package var metrics: HeldOutMetrics {
    let metrics = corpusMetrics
    return HeldOutMetrics(names: metrics.map(\.name)) { SentenceStatistics.scores(metrics, sums: $0) }
  }

  package func task(_ start: FinetuneStart, rows: [Int], settings: FinetuneConfiguration) throws
    -> TranslationTask
  {
    try TranslationTask(
      configuration: settings, start: start,
      training: TranslationPairs(rows.map { training.pairs[$0] }, path: training.path),
      validation: validation)
  }

  package func statistics(of folder: URL) throws -> [[Double]] {
    let translator = try Translator(
      folder, precision: settings.compute.resolved.elementType, beam: BeamConfiguration())
    let tapes = WorkerGroup(count: settings.compute.workers).tapes(for: translator.model.store)
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
  package let settings: LabelConfiguration
  package let model: URL
  private let training: LabelledFile
  private let validation: LabelledFile
  private let test: LabelledFile

  package init(
    settings: LabelConfiguration, model: URL, training: LabelledFile, validation: LabelledFile,
    test: LabelledFile
  ) {
    (self.settings, self.model) = (settings, model)
    (self.training, self.validation, self.test) = (training, validation, test)
  }

  package var trainingPath: String { training.path }
  package var rowCount: Int { training.samples.count }
  package var identities: [String: String] {
    ["train": training.digest.hex, "validation": validation.digest.hex, "test": test.digest.hex]
  }
  /// The classes of all rows, so that statistics of models that know fewer can be compared.
  private var classes: [String] {
    Set(training.labels + test.labels).sorted()
  }

  package var metrics: HeldOutMetrics {
    let kind = training.kind
    return HeldOutMetrics(names: [LabelReport.f1Name(kind)]) {
      [100 * LabelReport.f1(kind, statistics: $0)]
    }
  }

  package func task(_ start: FinetuneStart, rows: [Int], settings: LabelConfiguration) throws -> LabelTask {
    try LabelTask(
      configuration: settings, start: start,
      training: LabelledFile(training.kind, rows.map { training.samples[$0] }, path: training.path),
      validation: validation)
  }

  package func statistics(of folder: URL) throws -> [[Double]] {
    let labeller = try Labeller(folder, kind: training.kind, precision: settings.compute.precision)
    let tapes = WorkerGroup(count: settings.compute.workers).tapes(for: labeller.model.store)
    return try labeller.report(labeller.encode(test), tapes: tapes).statistics(classes: classes)
  }
}
