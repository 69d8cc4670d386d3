package import ClozeCompute
internal import ClozeCore
package import ClozeData
internal import ClozeEvaluation
package import ClozeModel
package import ClozeText

/// The loss of each target token given the source and the target tokens before it, with label smoothing.
///
/// Source: Vaswani et al. 2017, sections 3.1 and 5.4. arXiv:1706.03762
package struct TranslationObjective: SingleLossObjective {
  package let model: TranslationModel
  package let microbatchCount: Int
  private let plans: EpochPlans<EncodedPair>
  /// The synthetic pairs, which are in the first `count` micro-batches.
  private let synthetic: (plans: EpochPlans<EncodedPair>, count: Int)?
  private let specials: SpecialTokens
  private let labelSmoothing: Double
  private let wordDropout: WordDropout
  private let noise: PairNoise?
  private let seed: UInt64

  package var store: ParameterStore { model.store }

  /// - Parameter noise: changes the pairs; nil leaves them.
  package init(
    model: TranslationModel, batches: LengthBatches<EncodedPair>, microbatchCount: Int,
    specials: SpecialTokens, labelSmoothing: Double, wordDropout: WordDropout = WordDropout(),
    noise: PairNoise? = nil, seed: UInt64 = 0,
    synthetic: (batches: LengthBatches<EncodedPair>, steps: Int)? = nil
  ) {
    self.model = model
    self.microbatchCount = microbatchCount
    self.specials = specials
    self.labelSmoothing = labelSmoothing
    self.wordDropout = wordDropout
    self.noise = noise
    self.seed = seed
    plans = EpochPlans(batches)
    self.synthetic = synthetic.map { (EpochPlans($0.batches), $0.steps * microbatchCount) }
  }

  package func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics {
    let place = place(step, microbatch)
    let pairs = place.pairs.map { index in
      let pair = place.plans.batches.samples[index]
      return noise?.changed(pair, epoch: place.epoch, number: index) ?? pair
    }
    let batch = TranslationBatch(
      pairs, specials: specials, dropout: wordDropout,
      random: CounterRandom(seed: seed, purpose: .wordDropout, epoch: step, index: microbatch))
    tape.lap("batch")
    let result = model.predict(tape, batch, labelSmoothing: labelSmoothing)
    return PredictionStatistics(result, tokenCount: batch.sourceIDs.count + batch.targetIDs.count)
  }

  /// The numbers of the pairs, from 0, without those that are too long.
  package func samples(step: Int, microbatch: Int) -> String {
    let place = place(step, microbatch)
    return place.name + " " + place.pairs.sorted().map(String.init).joined(separator: ", ")
  }

  /// The pairs of a micro-batch.
  private struct Place {
    let plans: EpochPlans<EncodedPair>
    let epoch: Int
    /// Indices into the samples of the plans.
    let pairs: [Int]
    /// What they are, for messages.
    let name: String

    init(_ plans: EpochPlans<EncodedPair>, number: Int, name: String) {
      (self.plans, self.name) = (plans, name)
      epoch = number / plans.batches.microbatchesPerEpoch
      pairs = plans.samples(number)
    }
  }

  private func place(_ step: Int, _ microbatch: Int) -> Place {
    let number = step * microbatchCount + microbatch
    if let synthetic, number < synthetic.count {
      return Place(synthetic.plans, number: number, name: "synthetic pairs")
    }
    return Place(plans, number: number - (synthetic?.count ?? 0), name: "pairs")
  }
}

extension TranslationModel {
  /// The sums over the predictions of all target tokens, the end of each included, on a worker for each tape.
  ///
  /// - Parameter batch: returns a batch by its number, on any worker.
  func statistics(
    batches count: Int, tapes: [Tape], batch: @Sendable (Int) throws -> TranslationBatch
  ) throws -> PredictionStatistics {
    try WorkerGroup(count: tapes.count).map(count, tapes: tapes) { index, tape in
      let batch = try batch(index)
      tape.begin()
      return PredictionStatistics(predict(tape, batch), tokenCount: batch.targetIDs.count)
    }.reduce(into: PredictionStatistics()) { $0 += $1 }
  }

  /// Rows are padded to a multiple of this, since a product is prepared once for each number of rows.
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
