package import ClozeCompute
internal import ClozeCore
package import ClozeData
package import ClozeModel
internal import ClozeText

/// Replaced-token detection: a generator learns the masked tokens, tokens drawn from it take their places, and the encoder says
/// of every token whether it was replaced.
///
///     mean over the selected positions of -ln p(token)
///       + discriminatorWeight · mean over all positions of the binary cross-entropy
///
/// No gradient goes through the draws.
///
/// Source: Clark et al. 2020, section 2, arXiv:2003.10555.
package struct ReplacedTokenObjective: PretrainingObjective {
  package let model: ReplacedTokenModel
  package let microbatchCount: Int
  package let losses: [WeightedLoss]
  private let source: MaskedBatchSource
  private let draw: ReplacementDraw
  private let batch: PretrainConfiguration.Batch
  /// The predictions of the step that was asked for last, since a step asks twice.
  private let counted = Guarded<(step: Int, counts: [Int])?>(nil)

  package var store: ParameterStore { model.store }

  init(
    model: ReplacedTokenModel, source: MaskedBatchSource, draw: ReplacementDraw, discriminatorWeight: Double,
    batch: PretrainConfiguration.Batch
  ) {
    self.model = model
    self.source = source
    self.draw = draw
    self.batch = batch
    losses = [WeightedLoss("generator"), WeightedLoss("discriminator", weight: discriminatorWeight)]
    microbatchCount = batch.windows / batch.microbatchWindows
  }

  package func with(_ batch: PretrainConfiguration.Batch) -> ReplacedTokenObjective {
    ReplacedTokenObjective(
      model: model, source: source, draw: draw, discriminatorWeight: losses[1].weight, batch: batch)
  }

  /// The selected positions of the step's windows, and all their tokens.
  package func predictionCounts(step: Int) throws -> [Int]? {
    if let last = counted.withLock({ $0 }), last.step == step { return last.counts }
    let selected = try (0..<microbatchCount).reduce(0) {
      try $0 + source.batch(samples: batch.samples(step: step, microbatch: $1)).labels.count
    }
    let counts = [selected, batch.windows * batch.windowLength]
    counted.withLock { $0 = (step, counts) }
    return counts
  }

  package func forward(_ tape: Tape, step: Int, microbatch: Int, gradientScales: [Float]) throws
    -> [PredictionStatistics]
  {
    let samples = batch.samples(step: step, microbatch: microbatch)
    let masked = try source.batch(samples: samples)
    tape.lap("batch")
    var generated = PredictionStatistics()
    var drawn: [TokenID?] = []
    if !masked.labels.isEmpty {
      let pass = GeneratorPass(model.generator, tape, masked, draw: draw, numbers: Array(samples))
      let result = pass.crossEntropy(
        model.generator, tape, labels: masked.labels, gradientScale: gradientScales[0])
      generated = PredictionStatistics(result, tokenCount: 0)
      drawn = pass.drawn
    }
    generated.tokenCount = masked.inputIDs.count
    let detected = DetectionResult(
      model, tape, masked, ReplacedTokens(masked, drawn: drawn), gradientScale: gradientScales[1])
    return [generated, detected.statistics]
  }

  package func samples(step: Int, microbatch: Int) -> String {
    source.windows.describe(samples: batch.samples(step: step, microbatch: microbatch))
  }
}
