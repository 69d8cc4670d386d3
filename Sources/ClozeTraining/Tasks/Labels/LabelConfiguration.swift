package import ClozeCore
internal import ClozeEvaluation
package import ClozeModel

/// All settings of a run that trains a classifier of texts or of words. Each has its default here and its explanation in
/// `configs/labels.yaml`.
package struct LabelConfiguration: RunConfiguration {
  /// The score that ranks checkpoints.
  package enum Ranking: String, NamedChoice {
    /// The macro average over classes, or the F1 of entities.
    case f1 = "F1"
    case accuracy
    /// Of the validation samples, without label smoothing; less is better.
    case loss
  }

  package struct Validation: Codable, Sendable, Equatable {
    /// The score for `best` and `patience`.
    package var rankBy = Ranking.f1
    /// Validations without a better score after which the run ends; 0 for never.
    package var patience = 0
  }

  package var seed = 1
  /// The sizes for a start from scratch; a start from a checkpoint has the checkpoint's. The dropout rates are for
  /// both.
  package var model = EncoderConfiguration.standard
  package var batch = LengthBatchConfiguration(tokensPerMicrobatch: 512, microbatches: 2)
  package var labelSmoothing = 0.0
  package var optimizer = LabelConfiguration.defaultOptimizer
  package var average = AverageConfiguration()
  package var stop = StopConfiguration(steps: 1_000)
  package var validation = Validation()
  package var cadence = LabelConfiguration.defaultCadence
  package var compute = ComputeConfiguration()

  private static var defaultOptimizer: OptimizerConfiguration {
    var optimizer = OptimizerConfiguration()
    optimizer.learningRate = 5e-4
    optimizer.schedule.warmupSteps = 100
    return optimizer
  }

  private static var defaultCadence: CadenceConfiguration {
    var cadence = CadenceConfiguration()
    cadence.validationSteps = 100
    cadence.checkpointSteps = 100
    return cadence
  }

  package init() {}

  package func validate() throws {
    let require = SettingsCheck()
    try require(seed, in: 0...1 << 53, "seed")
    try model.validate(section: "model")
    try batch.validate(shortest: 5)
    try require(
      labelSmoothing >= 0 && labelSmoothing < 1, "labelSmoothing",
      "is \(labelSmoothing); choose a share in 0 ..< 1")
    try require(
      validation.patience >= 0, "validation.patience", "is \(validation.patience); choose 0 (never) or more")
    try optimizer.validate()
    try average.validate()
    try stop.validate()
    try cadence.validate()
    try compute.validate()
  }

  package var trajectory: LabelConfiguration {
    var settings = self
    settings.stop = StopConfiguration(steps: 1)
    settings.cadence = CadenceConfiguration()
    // What is scored, and how, stays: other scores cannot be compared with that of the best checkpoint.
    settings.validation.patience = 0
    settings.compute.workers = 0
    return settings
  }
}
