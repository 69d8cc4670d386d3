internal import ClozeCore
package import ClozeData
internal import ClozeEvaluation
package import ClozeModel
package import ClozeTraining
package import Foundation

/// Settings of runs on labelled rows that a study changes.
package protocol RowSettings: SearchedSettings {
  var optimizer: OptimizerConfiguration { get set }
  var model: EncoderConfiguration { get set }
  /// The figure that ranks checkpoints, as `metrics.jsonl` names it, and whether more of it is better.
  var rankingFigure: (name: String, prefersLarger: Bool) { get }
}

extension RowSettings {
  /// The figure of a validation that a setting names, of which more is better except of the loss.
  fileprivate func rankingFigure(_ name: String) -> (name: String, prefersLarger: Bool) {
    name == "loss" ? ("validationLoss", false) : (name, true)
  }
}

extension FinetuneConfiguration: RowSettings {
  package var rankingFigure: (name: String, prefersLarger: Bool) { rankingFigure(validation.rankBy.rawValue) }
}

extension LabelConfiguration: RowSettings {
  package var rankingFigure: (name: String, prefersLarger: Bool) { rankingFigure(validation.rankBy.rawValue) }
}

/// The labelled rows of a study's runs, the model that they start from, and their settings before a trial changes them.
package protocol TrainingRows: Sendable {
  associatedtype Task: FinetuningTask & PlannedTask where Task.Settings: RowSettings

  var settings: Task.Settings { get }
  /// A model folder, or a run folder with one.
  var model: URL { get }
  /// For messages.
  var trainingPath: String { get }
  var rowCount: Int { get }
  /// The digests of training and validation rows.
  var identities: [String: String] { get }

  /// - Parameter rows: the indices of the training rows to train on; nil for all.
  func task(_ start: FinetuneStart, rows: [Int]?, settings: Task.Settings) throws -> Task
}

/// The pairs of translators.
package struct PairRows: TrainingRows {
  package let settings: FinetuneConfiguration
  package let model: URL
  private let training: TranslationPairs
  private let validation: TranslationPairs

  package init(
    settings: FinetuneConfiguration, model: URL, training: TranslationPairs, validation: TranslationPairs
  ) {
    (self.settings, self.model) = (settings, model)
    (self.training, self.validation) = (training, validation)
  }

  package var trainingPath: String { training.path }
  package var rowCount: Int { training.pairs.count }
  package var identities: [String: String] {
    ["train": training.digest.hex, "validation": validation.digest.hex]
  }

  package func task(_ start: FinetuneStart, rows: [Int]?, settings: FinetuneConfiguration) throws
    -> TranslationTask
  {
    try TranslationTask(
      configuration: settings, start: start,
      training: rows.map { TranslationPairs($0.map { training.pairs[$0] }, path: training.path) } ?? training,
      validation: validation)
  }
}

/// The samples of classifiers of texts, or of taggers.
package struct LabelRows: TrainingRows {
  package let settings: LabelConfiguration
  package let model: URL
  let training: LabelledFile
  private let validation: LabelledFile

  package init(
    settings: LabelConfiguration, model: URL, training: LabelledFile, validation: LabelledFile
  ) {
    (self.settings, self.model) = (settings, model)
    (self.training, self.validation) = (training, validation)
  }

  package var trainingPath: String { training.path }
  package var rowCount: Int { training.samples.count }
  package var identities: [String: String] {
    ["train": training.digest.hex, "validation": validation.digest.hex]
  }

  package func task(_ start: FinetuneStart, rows: [Int]?, settings: LabelConfiguration) throws -> LabelTask {
    try LabelTask(
      configuration: settings, start: start,
      training: rows.map {
        LabelledFile(training.kind, $0.map { training.samples[$0] }, path: training.path)
      } ?? training,
      validation: validation)
  }
}
