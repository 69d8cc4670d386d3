package import ClozeCompute
package import ClozeCore
package import ClozeEvaluation
package import ClozeModel
package import Foundation

/// The settings that the runs of all tasks have.
package protocol RunConfiguration: Configuration, Equatable {
  var seed: Int { get }
  var model: EncoderConfiguration { get }
  var optimizer: OptimizerConfiguration { get }
  var average: AverageConfiguration { get }
  var stop: StopConfiguration { get }
  var cadence: CadenceConfiguration { get }
  var compute: ComputeConfiguration { get }
  /// The settings that must be equal between start and resume. All others are replaced by defaults: limits, patience, cadence
  /// and workers.
  var trajectory: Self { get }
}

extension RunConfiguration {
  /// The digest of what decides the bits and the best checkpoint of a run that comes to its end: `trajectory`, with the precision
  /// that `automatic` means here, the limits, and when it validates.
  /// - Throws: `ConfigurationError`
  package var resultDigest: Digest {
    get throws {
      let precision = compute.resolved.precision.rawValue
      return Digest(of: try trajectory.yaml() + "\(precision) \(stop) \(cadence.validationSteps)")
    }
  }
}

/// What a run trains: its data, its model, and its validation. `TrainingRun` does everything else, from the lock of the
/// folder to the last checkpoint, the same for every task.
///
/// A task opens and checks its data before its model is made, so its errors are thrown before anything is computed or
/// written.
package protocol TrainingTask: Sendable {
  associatedtype Settings: RunConfiguration
  /// A model with the batches that it learns from.
  associatedtype Training: Objective

  /// The name of the task in a checkpoint's manifest.
  static var purpose: String { get }

  /// All settings, with the sizes that come from data and checkpoints.
  var configuration: Settings { get }
  /// The digests, by name, of what the run is made from. A run resumes only with the same ones.
  var identities: CheckpointManifest.Identities { get }
  /// The advice if an identity differs from a checkpoint's.
  var identityMend: String { get }
  /// The loss, in nats, of a model that knows how frequent each token is, and reads no context; nil if it is unknown.
  var contextFreeLoss: Double? { get }
  /// Whether it learns from raw text, most of which it reads once, and not from labelled rows.
  var readsRawText: Bool { get }
  /// Validations without a better score after which the run ends; 0 for never.
  var patience: Int { get }
  /// The memory, in bytes, that reading the data will need.
  var dataBytes: Int { get }

  /// The model of a checkpoint; nil means the model of a new run.
  func start(from checkpoint: URL?) throws -> TrainingStart<Training>
  /// Scores the current model, on the given tapes.
  func validate(_ training: Training, tapes: [Tape]) throws -> ValidationReport
  /// How much lower the loss is, in nats a prediction, with the sample's own input than with that of another one; near 0 if
  /// the model does not read its input. It is a function of the parameters alone. nil if it is not known, and for tasks in
  /// which a model that will learn stands at 0 for long.
  func inputGain(_ training: Training, tapes: [Tape]) throws -> Double?
  /// Writes the model folder of a checkpoint.
  func write(_ training: Training, to folder: URL) throws
}

extension TrainingTask {
  package var identityMend: String { "resume with what the run was started with" }
  package var contextFreeLoss: Double? { nil }
  package var readsRawText: Bool { false }
  package func inputGain(_ training: Training, tapes: [Tape]) throws -> Double? { nil }
  package var patience: Int { 0 }
  package var dataBytes: Int { 0 }
}

/// A model to train, and the origin of each of its tensors.
package struct TrainingStart<Training: Objective>: Sendable {
  package let training: Training
  package let origins: TensorOrigins

  package init(_ training: Training, origins: TensorOrigins = []) {
    self.training = training
    self.origins = origins
  }
}
