package import ClozeCore
package import ClozeData
package import ClozeText

/// The masked windows of an evaluation: the windows of a text under the masks of a scheme.
package struct MaskedQuestions: Sendable {
  package let scheme: EvaluationScheme
  /// The number of windows of the whole text.
  package let windowCount: Int
  private let data: Digest
  private let split: Split?
  private let baseline: UnigramBaseline
  private let source: MaskedEvaluation.Source

  /// The windows of a split of a data folder, with the token frequencies of its train split as the baseline.
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

  /// The windows of a text, with its own token frequencies as the baseline, since a model folder does not contain those
  /// of its training text.
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

  /// The evaluation of `count` windows drawn over the whole text; nil, or more than there are, means all.
  ///
  /// A window has the same masks in every sample.
  package func evaluation(windows count: Int? = nil) -> MaskedEvaluation {
    MaskedEvaluation(
      windows: StratifiedSample.draw(count ?? windowCount, of: windowCount, seed: scheme.seed),
      baseline: baseline, microbatchWindows: EvaluationScheme.passWindows(length: scheme.windowLength),
      source: source)
  }

  /// - Parameters:
  ///   - precision: of the model's arithmetic.
  ///   - report: the result of the evaluation.
  package func signature(tokenizer: Digest, precision: String, report: MaskedReport) -> MaskedSignature {
    MaskedSignature(
      scheme: scheme, tokenizer: tokenizer, data: data, split: split,
      sampledWindows: report.windowCount < windowCount ? report.windowCount : nil, count: report.all.count,
      precision: precision)
  }
}
