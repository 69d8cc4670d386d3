package import ClozeCore
package import ClozeData
internal import ClozeEvaluation
package import ClozeModel

/// All settings of a fine-tuning run. Each has its default here and its explanation in `configs/finetune.yaml`.
package struct FinetuneConfiguration: RunConfiguration {
  /// The score that ranks checkpoints.
  package enum Ranking: String, NamedChoice {
    case chrF
    case bleu = "BLEU"
    /// Of the validation pairs, without label smoothing; less is better.
    case loss
  }

  package struct Validation: Codable, Sendable, Equatable {
    /// Validation pairs to score: drawn over the whole file, always the same; 0 for all.
    package var pairs = 300
    /// The beam of the search in validation; 1 is greedy.
    package var beamSize = 1
    /// The score for `best` and `patience`.
    package var rankBy = Ranking.chrF
    /// Validations without a better score after which the run ends; 0 for never.
    package var patience = 0
  }

  package var seed = 1
  /// The sizes for a start from scratch; a start from a checkpoint has the checkpoint's. The dropout rates are for
  /// both.
  package var model = EncoderConfiguration.standard
  package var decoder = DecoderConfiguration()
  package var batch = LengthBatchConfiguration(tokensPerMicrobatch: 1024, microbatches: 4)
  package var labelSmoothing = 0.1
  package var wordDropout = WordDropout()
  package var synthetic = SyntheticConfiguration()
  package var policy = PolicyConfiguration()
  package var noise = SourceNoise()
  package var pieceDropout = PieceDropout()
  package var optimizer = FinetuneConfiguration.defaultOptimizer
  package var average = AverageConfiguration()
  package var stop = StopConfiguration(steps: 3_000)
  package var validation = Validation()
  package var cadence = CadenceConfiguration()
  package var compute = ComputeConfiguration()

  private static var defaultOptimizer: OptimizerConfiguration {
    var optimizer = OptimizerConfiguration()
    optimizer.learningRate = 5e-4
    optimizer.schedule.warmupSteps = 200
    return optimizer
  }

  package init() {}

  package func validate() throws {
    let require = SettingsCheck()
    try require(seed, in: 0...1 << 53, "seed")
    try model.validate(section: "model")
    try decoder.validate(model)
    try batch.validate(shortest: 4)
    try require(
      labelSmoothing >= 0 && labelSmoothing < 1, "labelSmoothing",
      "is \(labelSmoothing); choose a share in 0 ..< 1")
    try wordDropout.validate()
    try synthetic.validate()
    try policy.validate()
    try noise.validate()
    try pieceDropout.validate()
    try require(validation.pairs >= 0, "validation.pairs", "is \(validation.pairs); choose 0 (all) or more")
    try require(validation.beamSize, in: 1...100, "validation.beamSize")
    try require(
      validation.patience >= 0, "validation.patience", "is \(validation.patience); choose 0 (never) or more")
    try optimizer.validate()
    try average.validate()
    try stop.validate()
    try cadence.validate()
    try compute.validate()
  }

  package var trajectory: FinetuneConfiguration {
    var settings = self
    settings.stop = StopConfiguration(steps: 1)
    settings.cadence = CadenceConfiguration()
    // What is scored, and how, stays: other scores cannot be compared with that of the best checkpoint.
    settings.validation.patience = 0
    settings.compute.workers = 0
    return settings
  }
}
