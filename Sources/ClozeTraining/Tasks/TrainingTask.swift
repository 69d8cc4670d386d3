package import ClozeCompute
package import ClozeCore
package import ClozeEvaluation
package import ClozeModel
package import Foundation

/// The settings that every run has, whatever its task.
package protocol RunConfiguration: Configuration, Equatable {
  var seed: Int { get }
  var optimizer: OptimizerConfiguration { get }
  var stop: StopConfiguration { get }
  var cadence: CadenceConfiguration { get }
  var compute: ComputeConfiguration { get }
  /// The same settings with the defaults in place of those that decide no bit of a run: how long it goes, how often it
  /// validates and saves, who computes it.
  var trajectory: Self { get }
}

/// What a run trains: its data, its model, and how the model is judged. The run itself, from the lock on its folder to the
/// last checkpoint, is `TrainingRun`, the same for every task.
///
/// A task is opened and checked before its model is made: what it throws, it throws before anything is computed or written.
package protocol TrainingTask: Sendable {
  associatedtype Settings: RunConfiguration
  /// A model, and the batches that it learns from.
  associatedtype Training: Objective

  /// What a checkpoint's manifest calls it.
  static var purpose: String { get }

  /// All settings, with the sizes that data and checkpoints decide.
  var configuration: Settings { get }
  /// Digests, by name, of what the run is made from. A run resumes with the same ones only.
  var identities: CheckpointManifest.Identities { get }
  /// What to do about identities that differ from a checkpoint's.
  var identityMend: String { get }
  /// The loss, in nats, of a model that knows nothing of context; nil where it is not known.
  var contextFreeLoss: Double? { get }
  /// Validations without a better score after which the run ends; 0 for never.
  var patience: Int { get }
  /// Bytes that reading the data will come to hold.
  var dataBytes: Int { get }

  /// The model of a checkpoint, or that of a new run where there is none.
  func start(from checkpoint: URL?) throws -> TrainingStart<Training>
  /// Scores the model as it is, on the given tapes.
  func validate(_ training: Training, tapes: [Tape]) throws -> ValidationReport
  /// Writes the model folder of a checkpoint.
  func write(_ training: Training, to folder: URL) throws
}

extension TrainingTask {
  package var identityMend: String { "resume with what the run was started with" }
  package var contextFreeLoss: Double? { nil }
  package var patience: Int { 0 }
  package var dataBytes: Int { 0 }
}

/// A model that is about to be trained, and where each of its tensors came from.
package struct TrainingStart<Training: Objective>: Sendable {
  package let training: Training
  package let origins: TensorOrigins

  package init(_ training: Training, origins: TensorOrigins = []) {
    self.training = training
    self.origins = origins
  }
}
