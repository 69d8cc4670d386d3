internal import ClozeCore
package import ClozeText
package import Foundation

/// The origin of a data folder's tokenizer.
package enum TokenizerSource {
  case given(Tokenizer)
  case trained(VocabularyTrainer, TextNormalizer)
  /// A tokenizer with further pieces of the text, up to the trainer's size.
  case extended(Tokenizer, VocabularyTrainer)

  /// A line that differs between tokenizers for the same text.
  fileprivate var description: String {
    switch self {
    case .given(let tokenizer): "given \(tokenizer.digest.hex)"
    case .extended(let tokenizer, let trainer): "extended \(tokenizer.digest.hex) to \(trainer.size)"
    case .trained(let trainer, let normalizer):
      "trained \(trainer.size) lowercases \(normalizer.lowercases) "
        + "strips \(normalizer.stripsAccents ?? normalizer.lowercases) longest \(trainer.longestWord ?? 0)"
    }
  }
}

/// A run from a corpus to a data folder. It decides whether an unfinished run in the folder is resumed, makes the first
/// pass over the text if that is needed, and encodes all documents.
///
/// An unfinished run is resumed if it has the same settings and the same text. The text is the same if the files have the
/// same names, sizes and times. If they differ, the text is read and its digest compared: with the digest of the whole
/// corpus if the unfinished run knows it, and otherwise with that of the documents before its checkpoint.
package struct TokenizeRun {
  package enum Event {
    /// A pass over the text goes on; bytes read from the disk since it began.
    case reading(stage: String, bytes: Int)
    /// Encoding resumes after so many documents.
    case resumed(documents: Int)
    case warning(String)
  }

  package let tokenizer: Tokenizer
  private let progress: DatasetProgress
  private let pass: CorpusPass
  private let layout: ShardLayout
  private let folder: URL
  private let report: (Event) -> Void

  /// Finds the run to resume, or makes the first pass. The caller holds the lock of the folder.
  ///
  /// - Parameters:
  ///   - replacesOtherCorpus: whether data of another corpus in the folder may be replaced. If not, the corpus is read once
  ///     before it is encoded, to compare it with the data in the folder.
  ///   - report: called for every event, also by `encode`.
  /// - Throws: `ShardError.otherCorpus`, `.unreadableData`, `CorpusError`, `FileError`
  package init(
    _ pass: CorpusPass, _ source: TokenizerSource, layout: ShardLayout, folder: URL,
    replacesOtherCorpus: Bool,
    report: @escaping (Event) -> Void
  ) throws {
    (self.pass, self.layout, self.folder, self.report) = (pass, layout, folder, report)
    let existing = replacesOtherCorpus ? nil : try DataFolder(folder).corpus()
    let settings = Digest(of: "\(pass.settings)\n\(layout.description)\n\(source.description)\n")
    var surveyed: Digest?
    if let left = DatasetProgress.left(in: folder, settings: settings),
      let progress = try TokenizeRun.resumable(
        left.progress, pass, needsCorpus: existing != nil, surveyed: &surveyed, report: report)
    {
      (tokenizer, self.progress) = (left.tokenizer, progress)
    } else {
      let (tokenizer, corpus) = try TokenizeRun.firstPass(
        pass, source, surveyed: surveyed, needsCorpus: existing != nil, report: report)
      self.tokenizer = tokenizer
      progress = DatasetProgress(
        settings: settings, inputs: pass.inputs.identity, corpus: corpus, tokenizer: tokenizer.digest)
    }
    if let existing, let corpus = progress.corpus, existing != corpus {
      throw ShardError.otherCorpus(path: folder.path, existing: existing, new: corpus)
    }
  }

  /// The progress of an unfinished run for the files of `pass`; nil if it has another text, or if the digest of the corpus
  /// is needed and not known.
  /// - Parameter surveyed: the digest of the corpus, if the whole of it was read here.
  private static func resumable(
    _ left: DatasetProgress, _ pass: CorpusPass, needsCorpus: Bool, surveyed: inout Digest?,
    report: (Event) -> Void
  ) throws -> DatasetProgress? {
    if left.inputs == pass.inputs.identity { return left.corpus != nil || !needsCorpus ? left : nil }
    var moved = left
    moved.inputs = pass.inputs.identity
    if left.corpus != nil || needsCorpus {
      // The same text may be divided differently into files, so the position to resume from is looked for as well.
      let survey = try pass.survey(locating: left.checkpoint?.position.documents ?? 0) {
        report(.reading(stage: "surveying", bytes: $0))
      }
      surveyed = survey.statistics.corpus
      guard left.corpus == surveyed else { return nil }
      if let position = survey.position {
        moved.checkpoint?.position = position
      } else {
        moved.checkpoint = nil
      }
      return moved
    }
    // A given tokenizer needs no first pass, so only the documents before the checkpoint are known.
    guard let checkpoint = left.checkpoint,
      let position = try pass.position(
        after: checkpoint.position.documents, digest: checkpoint.documents.digest,
        progress: { report(.reading(stage: "comparing", bytes: $0)) })
    else { return nil }
    moved.checkpoint?.position = position
    return moved
  }

  /// Reads the text once if the tokenizer, or a comparison with the data in the folder, needs it.
  /// - Returns: the tokenizer, and the digest of the corpus if the text was read.
  private static func firstPass(
    _ pass: CorpusPass, _ source: TokenizerSource, surveyed: Digest?, needsCorpus: Bool,
    report: (Event) -> Void
  ) throws -> (Tokenizer, corpus: Digest?) {
    func countWords(_ normalizer: TextNormalizer) throws -> (counts: WordCounts, corpus: Digest) {
      let (counts, statistics) = try pass.countWords(normalizer: normalizer) {
        report(.reading(stage: "counting words", bytes: $0))
      }
      return (counts, statistics.corpus)
    }
    switch source {
    case .given(let given):
      guard needsCorpus, surveyed == nil else { return (given, surveyed) }
      let survey = try pass.survey { report(.reading(stage: "surveying", bytes: $0)) }
      return (given, survey.statistics.corpus)
    case .extended(let given, let trainer):
      let (counts, corpus) = try countWords(given.normalizer)
      return (try given.extended(by: trainer, counts), corpus)
    case .trained(let trainer, let normalizer):
      let (counts, corpus) = try countWords(normalizer)
      let tokenizer = Tokenizer(
        vocabulary: try trainer.train(counts), normalizer: normalizer,
        longestWord: trainer.longestWord ?? counts.longestWord)
      return (tokenizer, corpus)
    }
  }

  /// Encodes all documents into the folder, from the checkpoint of the unfinished run if there is one.
  ///
  /// - Parameters:
  ///   - checkpointBytes: the bytes of text between checkpoints.
  ///   - allowsUnknown: whether to finish although much of the text is unknown to the tokenizer.
  /// - Throws: `DiskShortage`, `CorpusError`, `FileError`; `UnreadableText`, after which another run can resume.
  package func encode(checkpointBytes: Int, allowsUnknown: Bool) throws -> (CorpusStatistics, DataIndex) {
    do {
      return try encode(progress, checkpointBytes, allowsUnknown)
    } catch ShardError.damagedLeftover(let path) {
      report(.warning("\(path): is not as the unfinished run wrote it; all documents are encoded anew"))
      var progress = progress
      progress.checkpoint = nil
      return try encode(progress, checkpointBytes, allowsUnknown)
    }
  }

  private func encode(_ progress: DatasetProgress, _ checkpointBytes: Int, _ allowsUnknown: Bool) throws -> (
    CorpusStatistics, DataIndex
  ) {
    var readBytes = 0
    var writer: DatasetWriter?
    do {
      let unfinished = try DatasetWriter(
        folder: folder,
        source: .init(
          tokenizer: tokenizer.digest, vocabularySize: tokenizer.vocabulary.count, seed: pass.seed,
          validationRate: pass.validationRate),
        layout: layout, pool: pass.pool, progress: progress, checkpointBytes: checkpointBytes)
      writer = unfinished
      try unfinished.stage(tokenizer)
      if unfinished.position.documents > 0 { report(.resumed(documents: unfinished.position.documents)) }
      let statistics = try pass.encode(with: tokenizer, into: unfinished) {
        readBytes = $0
        report(.reading(stage: "encoding", bytes: $0))
      }
      guard progress.corpus == nil || progress.corpus == statistics.corpus else {
        throw CorpusError.changed(inputs: pass.inputs.description)
      }
      let unknownText = UnknownText(statistics.loss, tokenizer)
      guard unknownText.characters > 0, allowsUnknown || unknownText.share <= UnknownText.refusalShare else {
        throw UnreadableText(inputs: pass.inputs.description, unknownText: unknownText)
      }
      return (statistics, try unfinished.finish(corpus: statistics.corpus, unknownText: unknownText))
    } catch let error as CorpusError {
      // The text has changed, so the run starts again.
      writer?.discard()
      throw error
    } catch FileError.diskFull(let path) {
      throw DiskShortage(
        path: path, writtenBytes: Folder.byteCount(of: DataFolder(folder).staging.url),
        readShare: Double(readBytes) / Double(max(1, pass.inputs.byteCount)),
        leavesProgress: writer?.leavesProgress ?? false)
    }
  }
}
