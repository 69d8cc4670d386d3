package import ClozeCompute
internal import ClozeCore
package import ClozeData
internal import ClozeEvaluation
package import ClozeModel
package import ClozeText

/// The loss of each target token given the source and the target tokens before it, with label smoothing. With samples of the
/// model and their rewards there is a second loss,
///
///     policy = -Σ advantage · log P(drawn token | source, drawn tokens before it) / number of drawn tokens
///
/// whose gradient raises the probability of samples with more reward than the mean, and lowers that of the others. The
/// samples are read as they were drawn, without word dropout and noise.
///
/// Source: Vaswani et al. 2017, sections 3.1 and 5.4, arXiv:1706.03762; Williams 1992, Machine Learning 8; beside the loss on
/// real pairs as in Wu et al. 2018, section 3.3, arXiv:1704.06933.
package struct TranslationObjective: Objective {
  package let model: TranslationModel
  package let losses: [WeightedLoss]
  /// Those of pairs and, behind them, as many of samples.
  package let microbatchCount: Int
  private let pairMicrobatchCount: Int
  private let plans: EpochPlans<EncodedPair>
  /// The synthetic pairs, which are in the first `count` micro-batches.
  private let synthetic: (plans: EpochPlans<EncodedPair>, count: Int)?
  private let rewardedPlans: EpochPlans<RewardedPair>?
  private let specials: SpecialTokens
  private let labelSmoothing: Double
  private let wordDropout: WordDropout
  private let noise: PairNoise?
  private let seed: UInt64

  package var store: ParameterStore { model.store }

  /// - Parameters:
  ///   - microbatchCount: micro-batches of pairs in a step.
  ///   - noise: changes the pairs; nil leaves them.
  ///   - policy: samples of the model, and the weight of their loss; nil for none.
  package init(
    model: TranslationModel, batches: LengthBatches<EncodedPair>, microbatchCount: Int,
    specials: SpecialTokens, labelSmoothing: Double, wordDropout: WordDropout = WordDropout(),
    noise: PairNoise? = nil, seed: UInt64 = 0,
    synthetic: (batches: LengthBatches<EncodedPair>, steps: Int)? = nil,
    policy: (batches: LengthBatches<RewardedPair>, weight: Double)? = nil
  ) {
    self.model = model
    pairMicrobatchCount = microbatchCount
    self.microbatchCount = policy == nil ? microbatchCount : 2 * microbatchCount
    losses = [WeightedLoss("loss")] + (policy.map { [WeightedLoss("policy", weight: $0.weight)] } ?? [])
    self.specials = specials
    self.labelSmoothing = labelSmoothing
    self.wordDropout = wordDropout
    self.noise = noise
    self.seed = seed
    plans = EpochPlans(batches)
    self.synthetic = synthetic.map { (EpochPlans($0.batches), $0.steps * microbatchCount) }
    rewardedPlans = policy.map { EpochPlans($0.batches) }
  }

  package func predictionCounts(step: Int) throws -> [Int]? {
    guard let rewardedPlans else { return nil }
    var counts = [0, 0]
    for microbatch in 0..<pairMicrobatchCount {
      counts[0] += pairs(place(step, microbatch)).reduce(0) { $0 + $1.target.count + 1 }
      counts[1] += rewarded(rewardedPlans, step, microbatch).reduce(0) { $0 + $1.pair.target.count + 1 }
    }
    return counts
  }

  package func forward(_ tape: Tape, step: Int, microbatch: Int, gradientScales: [Float]) throws
    -> [PredictionStatistics]
  {
    guard let rewardedPlans else { return [forward(tape, step, microbatch, gradientScales[0])] }
    let number = microbatch - pairMicrobatchCount
    guard number >= 0 else {
      return [forward(tape, step, microbatch, gradientScales[0]), PredictionStatistics()]
    }
    let sums = forward(tape, rewarded(rewardedPlans, step, number), gradientScales[1])
    var pairSums = PredictionStatistics()
    // A step counts the tokens of its first loss.
    pairSums.tokenCount = sums.tokenCount
    return [pairSums, sums]
  }

  private func forward(_ tape: Tape, _ step: Int, _ microbatch: Int, _ gradientScale: Float)
    -> PredictionStatistics
  {
    let batch = TranslationBatch(
      pairs(place(step, microbatch)), specials: specials, dropout: wordDropout,
      random: CounterRandom(seed: seed, purpose: .wordDropout, epoch: step, index: microbatch))
    tape.lap("batch")
    let result = model.predict(
      tape, batch, labelSmoothing: labelSmoothing, gradientScale: gradientScale)
    return PredictionStatistics(result, tokenCount: batch.tokenCount)
  }

  private func forward(_ tape: Tape, _ samples: [RewardedPair], _ gradientScale: Float)
    -> PredictionStatistics
  {
    let batch = TranslationBatch(samples.lazy.map(\.pair), specials: specials)
    let advantages = samples.flatMap {
      [Float](repeating: $0.advantage, count: $0.pair.target.count + 1)
    }
    tape.lap("batch")
    let result = model.predict(tape, batch, gradientScale: gradientScale, rowWeights: advantages)
    return PredictionStatistics(result, rowWeights: advantages, tokenCount: batch.tokenCount)
  }

  /// The numbers of the pairs or samples, from 0, without those that are too long.
  package func samples(step: Int, microbatch: Int) -> String {
    func name(_ numbers: [Int]) -> String { numbers.sorted().map(String.init).joined(separator: ", ") }
    if let rewardedPlans, microbatch >= pairMicrobatchCount {
      let number = step * pairMicrobatchCount + microbatch - pairMicrobatchCount
      return "samples " + name(rewardedPlans.samples(number))
    }
    let place = place(step, microbatch)
    return place.name + " " + name(place.pairs)
  }

  private func rewarded(_ plans: EpochPlans<RewardedPair>, _ step: Int, _ microbatch: Int) -> [RewardedPair] {
    plans.samples(step * pairMicrobatchCount + microbatch).map { plans.batches.samples[$0] }
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
    let number = step * pairMicrobatchCount + microbatch
    if let synthetic, number < synthetic.count {
      return Place(synthetic.plans, number: number, name: "synthetic pairs")
    }
    return Place(plans, number: number - (synthetic?.count ?? 0), name: "pairs")
  }

  /// The pairs at a place, with noise.
  private func pairs(_ place: Place) -> [EncodedPair] {
    place.pairs.map { index in
      let pair = place.plans.batches.samples[index]
      return noise?.changed(pair, epoch: place.epoch, number: index) ?? pair
    }
  }
}

extension TranslationBatch {
  /// The tokens of both sides.
  fileprivate var tokenCount: Int { sourceIDs.count + targetIDs.count }
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

  /// The loss at every target token, and its gradient on a recording tape, multiplied by `gradientScale` and at each target
  /// token by `rowWeights`.
  package func predict(
    _ tape: Tape, _ batch: TranslationBatch, labelSmoothing: Double = 0, gradientScale: Float = 1,
    rowWeights: [Float]? = nil
  ) -> PredictionResult {
    let source = EncoderInput(
      tokens: batch.sourceIDs, positions: batch.sourcePositions,
      sequences: Sequences(offsets: batch.sourceOffsets),
      rowMultiple: Self.rowMultiple)
    let target = EncoderInput(
      tokens: batch.targetIDs, positions: batch.targetPositions,
      sequences: Sequences(offsets: batch.targetOffsets),
      rowMultiple: Self.rowMultiple)
    let padding = target.tokens.count - batch.labels.count
    return crossEntropy(
      tape, source: source, target: target, labels: batch.labels + [Int32](repeating: -1, count: padding),
      labelSmoothing: labelSmoothing, gradientScale: gradientScale,
      rowWeights: rowWeights.map { $0 + [Float](repeating: 0, count: padding) })
  }
}
