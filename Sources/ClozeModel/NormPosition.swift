internal import ClozeCore

/// Where a block normalizes.
package enum NormPosition: String, NamedChoice {
  /// After each residual: y = norm(x + branch(x)). BERT's.
  case post
  /// Before each branch: y = x + branch(norm(x)), and once after the last layer. Its gradients at the start are of the same
  /// size in all layers, so that it trains with higher rates and shorter warm-ups.
  ///
  /// Source: Xiong et al. 2020, "On layer normalization in the Transformer architecture", arXiv:2002.04745.
  case pre
}
