package import ClozeCore
package import ClozeData
package import ClozeText

/// All that an evaluation asks: windows of a text under the masks of a scheme.
package struct MaskedQuestions: Sendable {
  package let scheme: EvaluationScheme
  /// Windows that there are to ask about.
  package let windowCount: Int
  private let data: Digest
  private let split: Split?
  private let baseline: UnigramBaseline
  private let source: MaskedEvaluation.Source

  /// Questions on a split of a data folder, beside the frequencies of its training text.
  ///
  /// - Throws: `ConfigurationError`, `ShardError`, `FileError`
  package init(_ dataset: TokenDataset, scheme: EvaluationScheme, vocabulary: Vocabulary) throws {
    let masking = try Masking(scheme.masking, vocabulary: vocabulary)
    let windows = try PackedWindows(
      dataset, windowLength: scheme.windowLength, specials: vocabulary.specials, seed: scheme.seed)
    let source = MaskedBatchSource(windows: windows, masking: masking, seed: scheme.seed)
    self.scheme = scheme
    self.source = { try source.evaluationBatch(windows: $0) }
    windowCount = windows.windowCount
    data = dataset.identity
    split = dataset.split
    baseline = UnigramBaseline(trainingText: try dataset.unigramCounts(), unasked: vocabulary.specials.ids)
  }

  /// Questions on a text, beside its own frequencies, since a model folder does not hold those of its training text.
  ///
  /// - Throws: `ConfigurationError`
  package init(_ text: EncodedText, scheme: EvaluationScheme, vocabulary: Vocabulary) throws {
    let masking = try Masking(scheme.masking, vocabulary: vocabulary)
    let windows = TextWindows(text, windowLength: scheme.windowLength, specials: vocabulary.specials)
    self.scheme = scheme
    source = { windows.evaluationBatch(windows: $0, masking: masking, seed: scheme.seed) }
    windowCount = windows.windowCount
    data = text.digest
    split = nil
    baseline = UnigramBaseline(
      evaluatedText: text.unigramCounts(vocabularySize: vocabulary.count), unasked: vocabulary.specials.ids)
  }

  /// The evaluation of `count` windows drawn over the whole text, of all where there are no more than that.
  ///
  /// A window has the same questions in every sample. A forward pass takes 8 windows, or fewer of long ones, so that its
  /// memory does not grow with their length.
  package func evaluation(windows count: Int? = nil) -> MaskedEvaluation {
    MaskedEvaluation(
      windows: StratifiedSample.draw(count ?? windowCount, of: windowCount, seed: scheme.seed),
      baseline: baseline, microbatchWindows: max(1, min(8, 4096 / scheme.windowLength)), source: source)
  }

  /// - Parameters:
  ///   - precision: of the model's arithmetic.
  ///   - report: what the evaluation found.
  package func signature(tokenizer: Digest, precision: String, report: MaskedReport) -> MaskedSignature {
    MaskedSignature(
      scheme: scheme, tokenizer: tokenizer, data: data, split: split,
      sampledWindows: report.windowCount < windowCount ? report.windowCount : nil, count: report.all.count,
      precision: precision)
  }
}
