package import ClozeCompute
package import ClozeData
package import ClozeModel

/// The loss of each label given its text, with label smoothing.
///
/// Source: Devlin et al. 2019, sections 4.1 and 5.3. arXiv:1810.04805
package struct LabelObjective: SingleLossObjective {
  package let model: ClassificationModel
  package let microbatchCount: Int
  private let plans: EpochPlans<EncodedSample>
  private let labelSmoothing: Double

  package var store: ParameterStore { model.store }

  package init(
    model: ClassificationModel, batches: LengthBatches<EncodedSample>, microbatchCount: Int,
    labelSmoothing: Double
  ) {
    self.model = model
    self.microbatchCount = microbatchCount
    self.labelSmoothing = labelSmoothing
    plans = EpochPlans(batches)
  }

  package func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics {
    let samples = plans.samples(step * microbatchCount + microbatch)
    let batch = LabelBatch(samples.lazy.map { plans.batches.samples[$0] })
    tape.lap("batch")
    return PredictionStatistics(
      model.predict(tape, batch, labelSmoothing: labelSmoothing), tokenCount: batch.tokens.count)
  }

  /// Sample numbers, from 0, the parts of a long sentence each counted.
  package func samples(step: Int, microbatch: Int) -> String {
    "samples "
      + plans.samples(step * microbatchCount + microbatch).sorted().map(String.init).joined(separator: ", ")
  }
}
