import ClozeCore
import ClozeData
import ClozeText
import Foundation

/// Where the tokenizer of a data folder comes from.
enum TokenizerSource {
  case given(Tokenizer)
  case trained(size: Int, lowercases: Bool)

  /// One line that is another for another tokenizer of the same text.
  var description: String {
    switch self {
    case .given(let tokenizer): "given \(tokenizer.digest.hex)"
    case .trained(let size, let lowercases): "trained \(size) lowercases \(lowercases)"
    }
  }
}

/// What encoding begins with: a tokenizer, and how far an unfinished run had come with the same text and settings.
struct TokenizationStart {
  let tokenizer: Tokenizer
  let progress: DatasetProgress

  /// Takes up what an unfinished run left in `folder`, where it belongs to this text and these settings; otherwise
  /// makes the first pass over the text, as far as it is needed.
  /// - Parameter needsCorpus: whether the corpus's digest has to be known before encoding.
  /// - Throws: `CorpusError`, `FileError`
  init(
    _ pass: CorpusPass, _ source: TokenizerSource, layout: ShardLayout, folder: URL, needsCorpus: Bool,
    progress: CorpusProgress
  ) throws {
    let settings = Digest(of: "\(pass.settings)\n\(layout.description)\n\(source.description)\n")
    let inputs = pass.inputs.identity
    var surveyed: Digest?
    if let left = DatasetProgress.left(in: folder, settings: settings) {
      var earlier = left.progress
      if earlier.inputs != inputs, earlier.corpus != nil || needsCorpus {
        // The files are others, by their names or times: whether the text is, only reading it tells.
        surveyed = try pass.survey { progress.report("surveying", bytes: $0) }.corpus
      }
      if earlier.inputs == inputs || earlier.corpus != nil && earlier.corpus == surveyed,
        earlier.corpus != nil || !needsCorpus
      {
        earlier.inputs = inputs
        (tokenizer, self.progress) = (left.tokenizer, earlier)
        return
      }
    }
    switch source {
    case .given(let given):
      tokenizer = given
      if needsCorpus, surveyed == nil {
        surveyed = try pass.survey { progress.report("surveying", bytes: $0) }.corpus
      }
    case .trained(let size, let lowercases):
      let normalizer = TextNormalizer(lowercases: lowercases)
      let (counts, statistics) = try pass.countWords(normalizer: normalizer) {
        progress.report("counting words", bytes: $0)
      }
      let vocabulary = try VocabularyTrainer(size: size).train(counts)
      tokenizer = Tokenizer(vocabulary: vocabulary, normalizer: normalizer)
      surveyed = statistics.corpus
    }
    self.progress = DatasetProgress(
      settings: settings, inputs: inputs, corpus: surveyed, tokenizer: tokenizer.digest)
  }
}
