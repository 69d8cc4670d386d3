internal import ClozeCore

/// The settings of micro-batches that are made by length, see `LengthBatches`.
package struct LengthBatchConfiguration: Codable, Sendable, Equatable {
  /// Positions that a worker computes at once, of both sides of a pair.
  package var tokensPerMicrobatch: Int
  /// Micro-batches of a step.
  package var microbatches: Int
  /// Positions of a text or of one side of a pair, special tokens included.
  package var maximumLength = 128

  /// Of micro-batches, from one that any sample fits into.
  var microbatchSizes: ClosedRange<Int> { min(2 * maximumLength, tokensPerMicrobatch)...tokensPerMicrobatch }

  /// - Parameter shortest: the least `maximumLength` at which a sample has a token.
  /// - Throws: `ConfigurationError`
  func validate(shortest: Int, section: String = "batch") throws {
    let require = SettingsCheck(section)
    try require(tokensPerMicrobatch, in: 8...1 << 24, "tokensPerMicrobatch")
    try require(microbatches, in: 1...1 << 20, "microbatches")
    try require(
      maximumLength >= shortest, "maximumLength", "is \(maximumLength); choose \(shortest) or more")
  }
}
