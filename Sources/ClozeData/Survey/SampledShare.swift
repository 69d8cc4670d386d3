/// An estimate of a share of a split's tokens from blocks that were drawn without replacement: the ratio estimator of
/// cluster sampling, since the tokens of a block are not independent.
///
/// Source: Cochran 1977, "Sampling Techniques", third edition, sections 6.3 and 9A.5.
package struct SampledShare: Sendable, Equatable {
  /// Tokens in the sample.
  package let tokens: Int
  /// The share, 0...1; 0 without tokens.
  package let value: Double
  /// Half the width of the 95 % confidence interval; 0 if all blocks were drawn.
  package let margin: Double

  /// - Parameters:
  ///   - blocks: for each block of the sample, its tokens and the counted ones among them.
  ///   - blockCount: the number of blocks from which the sample was drawn.
  init(_ blocks: [(tokens: Int, found: Int)], of blockCount: Int) {
    tokens = blocks.reduce(0) { $0 + $1.tokens }
    let found = blocks.reduce(0) { $0 + $1.found }
    let value = tokens > 0 ? Double(found) / Double(tokens) : 0
    self.value = value
    let count = Double(blocks.count)
    guard blocks.count > 1, blocks.count < blockCount else {
      margin = 0
      return
    }
    let squares = blocks.reduce(0.0) { sum, block in
      let deviation = Double(block.found) - value * Double(block.tokens)
      return sum + deviation * deviation
    }
    let variance = (1 - count / Double(blockCount)) * count / (count - 1) * squares
    margin = 1.96 * variance.squareRoot() / Double(tokens)
  }
}
