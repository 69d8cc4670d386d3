internal import ClozeCore
internal import ClozeText

/// Hides tokens of labelled pairs in training, as `[MASK]`: those that the encoder reads, and those that the decoder reads.
/// The tokens that the decoder has to predict stay. So neither can rely on a single word, and the decoder needs its source
/// more than the words before.
///
/// Source: Gal and Ghahramani 2016, arXiv:1512.05287, who drop words and set them to zero; Sennrich and Zhang 2019, section
/// 4.1, arXiv:1905.11901, for translation from few pairs. A model that was pretrained on masked tokens knows `[MASK]`.
package struct WordDropout: Codable, Sendable, Equatable {
  /// The rate for the tokens of sources, in 0 ..< 1.
  package var source = 0.0
  /// The rate for the tokens that the decoder reads, in 0 ..< 1.
  package var target = 0.0

  package init(source: Double = 0, target: Double = 0) { (self.source, self.target) = (source, target) }

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "wordDropout") throws {
    let require = SettingsCheck(section)
    try require(rate: source, "source")
    try require(rate: target, "target")
  }

  /// - Parameter rate: `source` or `target`. At 0 nothing is drawn.
  static func drop(
    _ tokens: [TokenID], rate: Double, mask: TokenID, random: inout CounterRandom
  ) -> [TokenID] {
    guard rate > 0 else { return tokens }
    return tokens.map { random.uniform() < rate ? mask : $0 }
  }
}
