package import ClozeCompute
internal import ClozeCore
internal import ClozeData
package import ClozeModel
internal import ClozeText

/// Replaced-token detection: a generator learns the masked tokens, tokens drawn from it take their places, and the encoder says
/// of every token whether it was replaced.
///
///     mean over the selected positions of -ln p(token)
///       + discriminatorWeight · mean over all positions of the binary cross-entropy
///
/// No gradient goes through the draws. With `GeneratorTraining.policyGradient` the generator learns no masked tokens: its loss is
/// minus the mean reward of its draws (`GeneratorRewards`), whose gradient is estimated by that of
///
///     Σ (reward - baseline) · -ln p(drawn token)
///
/// p is of all tokens, although special ones are not drawn; a trained generator gives these no probability.
///
/// Source: Clark et al. 2020, section 2 and appendix F, arXiv:2003.10555.
package struct ReplacedTokenObjective: PretrainingObjective {
  package let model: ReplacedTokenModel
  package let losses: [WeightedLoss]
  private let source: MaskedBatchSource
  private let draw: ReplacementDraw
  private let generatorTraining: GeneratorTraining
  package let batch: PretrainConfiguration.Batch

  package var store: ParameterStore { model.store }

  init(
    model: ReplacedTokenModel, source: MaskedBatchSource, draw: ReplacementDraw,
    generatorTraining: GeneratorTraining, discriminatorWeight: Double, batch: PretrainConfiguration.Batch
  ) {
    self.model = model
    self.source = source
    self.draw = draw
    self.generatorTraining = generatorTraining
    self.batch = batch
    losses = [WeightedLoss("generator"), WeightedLoss("discriminator", weight: discriminatorWeight)]
  }

  package func with(_ batch: PretrainConfiguration.Batch) -> ReplacedTokenObjective {
    ReplacedTokenObjective(
      model: model, source: source, draw: draw, generatorTraining: generatorTraining,
      discriminatorWeight: losses[1].weight, batch: batch)
  }

  /// The selected positions of the step's windows, and all their tokens.
  package func predictionCounts(step: Int) throws -> [Int]? {
    let selected = try (0..<microbatchCount).reduce(0) {
      try $0 + source.batch(samples: batch.samples(step: step, microbatch: $1)).labels.count
    }
    return [selected, batch.windows * batch.windowLength]
  }

  package func forward(_ tape: Tape, step: Int, microbatch: Int, gradientScales: [Float]) throws
    -> [PredictionStatistics]
  {
    let samples = batch.samples(step: step, microbatch: microbatch)
    let masked = try source.batch(samples: samples)
    tape.lap("batch")
    let pass =
      masked.labels.isEmpty
      ? nil : GeneratorPass(model.generator, tape, masked, draw: draw, numbers: Array(samples))
    var generated = PredictionStatistics()
    if let pass, generatorTraining == .likelihood {
      let result = pass.crossEntropy(
        model.generator, tape, labels: masked.labels, gradientScale: gradientScales[0])
      generated = PredictionStatistics(result, tokenCount: 0)
    }
    let replaced = ReplacedTokens(masked, drawn: pass?.drawn ?? [])
    let detected = DetectionResult(model, tape, masked, replaced, gradientScale: gradientScales[1])
    if let pass, generatorTraining == .policyGradient {
      generated = reward(pass, tape, masked, replaced, detected, gradientScale: gradientScales[0])
    }
    generated.tokenCount = masked.inputIDs.count
    return [generated, detected.statistics]
  }

  /// Leaves the policy gradient on the tape.
  /// - Returns: minus the rewards as the loss, and the draws that are the text's own token as correct ones.
  private func reward(
    _ pass: GeneratorPass, _ tape: Tape, _ masked: MaskedBatch, _ replaced: ReplacedTokens,
    _ detected: DetectionResult, gradientScale: Float
  ) -> PredictionStatistics {
    let rewards = GeneratorRewards(masked, losses: detected.losses)
    let drawn = masked.selectedPositions.map { replaced.tokens[$0] }
    _ = pass.crossEntropy(
      model.generator, tape, labels: drawn, gradientScale: gradientScale, rowWeights: rewards.advantages)
    var statistics = PredictionStatistics()
    statistics.lossSum = -rewards.sum
    statistics.predictionCount = drawn.count
    statistics.correctCount = zip(drawn, masked.labels).count { $0 == $1 }
    return statistics
  }

  package func samples(step: Int, microbatch: Int) -> String {
    source.windows.describe(samples: batch.samples(step: step, microbatch: microbatch))
  }
}
