internal import ClozeCore

/// Two models that compute the same with post-norm blocks, and have different folders.
package enum ModelFamily: String, NamedChoice {
  /// Source: Devlin et al. 2019, arXiv:1810.04805.
  case bert
  /// Source: Liu et al. 2019, arXiv:1907.11692.
  case roberta
}
