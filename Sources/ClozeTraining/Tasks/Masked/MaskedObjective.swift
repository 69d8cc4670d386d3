package import ClozeCompute
package import ClozeData
package import ClozeModel

/// BERT's masked-language objective: the mean loss over the selected positions of a step.
///
/// Source: Devlin et al. 2019, section 3.1. arXiv:1810.04805
package struct MaskedObjective: PretrainingObjective, SingleLossObjective {
  package let model: MaskedLanguageModel
  private let source: MaskedBatchSource
  package let batch: PretrainConfiguration.Batch

  package var store: ParameterStore { model.store }

  package init(model: MaskedLanguageModel, source: MaskedBatchSource, batch: PretrainConfiguration.Batch) {
    self.model = model
    self.source = source
    self.batch = batch
  }

  package func with(_ batch: PretrainConfiguration.Batch) -> MaskedObjective {
    MaskedObjective(model: model, source: source, batch: batch)
  }

  package func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics {
    let masked = try source.batch(samples: batch.samples(step: step, microbatch: microbatch))
    tape.lap("batch")
    let result = model.predict(tape, masked)
    return PredictionStatistics(result, tokenCount: masked.inputIDs.count)
  }

  package func samples(step: Int, microbatch: Int) -> String {
    source.windows.describe(samples: batch.samples(step: step, microbatch: microbatch))
  }
}
