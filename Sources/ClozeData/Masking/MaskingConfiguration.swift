internal import ClozeCore
internal import Foundation

/// Which positions of a window are selected together.
package enum MaskingStrategy: String, NamedChoice {
  /// Every token by itself, as in BERT.
  case token
  /// All pieces of a word, as in BERT's whole-word models.
  case wholeWord
  /// Runs of whole words of random length, as in SpanBERT.
  case span
  /// Whole sentences.
  case sentence
}

/// The settings of masked-language training examples.
///
/// Source: Devlin, Chang, Lee and Toutanova 2019, "BERT", section 3.1, arXiv:1810.04805; for the spans Joshi, Chen, Liu,
/// Weld, Zettlemoyer and Levy 2020, "SpanBERT", section 3.1, arXiv:1907.10529.
package struct MaskingConfiguration: Configuration, Equatable {
  package var strategy = MaskingStrategy.token
  /// The share of a window's ordinary tokens to predict, in 0...1.
  package var selectionRate = 0.15
  /// The share at the end of a run, to which `selectionRate` falls in equal steps; 0 for the same all the time.
  ///
  /// Source: Yang, Zhang and Zhao 2023, "Learning better masking for better language model pre-training" (masking ratio decay),
  /// arXiv:2208.10806.
  package var finalSelectionRate = 0.0
  /// The share of the selected tokens that become `[MASK]`, in 0...1.
  package var maskRate = 0.8
  /// The share of the selected tokens that become a random token, in 0...1; the rest stays as it is.
  package var randomRate = 0.1
  /// p of the geometric distribution of a span's length; for `span` alone.
  package var spanProbability = 0.2
  /// The longest span, in words; for `span` alone.
  package var maximumSpanLength = 10

  package init() {}

  /// The masks of BART: 30 % of the tokens in spans of words, each a run of `[MASK]`. Source: Lewis et al. 2020, section 2.2,
  /// arXiv:1910.13461; there with spans of 3 words in the mean.
  package static var forDenoising: MaskingConfiguration {
    var masking = MaskingConfiguration()
    masking.strategy = .span
    masking.selectionRate = 0.3
    (masking.maskRate, masking.randomRate) = (1, 0)
    masking.spanProbability = 1.0 / 3
    return masking
  }

  /// The loss, in nats per prediction, of a model that knows the frequency of each token and copies visible tokens, and
  /// does not use context. A run learns from context when its loss is below it.
  ///
  ///     (m + r) H - k ln q - r ln(1 - q),  q = k / (k + r)
  ///
  /// with the unigram entropy H and the shares m masked, r random, k kept. Such a model predicts a visible token itself
  /// with probability q, and everything else by frequency.
  package func contextFreeLoss(unigramEntropy: Double) -> Double {
    let kept = max(0, 1 - maskRate - randomRate)
    let visible = kept + randomRate
    func surprise(_ share: Double) -> Double { share > 0 ? -share * log(share / visible) : 0 }
    return (maskRate + randomRate) * unigramEntropy + surprise(kept) + surprise(randomRate)
  }

  /// The share of tokens to predict once a share of the run is done, in 0...1.
  package func selectionRate(at done: Double) -> Double {
    finalSelectionRate > 0 ? selectionRate + done * (finalSelectionRate - selectionRate) : selectionRate
  }

  package func validate() throws {
    let require = SettingsCheck("masking")
    try require(
      selectionRate > 0 && selectionRate <= 1, "selectionRate",
      "is \(selectionRate); choose a share above 0 and at most 1, such as 0.15")
    try require(
      finalSelectionRate >= 0 && finalSelectionRate <= selectionRate, "finalSelectionRate",
      "is \(finalSelectionRate); choose a share below selectionRate, or 0 for selectionRate all the time")
    try require(
      maskRate >= 0 && maskRate <= 1, "maskRate", "is \(maskRate); choose a share in 0...1, such as 0.8")
    try require(
      randomRate >= 0 && randomRate <= 1, "randomRate",
      "is \(randomRate); choose a share in 0...1, such as 0.1")
    // 0.9 + 0.1 is not exactly 1.
    try require(
      maskRate + randomRate <= 1 + 1e-9, "randomRate",
      "and maskRate add up to \(maskRate + randomRate); choose them to be 1 or less together")
    try require(
      spanProbability > 0 && spanProbability <= 1, "spanProbability",
      "is \(spanProbability); choose a probability above 0 and at most 1, such as 0.2")
    try require(
      maximumSpanLength >= 1 && maximumSpanLength <= 1000, "maximumSpanLength",
      "is \(maximumSpanLength); choose a number of words in 1...1000, such as 10")
  }
}
