package import ClozeCompute
package import ClozeData
package import ClozeModel
package import ClozeText

/// The loss of each token of raw text given a corrupted copy and the tokens before it.
///
/// Source: Lewis et al. 2020, "BART", section 2, arXiv:1910.13461.
package struct DenoisingObjective: PretrainingObjective, SingleLossObjective {
  package let model: TranslationModel
  private let source: CorruptedPairSource
  private let specials: SpecialTokens
  package let batch: PretrainConfiguration.Batch

  package var store: ParameterStore { model.store }

  package init(
    model: TranslationModel, source: CorruptedPairSource, specials: SpecialTokens,
    batch: PretrainConfiguration.Batch
  ) {
    self.model = model
    self.source = source
    self.specials = specials
    self.batch = batch
  }

  package func with(_ batch: PretrainConfiguration.Batch) -> DenoisingObjective {
    DenoisingObjective(model: model, source: source, specials: specials, batch: batch)
  }

  package func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics {
    let samples = batch.samples(step: step, microbatch: microbatch)
    let pairs = TranslationBatch(try source.pairs(samples: samples), specials: specials)
    tape.lap("batch")
    // The tokens of the text, so that a limit in tokens means as much text as for a masked-language model.
    let tokenCount = samples.count * source.windows.windowLength
    var statistics = PredictionStatistics()
    // Windows of special tokens alone have no pairs.
    if pairs.pairCount > 0 {
      statistics = PredictionStatistics(model.predict(tape, pairs), tokenCount: 0)
    }
    statistics.tokenCount = tokenCount
    return statistics
  }

  package func samples(step: Int, microbatch: Int) -> String {
    source.windows.describe(samples: batch.samples(step: step, microbatch: microbatch))
  }
}
