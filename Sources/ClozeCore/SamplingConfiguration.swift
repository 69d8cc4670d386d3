/// Settings of sampling: each token of a text is drawn with the probability that the model gives it.
package struct SamplingConfiguration: Codable, Sendable, Equatable {
  /// What logits are divided by before the draw; below 1 likely tokens become likelier, above 1 less likely.
  package var temperature = 1.0
  /// How many of the likeliest tokens a draw chooses from; 0 for all.
  package var topK = 0
  /// The seed of the draws.
  package var seed: UInt64 = 0

  package init(temperature: Double = 1, topK: Int = 0, seed: UInt64 = 0) {
    (self.temperature, self.topK, self.seed) = (temperature, topK, seed)
  }
}
