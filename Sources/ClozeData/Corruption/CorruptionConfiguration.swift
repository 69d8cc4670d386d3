internal import ClozeCore

/// How a denoising objective changes the text that the encoder reads, besides the masks of `MaskingConfiguration`. The
/// decoder writes the unchanged text.
///
/// Source: Lewis et al. 2020, "BART", section 2.2, arXiv:1910.13461.
package struct CorruptionConfiguration: Codable, Sendable, Equatable {
  /// Whether each run of masked tokens becomes a single `[MASK]`, so that the decoder also has to find the length (BART's
  /// text infilling).
  package var infills = true
  /// The share of the other tokens that are deleted, in 0 ..< 1.
  package var deletionRate = 0.05
  /// Words change places within this distance; 0 for none (Lample et al. 2018, section 2.3, arXiv:1711.00043).
  package var shuffleDistance = 2
  /// Whether the sentences of a document's part are put in random order.
  package var permutesSentences = false

  package init() {}

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "corruption") throws {
    let require = SettingsCheck(section)
    try require(
      deletionRate >= 0 && deletionRate < 1, "deletionRate", "is \(deletionRate); choose a rate in 0 ..< 1")
    try require(shuffleDistance, in: 0...100, "shuffleDistance")
  }
}
