internal import ClozeCore
package import ClozeData
internal import ClozeText
package import Foundation

/// Raw text as data folders, one for each size of the vocabulary, each made once.
///
/// All have the same validation documents. A folder has the same bytes as one that `tokenize` makes of the text, and an
/// unfinished one is gone on with.
package final class StudyVocabularies: Sendable {
  private let corpus: CorpusInputs
  private let format: CorpusFormat
  private let validationRate: Double
  private let folder: URL
  private let workerCount: Int
  private let report: @Sendable (String) -> Void
  /// The digest of the text, once it is known; held while a data folder is made.
  private let corpusDigest = Guarded<Digest?>(nil)
  /// That of the files, once they were read.
  private let fileDigest = Guarded<Digest?>(nil)

  /// - Parameters:
  ///   - inputs: files, folders and patterns.
  ///   - validationRate: the share of documents to hold out, 0...1.
  ///   - folder: that of the data folders.
  ///   - workers: threads; 0 for one a processor.
  ///   - report: is told what takes long.
  /// - Throws: `CorpusError`, `FileError` for text that is not there or cannot be read
  package init(
    _ inputs: [String], format: CorpusFormat, validationRate: Double, folder: URL, workers: Int,
    report: @escaping @Sendable (String) -> Void
  ) throws {
    if let pipe = inputs.first(where: CorpusInputs.isStream) { throw CorpusError.pipe(path: pipe) }
    corpus = try CorpusInputs(inputs, excluding: folder)
    try corpus.check(format)
    (self.format, self.validationRate, self.folder, self.report) = (format, validationRate, folder, report)
    workerCount = workers > 0 ? workers : ProcessInfo.processInfo.activeProcessorCount
  }

  /// The digest of the files of the text, whatever their names.
  /// - Throws: `FileError`
  func textDigest() throws -> Digest {
    try fileDigest.withLock { known in
      let digest = try known ?? corpus.digest()
      known = digest
      return digest
    }
  }

  /// What decides the data besides the size of the vocabulary; in the file `source` of the folder.
  private func source() throws -> String {
    let encoding = format.encoding?.name ?? "UTF-8"
    return
      "\(try textDigest().hex) \(validationRate) \(format.boundary.rawValue) \(format.field) \(encoding) \(format.isLossy) \(format.skipsBadRows)\n"
  }

  /// Makes room for data of this text: what a call that was refused has left of another one is removed. A study that has begun keeps its
  /// text.
  /// - Throws: `SearchError.otherStudy`, `FileError`
  private func claimFolder() throws {
    let (stamp, own) = (folder.appendingPathComponent("source"), try source())
    let found = try? String(contentsOf: stamp, encoding: .utf8)
    guard found != own else { return }
    if SearchJournal.exists(in: folder.deletingLastPathComponent()) {
      guard found == nil else { throw SearchError.otherStudy(path: folder.path, what: "text") }
      // A study of an earlier version has no such file.
      return
    }
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    where Int(name) != nil {
      try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    }
    try Folder.create(folder)
    try AtomicFile.write(Data(own.utf8), to: stamp)
  }

  /// The data folder with a vocabulary of `size` tokens, which is made if it is not there.
  ///
  /// - Throws: `SearchError.otherStudy` if the text is not that of the other folders, `ConfigurationError` if it has too few
  ///   pieces for the size, `CorpusError`, `ShardError`, `FileError`
  package func data(size: Int) throws -> URL {
    let data = folder.appendingPathComponent("\(size)")
    // Trials side by side may want the same size.
    try corpusDigest.withLock { known in
      if known == nil { try claimFolder() }
      if !FileManager.default.fileExists(atPath: DataFolder(data).index.path) {
        try tokenize(size, into: data)
      }
      let index = try DataIndex.read(folder: data).index
      known = known ?? index.corpus
      guard index.corpus == known else { throw SearchError.otherStudy(path: data.path, what: "text") }
      guard index.vocabularySize == size else {
        try? FileManager.default.removeItem(at: data)
        throw ConfigurationError.invalid(
          path: "model.vocabularySize",
          reason:
            "is \(size), and the text has pieces for \(index.vocabularySize) tokens; choose at most these"
        )
      }
    }
    return data
  }

  private func tokenize(_ size: Int, into data: URL) throws {
    report("tokenizing with a vocabulary of \(Figure.count(size)) tokens")
    try Folder.create(data)
    try DataFolder(data).withLock {
      _ = try DataFolder(data).completeMove()
      let pool = WorkerPool(workerCount: workerCount)
      let pass = CorpusPass(corpus, format: format, seed: 1, validationRate: validationRate, pool: pool)
      let run = try TokenizeRun(
        pass, .trained(VocabularyTrainer(size: size), TextNormalizer(lowercases: false)),
        layout: ShardLayout(corpusBytes: corpus.byteCount), folder: data, replacesOtherCorpus: true
      ) { [report] event in
        if case .warning(let text) = event { report(text) }
      }
      _ = try run.encode(checkpointBytes: 16_000_000, allowsUnknown: false)
    }
  }
}
