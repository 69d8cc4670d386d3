/// The number of epochs: how often a run reads its train text.
///
/// With causal language models, up to about 4 epochs were nearly as good as new text, and after about 40 further ones
/// were worth nothing (Muennighoff et al. 2023, "Scaling Data-Constrained Language Models", figure 1,
/// arXiv:2305.16264). A masked-language model masks other tokens in each epoch, so these bounds are cautious.
package struct Epochs: Sendable, Equatable {
  package let count: Double

  package init(_ count: Double) { self.count = count }

  /// The share of the tokens read, 0..<1, that were read before.
  package var readAgain: Double { count > 1 ? 1 - 1 / count : 0 }

  /// The advice; nil if none is needed.
  package var advice: String? {
    guard count > 4 else { return nil }
    let worth =
      count > 40
      ? "after about 40 epochs the text has nothing left to teach and is memorised"
      : "from about 4 epochs on each further one teaches less"
    return "\(worth); use more text, fewer steps or more dropout"
  }
}
