package import ClozeCore
package import ClozeData
internal import ClozeEvaluation
package import ClozeModel

/// All settings of a pretraining run. Each has its default here and its explanation in `configs/pretrain.yaml`.
package struct PretrainConfiguration: RunConfiguration {
  /// The windows of a step.
  package struct Batch: Codable, Sendable, Equatable {
    /// T
    package var windowLength = 128
    /// Windows of a step.
    package var windows = 32
    /// Windows of a micro-batch, which a worker computes at once. A step has windows / microbatchWindows micro-batches.
    package var microbatchWindows = 8
  }

  /// What a run learns to predict.
  package enum Objective: String, NamedChoice {
    /// An encoder learns the masked tokens (BERT).
    case masked
    /// An encoder and a decoder learn to write the text from a corrupted copy (BART).
    case denoising
    /// A generator fills masks, and an encoder learns which tokens are not the text's (ELECTRA).
    case replacedTokens
  }

  package struct Validation: Codable, Sendable, Equatable {
    /// Windows of the validation split to score: drawn over the whole split, always the same, with the same masks.
    package var windows = 128
  }

  package var seed = 1
  package var objective = Objective.masked
  package var model = EncoderConfiguration.standard
  /// For `denoising` alone.
  package var decoder = DecoderConfiguration()
  package var batch = Batch()
  package var masking = MaskingConfiguration()
  /// For `denoising` alone.
  package var corruption = CorruptionConfiguration()
  /// For `replacedTokens` alone.
  package var replacedTokens = ReplacedTokenConfiguration()
  package var optimizer = OptimizerConfiguration()
  package var average = AverageConfiguration()
  package var stop = StopConfiguration(steps: 10_000)
  package var validation = Validation()
  package var cadence = CadenceConfiguration()
  package var compute = ComputeConfiguration()

  package init() {}

  package func validate() throws {
    let require = SettingsCheck()
    try require(seed, in: 0...1 << 53, "seed")
    try model.validate(section: "model")
    try require(
      (2...model.positionCount).contains(batch.windowLength), "batch.windowLength",
      "is \(batch.windowLength); choose 2 to model.positionCount, which is \(model.positionCount), or set that, with --model to the "
        + "model's own number")
    try require(
      batch.microbatchWindows >= 1, "batch.microbatchWindows",
      "is \(batch.microbatchWindows); choose 1 or more")
    try require(
      (1...1 << 20).contains(batch.windows) && batch.windows % batch.microbatchWindows == 0, "batch.windows",
      "is \(batch.windows); choose a multiple of batch.microbatchWindows, which is \(batch.microbatchWindows), "
        + "and at most \(1 << 20)"
    )
    try require(validation.windows >= 1, "validation.windows", "is \(validation.windows); choose 1 or more")
    try decoder.validate(model)
    try masking.validate()
    try corruption.validate()
    try replacedTokens.validate()
    try optimizer.validate()
    try average.validate()
    try stop.validate()
    try require(
      masking.finalSelectionRate == 0 || objective == .masked || objective == .replacedTokens,
      "masking.finalSelectionRate",
      "is \(masking.finalSelectionRate), and objective \(objective.rawValue); it is for masked and replacedTokens, choose 0"
    )
    try require(
      masking.finalSelectionRate == 0 || stop.minutes == 0, "masking.finalSelectionRate",
      "is \(masking.finalSelectionRate), and the run is limited by minutes; limit it by stop.steps or stop.tokens, or choose 0"
    )
    try cadence.validate()
    try compute.validate()
  }

  /// The steps of the whole run; nil if it is limited by minutes alone.
  package var stepLimit: Int? {
    let stepTokens = batch.windows * batch.windowLength
    let limits = [stop.steps, (stop.tokens + stepTokens - 1) / stepTokens].filter { $0 > 0 }
    return limits.min()
  }

  /// The samples of the whole run; nil if it is limited by minutes alone.
  var sampleLimit: Int? { stepLimit.map { $0 * batch.windows } }

  package var trajectory: PretrainConfiguration {
    var settings = self
    settings.stop = StopConfiguration(steps: 1)
    settings.cadence = CadenceConfiguration()
    settings.compute.workers = 0
    return settings
  }
}
