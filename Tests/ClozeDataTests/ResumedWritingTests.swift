import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// A writer that was killed is gone on from after its last whole shard, to the bytes of one that never was.
///
/// A killed writer leaves what lies in the folder at that moment, so a copy of the folder is what a kill leaves.
@Suite struct ResumedWritingTests {
  private let temporary: TemporaryFolder
  private let tokenizer: Tokenizer
  private let corpus: [(tokens: [TokenID], split: Split)]
  private let reference: [String: Data]

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

  private static let settings = Digest(of: "settings")

  private static func fresh(_ tokenizer: Tokenizer) -> DatasetProgress {
    DatasetProgress(
      settings: settings, inputs: Digest(of: "inputs"), corpus: nil, tokenizer: tokenizer.digest)
  }

  private static func writer(
    _ folder: URL, _ tokenizer: Tokenizer, _ progress: DatasetProgress, workers: Int = 1
  )
    throws -> DatasetWriter
  {
    let writer = try DatasetWriter(
      folder: folder,
      provenance: .init(tokenizer: tokenizer.digest, vocabularySize: 200, seed: 3, validationRate: 0.2),
      layout: DataFixture.smallLayout, pool: WorkerPool(workerCount: workers), progress: progress)
    try writer.stage(tokenizer)
    return writer
  }

  private static func append(
    _ documents: ArraySlice<(tokens: [TokenID], split: Split)>, to writer: DatasetWriter,
    skipping skipped: [Split: Int] = [:]
  ) throws {
    var skipped = skipped
    for (number, (tokens, split)) in zip(documents.indices, documents) {
      if let left = skipped[split], left > 0 {
        skipped[split] = left - 1
        continue
      }
      var counts = TokenCounts(words: number)
      counts.tokens = tokens.count
      try writer.append(tokens[...], to: split, counts: counts, bytes: 3 * tokens.count)
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

  /// Goes on from what is left, and gives how many shards there were.
  private func resume(_ folder: URL, workers: Int = 1) throws -> Int {
    let left = DatasetProgress.left(in: folder, settings: ResumedWritingTests.settings)
    let progress = left?.progress ?? ResumedWritingTests.fresh(tokenizer)
    let writer = try ResumedWritingTests.writer(folder, tokenizer, progress, workers: workers)
    let shards = writer.finishedShards
    try ResumedWritingTests.append(
      corpus[...], to: writer,
      skipping: Dictionary(
        uniqueKeysWithValues: Split.allCases.map { ($0, shards == 0 ? 0 : progress[$0].documents) }))
    _ = try writer.finish(corpus: DataFixture.corpus)
    return shards
  }

  @Test func afterAnyDocument() throws {
    var shards: [Int] = []
    for count in 0...corpus.count {
      let folder = try killed(after: count, in: "killed-\(count)", workers: 1 + count % 2)
      shards.append(try resume(folder, workers: 2 - count % 2))
      #expect(try DataFixture.contents(folder) == reference, "\(count)")
    }
    #expect(shards.first == 0 && (shards.last ?? 0) > 20, "\(shards)")
  }

  /// Again and again, a few documents further each time.
  @Test func manyTimes() throws {
    let folder = temporary.file("often")
    for count in stride(from: 5, through: corpus.count, by: 9) {
      let left = DatasetProgress.left(in: folder, settings: ResumedWritingTests.settings)
      let progress = left?.progress ?? ResumedWritingTests.fresh(tokenizer)
      let writer = try ResumedWritingTests.writer(folder, tokenizer, progress)
      try ResumedWritingTests.append(
        corpus.prefix(count), to: writer,
        skipping: Dictionary(uniqueKeysWithValues: Split.allCases.map { ($0, progress[$0].documents) }))
      // Dropped, it leaves its shards.
    }
    #expect(try resume(folder) > 10)
    #expect(try DataFixture.contents(folder) == reference)
  }

  @Test func otherSettingsBeginAnew() throws {
    let folder = try killed(after: 60, in: "killed")
    #expect(DatasetProgress.left(in: folder, settings: Digest(of: "other")) == nil)
    #expect(DatasetProgress.left(in: folder, settings: ResumedWritingTests.settings) != nil)
  }

  /// Whatever became of the files that were left, they do no harm.
  @Test func damagedLeftoversBeginAnew() throws {
    let changes: [(String, (inout Data) -> Void)] = [
      ("train-00001.zst", { $0[50] ^= 1 }), ("train-00000.zst", { $0.removeLast(3) }),
      ("validation-00000.zst", { $0 = Data() }), ("progress.json", { $0 = Data("{}".utf8) }),
      ("progress.json", { $0[$0.count / 2] ^= 1 }), ("vocab.txt", { $0.removeFirst() }),
      ("tokenizer.json", { $0.removeLast(9) }), ("train-00002.zst.partial", { $0 = Data("x".utf8) }),
    ]
    for (place, (name, change)) in changes.enumerated() {
      let folder = try killed(after: 60, in: "killed-\(place)")
      let url = folder.appendingPathComponent("incoming.partial/\(name)")
      if !FileManager.default.fileExists(atPath: url.path) { try Data().write(to: url) }
      try DataFixture.edit(url, change)
      _ = try resume(folder)
      #expect(try DataFixture.contents(folder) == reference, "\(name)")
    }
  }

  @Test(arguments: ["-1", "99999999999", "1e3", "281474976710656"]) func hostileProgress(number: String)
    throws
  {
    let folder = try killed(after: 60, in: "killed")
    let url = folder.appendingPathComponent("incoming.partial/progress.json")
    let text = try String(contentsOf: url, encoding: .utf8)
    for field in ["shards", "documents", "tokens"] {
      let lie = text.replacing(try Regex("\"\(field)\":\\d+"), with: "\"\(field)\":\(number)")
      try #require(lie != text)
      try Data(lie.utf8).write(to: url)
      if let left = DatasetProgress.left(in: folder, settings: ResumedWritingTests.settings) {
        // A lie within bounds: the shards that it speaks of are not there, or the split has fewer documents.
        #expect(left.progress.train.shards < 1 << 24)
      }
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
      #expect(try DatasetWriter.completeMove(in: folder))
      var contents = try DataFixture.contents(folder)
      #expect(contents.removeValue(forKey: "notes.txt") == Data("mine".utf8))
      #expect(contents == reference)
      #expect(try !DatasetWriter.completeMove(in: folder))
    }
  }

  /// Two writers at once would write into each other's files.
  @Test func aFolderHasOneWriter() throws {
    let claim = try FolderClaim(temporary.url)
    #expect(
      failureMessage { _ = try FolderClaim(temporary.url) }.contains("another tokenize is writing into it"))
    withExtendedLifetime(claim) {}
  }

  @Test func aClaimThatWentMayBeTaken() throws {
    for _ in 0..<2 { _ = try FolderClaim(temporary.url) }
    #expect(failureMessage { _ = try FolderClaim(temporary.file("nowhere")) }.contains("does not exist"))
  }
}
