/// How often a run reads its train text.
///
/// Up to about 4 readings are nearly as good as new text, and after about 40 further ones are worth nothing: found with
/// causal language models (Muennighoff et al. 2023, "Scaling Data-Constrained Language Models", figure 1,
/// arXiv:2305.16264). A masked model hides other tokens in each reading, so the bounds are on the safe side here.
package struct Epochs: Sendable, Equatable {
  package let count: Double

  package init(_ count: Double) { self.count = count }

  /// The share of the tokens read that had been read before, 0..<1.
  package var readAgain: Double { count > 1 ? 1 - 1 / count : 0 }

  /// What to do about it; nil where nothing needs doing.
  package var advice: String? {
    guard count > 4 else { return nil }
    let worth =
      count > 40
      ? "after about 40 epochs the text has nothing left to teach and is memorised"
      : "from about 4 epochs on each further one teaches less"
    return "\(worth); use more text, fewer steps or more dropout"
  }
}
