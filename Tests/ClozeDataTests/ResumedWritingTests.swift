import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// A writer that was killed is gone on from where its last checkpoint was, to the bytes of one that never was killed.
///
/// A killed writer leaves what lies in the folder at that moment, so a copy of the folder is what a kill leaves.
@Suite struct ResumedWritingTests {
  private let temporary: TemporaryFolder
  private let tokenizer: Tokenizer
  private let corpus: [(tokens: [TokenID], split: Split)]
  private let reference: [String: Data]

  /// Documents from one checkpoint to the next.
  private static let cadence = 3
  private static let settings = Digest(of: "settings")

  /// Documents of 0...60 tokens, and a few that are longer than a shard; every fifth is held out.
  init() throws {
    temporary = try TemporaryFolder()
    tokenizer = Tokenizer(vocabulary: try DataFixture.vocabulary(), normalizer: .cased)
    let lengths = [0, 60, 3, 300, 0, 64, 128, 0, 41, 17, 192, 0, 5, 450, 0, 0, 33, 2]
    corpus = (0..<70).map { number in
      var random = CounterRandom(seed: 6, purpose: .bootstrap, index: number)
      let tokens = (0..<lengths[number % lengths.count]).map { _ in TokenID(5 + random.below(195)) }
      return (tokens, number % 5 == 4 ? .validation : .train)
    }
    let writer = try ResumedWritingTests.writer(
      temporary.file("reference"), tokenizer, ResumedWritingTests.fresh(tokenizer))
    try ResumedWritingTests.append(corpus[...], to: writer)
    _ = try writer.finish(corpus: DataFixture.corpus)
    reference = try DataFixture.contents(temporary.file("reference"))
  }

  private static func fresh(_ tokenizer: Tokenizer) -> DatasetProgress {
    DatasetProgress(
      settings: settings, inputs: Digest(of: "inputs"), corpus: nil, tokenizer: tokenizer.digest)
  }

  private static func writer(
    _ folder: URL, _ tokenizer: Tokenizer, _ progress: DatasetProgress, workers: Int = 1
  ) throws -> DatasetWriter {
    let writer = try DatasetWriter(
      folder: folder,
      source: .init(tokenizer: tokenizer.digest, vocabularySize: 200, seed: 3, validationRate: 0.2),
      layout: DataFixture.smallLayout, pool: WorkerPool(workerCount: workers), progress: progress,
      checkpointBytes: cadence)
    try writer.stage(tokenizer)
    return writer
  }

  /// Gives the writer those of the documents that it does not have, each as a batch of one byte.
  private static func append(
    _ documents: ArraySlice<(tokens: [TokenID], split: Split)>, to writer: DatasetWriter
  ) throws {
    for (number, (tokens, split)) in zip(documents.indices, documents).dropFirst(writer.position.documents) {
      var counts = TokenCounts(words: number)
      counts.tokens = tokens.count
      try writer.append(tokens[...], to: split, counts: counts, bytes: 3 * tokens.count)
      var position = CorpusPosition()
      position.documents = number + 1
      try writer.endBatch(at: position, after: [Digest(of: "\(number)")], bytes: 1)
    }
  }

  /// What is left of a writer that was killed after `count` documents.
  private func killed(after count: Int, in name: String, workers: Int = 1) throws -> URL {
    let folder = temporary.file(name + "-running")
    let writer = try ResumedWritingTests.writer(
      folder, tokenizer, ResumedWritingTests.fresh(tokenizer), workers: workers)
    try ResumedWritingTests.append(corpus.prefix(count), to: writer)
    try FileManager.default.copyItem(at: folder, to: temporary.file(name))
    writer.discard()
    return temporary.file(name)
  }

  private func left(in folder: URL) -> DatasetProgress? {
    DatasetProgress.left(in: folder, settings: ResumedWritingTests.settings)?.progress
  }

  /// Goes on from what is left, and gives how many documents there were.
  private func resume(_ folder: URL, workers: Int = 1) throws -> Int {
    let progress = left(in: folder) ?? ResumedWritingTests.fresh(tokenizer)
    let writer = try ResumedWritingTests.writer(folder, tokenizer, progress, workers: workers)
    let documents = writer.position.documents
    try ResumedWritingTests.append(corpus[...], to: writer)
    do {
      _ = try writer.finish(corpus: DataFixture.corpus)
      return documents
    } catch ShardError.damagedLeftover {
      return try resume(folder, workers: workers)
    }
  }

  @Test func afterAnyDocument() throws {
    for count in 0...corpus.count {
      let folder = try killed(after: count, in: "killed-\(count)", workers: 1 + count % 2)
      let documents = try resume(folder, workers: 2 - count % 2)
      #expect(documents == count - count % ResumedWritingTests.cadence)
      #expect(try DataFixture.contents(folder) == reference, "\(count)")
    }
  }

  /// Again and again, a few documents further each time.
  @Test func manyTimes() throws {
    let folder = temporary.file("often")
    for count in stride(from: 5, through: corpus.count, by: 9) {
      let writer = try ResumedWritingTests.writer(
        folder, tokenizer, left(in: folder) ?? ResumedWritingTests.fresh(tokenizer))
      try ResumedWritingTests.append(corpus.prefix(count), to: writer)
      // Dropped, it leaves its files.
    }
    #expect(try resume(folder) > 60)
    #expect(try DataFixture.contents(folder) == reference)
  }

  /// Dropped before there is anything to go on from, a writer takes its files back.
  @Test func nothingIsLeftOfABeginning() throws {
    let folder = temporary.file("short")
    do {
      let writer = try ResumedWritingTests.writer(folder, tokenizer, ResumedWritingTests.fresh(tokenizer))
      try ResumedWritingTests.append(corpus.prefix(ResumedWritingTests.cadence - 1), to: writer)
    }
    #expect(try DataFixture.contents(folder).isEmpty)
    // But for a vocabulary that took a pass over the text.
    var progress = ResumedWritingTests.fresh(tokenizer)
    progress.corpus = DataFixture.corpus
    _ = try ResumedWritingTests.writer(folder, tokenizer, progress)
    #expect(left(in: folder) == progress)
  }

  @Test func otherSettingsBeginAnew() throws {
    let folder = try killed(after: 60, in: "killed")
    #expect(DatasetProgress.left(in: folder, settings: Digest(of: "other")) == nil)
    #expect(left(in: folder) != nil)
  }

  /// A run that is gone on with by another version would mix two encoders.
  @Test func theVersionIsOneOfTheSettings() {
    #expect(ShardLayout().description.contains("Cloze \(Cloze.version)"))
  }

  /// What a large vocabulary's run has written can be read: the unigrams of both splits are 8 bytes a token, in base 64.
  @Test(arguments: [1_000, 3_000_000, 100_000_000]) func progressOfALargeVocabularyFits(size: Int) throws {
    let unigrams = try JSONEncoder().encode([Data(count: 8 * 1_000)]).count * (size / 1_000)
    #expect(DatasetProgress.maximumByteCount(vocabularySize: size) > 2 * unigrams + (1 << 20))
  }

  /// Whatever became of the files that were left, the bytes are the same in the end.
  @Test func damagedLeftoversDoNoHarm() throws {
    let running = try killed(after: 61, in: "killed")
    let staging = "incoming.partial"
    let names = try FileManager.default.contentsOfDirectory(
      atPath: running.appendingPathComponent(staging).path)
    try #require(Set(names).isSuperset(of: ["documents.partial", "train.partial", "validation.partial"]))
    let changes: [(String, (inout Data) -> Void)] = [
      ("bit", { $0[$0.count / 2] ^= 1 }), ("first bit", { $0[0] ^= 1 }),
      ("cut", { $0.removeLast($0.count / 2 + 1) }),
      ("emptied", { $0 = Data() }), ("longer", { $0 += Data("longer".utf8) }),
    ]
    var anew: Set<String> = []
    for name in names {
      for (kind, change) in changes + [("lost", { _ in })] {
        let folder = temporary.file("\(kind)-\(name)")
        try FileManager.default.copyItem(at: running, to: folder)
        let url = folder.appendingPathComponent("\(staging)/\(name)")
        if kind == "lost" {
          try FileManager.default.removeItem(at: url)
        } else {
          try DataFixture.edit(url, change)
        }
        if try resume(folder) == 0 { anew.insert("\(kind) \(name)") }
        #expect(try DataFixture.contents(folder) == reference, "\(kind) \(name)")
      }
    }
    // Not read before the end, a full shard is found out all the same.
    #expect(anew.isSuperset(of: ["bit train-00000.zst", "lost train-00000.zst", "cut documents.partial"]))
    #expect(!anew.contains("longer documents.partial") && !anew.contains("longer train.partial"))
  }

  /// Numbers that no run has written, under a digest that is right.
  @Test(arguments: ["-1", "0", "7", "99999999999", "4611686018427387904", "9223372036854775807"])
  func hostileProgress(number: String) throws {
    let running = try killed(after: 60, in: "killed")
    let text = try String(
      contentsOf: running.appendingPathComponent("incoming.partial/progress.json"), encoding: .utf8)
    let line = try #require(text.split(separator: "\n").last)
    let fields = Set(line.matches(of: /"(\w+)":-?\d/).map(\.output.1)).subtracting(["version"])
    try #require(fields.isSuperset(of: ["length", "documents", "tokens", "words", "empty", "bytes"]))
    for field in fields.sorted() {
      let folder = temporary.file("hostile-\(field)")
      try FileManager.default.copyItem(at: running, to: folder)
      let lie = String(line).replacing(try Regex("\"\(field)\":\\d+"), with: "\"\(field)\":\(number)") + "\n"
      try Data("\(Digest(of: lie).hex)\n\(lie)".utf8).write(
        to: folder.appendingPathComponent("incoming.partial/progress.json"))
      let progress = try #require(left(in: folder))
      let writer = try ResumedWritingTests.writer(folder, tokenizer, progress)
      // Whatever of it is believed, nothing overflows.
      try ResumedWritingTests.append(corpus[...], to: writer)
      _ = try writer.finish(corpus: DataFixture.corpus)
    }
  }

  /// Killed while the files were moved: wherever that was, completing it gives the whole folder.
  @Test func movesAreCompleted() throws {
    let names = reference.keys.sorted().filter { $0 != "index.json" }
    for moved in 0...names.count {
      let folder = temporary.file("moving-\(moved)")
      let staging = folder.appendingPathComponent("incoming.partial")
      try FileManager.default.createDirectory(at: staging, withIntermediateDirectories: true)
      for (place, name) in names.enumerated() {
        let target = (place < moved ? folder : staging).appendingPathComponent(name)
        try reference[name]?.write(to: target)
      }
      try reference["index.json"]?.write(to: staging.appendingPathComponent("index.json"))
      // An earlier data set had more shards.
      try Data("old".utf8).write(to: folder.appendingPathComponent("train-00077.zst"))
      try Data("mine".utf8).write(to: folder.appendingPathComponent("notes.txt"))
      #expect(try DataFolder(folder).completeMove())
      var contents = try DataFixture.contents(folder)
      #expect(contents.removeValue(forKey: "notes.txt") == Data("mine".utf8))
      #expect(contents == reference)
      #expect(try !DataFolder(folder).completeMove())
    }
  }

  /// Two writers at once would write into each other's files.
  @Test func aFolderHasOneWriter() throws {
    let folder = DataFolder(temporary.url)
    try folder.withLock {
      #expect(failureMessage { try folder.withLock {} }.contains("another tokenize is writing into it"))
    }
    try folder.withLock {}
    #expect(
      failureMessage { try DataFolder(temporary.file("nowhere")).withLock {} }.contains("does not exist"))
  }
}
