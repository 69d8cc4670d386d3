package import ClozeCompute
internal import ClozeCore
package import ClozeData
package import ClozeModel
package import ClozeText

/// The loss of each target token given the source and the target tokens before it, with label smoothing.
///
/// Source: Vaswani et al. 2017, sections 3.1 and 5.4. arXiv:1706.03762
package struct TranslationObjective: SingleLossObjective {
  package let model: TranslationModel
  package let microbatchCount: Int
  private let plans: EpochPlans
  private let specials: SpecialTokens
  private let labelSmoothing: Double

  package var store: ParameterStore { model.store }

  package init(
    model: TranslationModel, batches: TranslationBatches, microbatchCount: Int, specials: SpecialTokens,
    labelSmoothing: Double
  ) {
    self.model = model
    self.microbatchCount = microbatchCount
    self.specials = specials
    self.labelSmoothing = labelSmoothing
    plans = EpochPlans(batches)
  }

  package func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics {
    let batch = plans.batches.batch(plans.pairs(step * microbatchCount + microbatch))
    tape.lap("batch")
    let result = model.predict(tape, batch, labelSmoothing: labelSmoothing)
    return PredictionStatistics(result, tokenCount: batch.sourceIDs.count + batch.targetIDs.count)
  }

  /// Pair numbers, from 0, those that are too long not counted.
  package func samples(step: Int, microbatch: Int) -> String {
    "pairs "
      + plans.pairs(step * microbatchCount + microbatch).sorted().map(String.init).joined(separator: ", ")
  }
}

extension TranslationModel {
  /// Rows come in multiples of this: sentences have any length, and each length of a product is prepared once.
  private static let rowMultiple = 32

  /// The loss at every target token, and its gradient on a recording tape.
  package func predict(_ tape: Tape, _ batch: TranslationBatch, labelSmoothing: Double = 0)
    -> PredictionResult
  {
    let source = EncoderInput(
      tokens: batch.sourceIDs, positions: batch.sourcePositions,
      sequences: Sequences(offsets: batch.sourceOffsets),
      rowMultiple: Self.rowMultiple)
    let target = EncoderInput(
      tokens: batch.targetIDs, positions: batch.targetPositions,
      sequences: Sequences(offsets: batch.targetOffsets),
      rowMultiple: Self.rowMultiple)
    let padding = [Int32](repeating: -1, count: target.tokens.count - batch.labels.count)
    return crossEntropy(
      tape, source: source, target: target, labels: batch.labels + padding, labelSmoothing: labelSmoothing)
  }
}

/// Finds micro-batch n of a run, the epochs one after another. An epoch is planned when its first micro-batch is asked for,
/// and no other one is.
package final class EpochPlans: Sendable {
  private struct State {
    var plans: [Int: [[Int]]] = [:]
    var plannedCount = 0
  }

  let batches: TranslationBatches
  private let state = Guarded(State())

  package init(_ batches: TranslationBatches) {
    self.batches = batches
  }

  /// How often an epoch has been planned.
  package var plannedCount: Int { state.withLock { $0.plannedCount } }

  /// The pairs of micro-batch `number`.
  package func pairs(_ number: Int) -> [Int] {
    let (epoch, place) = number.quotientAndRemainder(dividingBy: batches.microbatchesPerEpoch)
    return state.withLock { state in
      if let plan = state.plans[epoch] { return plan[place] }
      let plan = batches.plan(epoch: epoch)
      // Workers are at most one epoch apart.
      state.plans = state.plans.filter { abs($0.key - epoch) <= 1 }
      state.plans[epoch] = plan
      state.plannedCount += 1
      return plan[place]
    }
  }
}
