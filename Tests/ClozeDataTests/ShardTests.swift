import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

@Suite struct ShardTests {
  @Test(arguments: [
    (1, 1, 200), (7, 2, 200), (64, 3, 200), (64, 1000, 70_000), (1000, 1, 66_000), (5000, 1, 200),
  ])
  func tokensComeBack(tokensPerFrame: Int, framesPerShard: Int, vocabularySize: Int) throws {
    let folder = try TemporaryFolder()
    let documents = DataFixture.documents(60, maximumLength: 40, vocabularySize: vocabularySize)
    let held = DataFixture.documents(5, maximumLength: 9, vocabularySize: vocabularySize, seed: 2)
    let index = try DataFixture.write(
      documents, validation: held, to: folder.url, vocabularySize: vocabularySize,
      tokensPerFrame: tokensPerFrame, framesPerShard: framesPerShard, workers: 2)
    let tokens = documents.flatMap { $0 }
    #expect(index.train.tokens == tokens.count)
    #expect(index.train.documents == 60)
    #expect(index.train.words == 120)
    #expect(index.validation.bytes == 100)
    #expect(index.tokenBits == (vocabularySize > 65_536 ? 32 : 16))

    let train = try TokenDataset(folder: folder.url, split: .train, cachedFrames: 2)
    #expect(try train.tokens(in: 0..<tokens.count) == tokens)
    var random = CounterRandom(seed: 4, purpose: .order)
    for _ in 0..<50 {
      let start = random.below(tokens.count)
      let range = start..<min(tokens.count, start + random.below(200))
      #expect(try train.tokens(in: range) == Array(tokens[range]))
    }
    #expect(try DataFixture.wrongDigests(folder.url).isEmpty)
    let validation = try TokenDataset(folder: folder.url, split: .validation)
    #expect(try validation.tokens(in: 0..<validation.tokenCount) == held.flatMap { $0 })
    #expect(train.identity == validation.identity)

    let counts = try train.unigramCounts()
    #expect(counts.total == UInt64(tokens.count))
    #expect(counts.counts[Int(tokens[0])] == UInt64(tokens.count { $0 == tokens[0] }))
    #expect(abs(counts.entropy - index.unigramEntropy) < 1e-12)
  }

  @Test func sameBytesForAnyNumberOfWorkers() throws {
    let folder = try TemporaryFolder()
    let documents = DataFixture.documents(300, maximumLength: 50)
    for workers in [1, 2, 5] {
      try DataFixture.write(documents, to: folder.file("\(workers)"), workers: workers)
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("1").path)
    #expect(names.count > 3)
    for name in names {
      let first = try Data(contentsOf: folder.file("1/\(name)"))
      #expect(try Data(contentsOf: folder.file("2/\(name)")) == first)
      #expect(try Data(contentsOf: folder.file("5/\(name)")) == first)
    }
  }

  @Test func anIdentityIsOfTheContent() throws {
    let folder = try TemporaryFolder()
    let documents = DataFixture.documents(20, maximumLength: 50)
    try DataFixture.write(documents, to: folder.file("a"))
    try DataFixture.write(documents, to: folder.file("b"))
    try DataFixture.write(documents.reversed(), to: folder.file("c"))
    let identities = try ["a", "b", "c"].map {
      try TokenDataset(folder: folder.file($0), split: .train).identity
    }
    #expect(identities[0] == identities[1])
    #expect(identities[0] != identities[2])
  }

  /// H of two equally frequent tokens is ln 2.
  @Test func entropyInNats() {
    #expect(abs(UnigramCounts(counts: [0, 5, 5]).entropy - 0.693_147_180_559_945_3) < 1e-15)
    #expect(UnigramCounts(counts: [0, 7]).entropy == 0)
    #expect(UnigramCounts(counts: [0, 0]).entropy == 0)
    #expect(UnigramCounts(counts: [1, 4, 4]).mostFrequent == 1)
  }

  @Test func anUnfinishedWriteLeavesTheEarlierData() throws {
    let folder = try TemporaryFolder()
    try DataFixture.write(DataFixture.documents(30, maximumLength: 50), to: folder.url)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
    let identity = try TokenDataset(folder: folder.url, split: .train).identity
    do {
      let writer = try DatasetWriter(
        folder: folder.url,
        source: .init(
          tokenizer: DataFixture.tokenizer, vocabularySize: 200, seed: 3, validationRate: 0.1),
        pool: WorkerPool(workerCount: 1))
      try writer.append([7, 8, 9], to: .train, counts: TokenCounts(words: 1), bytes: 1)
    }
    let dataset = try TokenDataset(folder: folder.url, split: .train)
    #expect(dataset.identity == identity)
    #expect(try DataFixture.wrongDigests(folder.url).isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted() == names)
  }

  @Test func twoThreadsReadTheSame() async throws {
    let folder = try TemporaryFolder()
    let documents = DataFixture.documents(200, maximumLength: 50)
    try DataFixture.write(documents, to: folder.url)
    let dataset = try TokenDataset(folder: folder.url, split: .train, cachedFrames: 1)
    let tokens = documents.flatMap { $0 }
    try await withThrowingTaskGroup(of: [TokenID].self) { group in
      for _ in 0..<4 { group.addTask { try dataset.tokens(in: 0..<dataset.tokenCount) } }
      for try await read in group { #expect(read == tokens) }
    }
  }
}
