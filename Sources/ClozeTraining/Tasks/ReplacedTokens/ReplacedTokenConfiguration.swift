internal import ClozeCore

/// What a generator learns.
package enum GeneratorTraining: String, NamedChoice {
  /// The masked tokens, as a masked-language model does.
  case likelihood
  /// To draw tokens at which the encoder errs, by the policy gradient, see `ReplacedTokenObjective`.
  case policyGradient
}

/// The settings of replaced-token detection besides those of the encoder and of the masks.
///
/// Source: Clark et al. 2020, "ELECTRA", section 3 and appendix A, arXiv:2003.10555.
package struct ReplacedTokenConfiguration: Configuration, Equatable {
  /// The generator's hidden size, feed-forward size and heads, as a share of the encoder's.
  package var generatorWidth = 0.25
  /// Its layers, as a share of the encoder's.
  package var generatorLayers = 1.0
  package var generatorTraining = GeneratorTraining.likelihood
  /// What the generator's logits are divided by before a token is drawn.
  package var temperature = 1.0
  /// The weight of the encoder's loss beside the generator's.
  package var discriminatorWeight = 50.0
  /// Whether generator and encoder share the table of positions, as they share that of tokens.
  package var sharesPositions = true

  package init() {}

  package func validate() throws {
    let require = SettingsCheck("replacedTokens")
    for (key, share) in [("generatorWidth", generatorWidth), ("generatorLayers", generatorLayers)] {
      try require(
        share > 0 && share <= 1, key,
        "is \(share); choose a share of the encoder's above 0 and up to 1, such as 0.25")
    }
    try require(
      (0.01...100).contains(temperature), "temperature", "is \(temperature); choose 0.01 to 100, such as 1")
    try require(
      generatorTraining == .likelihood || temperature == 1, "temperature",
      "is \(temperature); generatorTraining: policyGradient draws from the distribution that it trains, choose 1"
    )
    try require(
      (0...1e6).contains(discriminatorWeight), "discriminatorWeight",
      "is \(discriminatorWeight); choose 0 to 1000000, such as 50")
  }
}
