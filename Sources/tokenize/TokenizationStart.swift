import ClozeCLI
import ClozeCore
import ClozeData
import ClozeText
import Foundation

/// The origin of a data folder's tokenizer.
enum TokenizerSource {
  case given(Tokenizer)
  case trained(VocabularyTrainer, TextNormalizer)
  /// A tokenizer with further pieces of the text, up to the trainer's size.
  case extended(Tokenizer, VocabularyTrainer)

  /// A line that differs between tokenizers for the same text.
  var description: String {
    switch self {
    case .given(let tokenizer): "given \(tokenizer.digest.hex)"
    case .extended(let tokenizer, let trainer): "extended \(tokenizer.digest.hex) to \(trainer.size)"
    case .trained(let trainer, let normalizer):
      "trained \(trainer.size) lowercases \(normalizer.lowercases) "
        + "strips \(normalizer.stripsAccents ?? normalizer.lowercases) longest \(trainer.longestWord ?? 0)"
    }
  }
}

/// The start of encoding: the tokenizer, and the checkpoint of an unfinished run with the same text and settings.
struct TokenizationStart {
  let tokenizer: Tokenizer
  private(set) var progress: DatasetProgress
  private let pass: CorpusPass
  private let layout: ShardLayout
  private let folder: URL

  /// Resumes the unfinished run in `folder` if it has this text and these settings; otherwise makes the first pass over
  /// the text, if it is needed.
  /// - Parameter needsCorpus: whether the digest of the corpus is needed before encoding.
  /// - Throws: `CorpusError`, `FileError`
  init(
    _ pass: CorpusPass, _ source: TokenizerSource, layout: ShardLayout, folder: URL, needsCorpus: Bool,
    progress: CorpusProgress
  ) throws {
    (self.pass, self.layout, self.folder) = (pass, layout, folder)
    let settings = Digest(of: "\(pass.settings)\n\(layout.description)\n\(source.description)\n")
    let inputs = pass.inputs.identity
    var surveyed: Digest?
    if let left = DatasetProgress.left(in: folder, settings: settings) {
      var earlier = left.progress
      if earlier.inputs != inputs, earlier.corpus != nil || needsCorpus {
        // The files differ in names or times. Only reading tells whether the text differs too. If it is the same, it
        // may be in other files, so the position to resume from may be another.
        let survey = try pass.survey(locating: earlier.checkpoint?.position.documents ?? 0) {
          progress.report("surveying", bytes: $0)
        }
        surveyed = survey.statistics.corpus
        if earlier.corpus == surveyed {
          earlier.inputs = inputs
          if let position = survey.position {
            earlier.checkpoint?.position = position
          } else {
            earlier.checkpoint = nil
          }
        }
      }
      if earlier.inputs != inputs, earlier.corpus == nil, !needsCorpus, let checkpoint = earlier.checkpoint,
        let position = try pass.position(
          after: checkpoint, progress: { progress.report("comparing", bytes: $0) })
      {
        // With a given tokenizer there was no first pass, so only the documents before the checkpoint are known.
        earlier.inputs = inputs
        earlier.checkpoint?.position = position
      }
      if earlier.inputs == inputs, earlier.corpus != nil || !needsCorpus {
        (tokenizer, self.progress) = (left.tokenizer, earlier)
        return
      }
    }
    switch source {
    case .given(let given):
      tokenizer = given
      if needsCorpus, surveyed == nil {
        surveyed = try pass.survey { progress.report("surveying", bytes: $0) }.statistics.corpus
      }
    case .extended(let given, let trainer):
      let (counts, statistics) = try pass.countWords(normalizer: given.normalizer) {
        progress.report("counting words", bytes: $0)
      }
      tokenizer = try given.extended(by: trainer, counts)
      surveyed = statistics.corpus
    case .trained(let trainer, let normalizer):
      let (counts, statistics) = try pass.countWords(normalizer: normalizer) {
        progress.report("counting words", bytes: $0)
      }
      tokenizer = Tokenizer(
        vocabulary: try trainer.train(counts), normalizer: normalizer,
        longestWord: trainer.longestWord ?? counts.longestWord)
      surveyed = statistics.corpus
    }
    self.progress = DatasetProgress(
      settings: settings, inputs: inputs, corpus: surveyed, tokenizer: tokenizer.digest)
  }

  /// Encodes all documents into the folder, from the last checkpoint on if there is one.
  /// - Parameter allowsUnknown: whether to finish although much of the text is unknown to the tokenizer.
  /// - Throws: `DiskShortage`, `CorpusError`, `FileError`; `UnreadableText`, after which another run can resume.
  mutating func encode(
    checkpointBytes: Int, allowsUnknown: Bool, isQuiet: Bool, progress report: CorpusProgress
  ) throws -> (CorpusStatistics, DataIndex) {
    var readBytes = 0
    var unfinished: DatasetWriter?
    do {
      let writer = try DatasetWriter(
        folder: folder,
        source: .init(
          tokenizer: tokenizer.digest, vocabularySize: tokenizer.vocabulary.count, seed: pass.seed,
          validationRate: pass.validationRate),
        layout: layout, pool: pass.pool, progress: progress, checkpointBytes: checkpointBytes)
      unfinished = writer
      try writer.stage(tokenizer)
      if writer.position.documents > 0, !isQuiet {
        Console.write("going on after \(Figure.count(writer.position.documents)) documents\n")
      }
      let statistics = try pass.encode(with: tokenizer, into: writer) {
        readBytes = $0
        report.report("encoding", bytes: $0)
      }
      guard progress.corpus == nil || progress.corpus == statistics.corpus else {
        throw CorpusError.changed(inputs: pass.inputs.description)
      }
      let unknownText = UnknownText(statistics.loss, tokenizer)
      guard unknownText.characters > 0, allowsUnknown || unknownText.share <= UnknownText.refusalShare else {
        throw UnreadableText(inputs: pass.inputs.description, unknownText: unknownText)
      }
      return (statistics, try writer.finish(corpus: statistics.corpus, unknownText: unknownText))
    } catch let error as CorpusError {
      // The text has changed, so the run starts again.
      unfinished?.discard()
      throw error
    } catch FileError.diskFull(let path) {
      throw DiskShortage(
        path: path, writtenBytes: Folder.byteCount(of: DataFolder(folder).staging.url),
        readShare: Double(readBytes) / Double(max(1, pass.inputs.byteCount)),
        leavesProgress: unfinished?.leavesProgress ?? false)
    } catch ShardError.damagedLeftover(let path) {
      Console.warning("\(path): is not as the unfinished run wrote it; all documents are encoded anew")
      progress.checkpoint = nil
      unfinished = nil
      return try encode(
        checkpointBytes: checkpointBytes, allowsUnknown: allowsUnknown, isQuiet: isQuiet, progress: report)
    }
  }
}
