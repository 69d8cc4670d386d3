internal import ClozeData
internal import ClozeText

/// What a generator gains in a micro-batch by the tokens that it has drawn, for the policy gradient.
///
/// A draw's reward is the encoder's loss at its place: it is high where the encoder errs. The baseline of a draw is the mean
/// reward of the other draws of the micro-batch, which does not depend on the draw itself, so that it lowers the variance of the
/// gradient and leaves its mean. The paper has a baseline that is learnt.
///
/// Source: Williams 1992 (REINFORCE), Machine Learning 8; Clark et al. 2020, appendix F; leaving one out: Kool et al. 2019,
/// "Buy 4 REINFORCE samples, get a baseline for free!".
package struct GeneratorRewards: Sendable, Equatable {
  /// For each draw: [M], in nats.
  package let rewards: [Float]

  package init(_ rewards: [Float]) { self.rewards = rewards }

  /// - Parameter losses: of the encoder, for every token of the micro-batch: [N].
  init(_ masked: MaskedBatch, losses: [Float]) {
    self.init(masked.selectedPositions.map { losses[$0] })
  }

  package var sum: Double { rewards.reduce(0) { $0 + Double($1) } }

  /// Reward less baseline: [M]. A single draw has no baseline.
  package var advantages: [Float] {
    guard rewards.count > 1 else { return rewards }
    let sum = sum
    return rewards.map { reward in
      Float(Double(reward) - (sum - Double(reward)) / Double(rewards.count - 1))
    }
  }
}
