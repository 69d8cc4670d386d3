package import ClozeCore
internal import ClozeText
internal import Foundation

/// Checks every byte of a data folder, and lists all problems.
///
/// Each shard is scanned by itself (`ShardScan`) and compared with the index; then counts, unigrams, entropy, tokenizer
/// and provenance are checked. Without a readable index the shards are still scanned, with the numbers in
/// `provenance.json`.
package struct DatasetVerification {
  /// The problems, each as `path: what is wrong; what to do`.
  package private(set) var problems: [any Failure] = []
  package private(set) var index: DataIndex?
  package private(set) var identity: Digest?
  package private(set) var shards = 0
  package private(set) var frames = 0
  package private(set) var documents = 0
  package private(set) var tokens = 0
  package private(set) var bytes = 0

  private let folder: DataFolder
  private var unigrams: [UInt64] = []
  /// Whether `unigrams` has counted the whole train split.
  private var countsTrain = true

  fileprivate init(_ folder: DataFolder) { self.folder = folder }

  fileprivate mutating func verify(_ pool: WorkerPool, _ progress: (Int) -> Void) throws {
    let read = try note(DatasetVerification.sound { try DataIndex.read(folder: folder.url) })
    (index, identity) = (read?.index, read?.identity)
    let provenance = try note(DatasetVerification.sound { try DataProvenance(folder: folder.url) })
    let indexed = read.map { DataProvenance($0.index, identity: $0.identity) }
    if let indexed, let provenance,
      try provenance != indexed || Data(file: folder.provenance) != indexed.encoded()
    {
      problems.append(
        ShardError.wrongProvenance(
          path: folder.provenance.path,
          reason: "does not agree with index.json"))
    }
    guard let stated = indexed ?? provenance else { return }
    let tokenizer = try note(
      DatasetVerification.sound {
        let tokenizer = try Tokenizer(folder.url)
        guard tokenizer.digest == stated.tokenizer else {
          throw ShardError.wrongTokenizer(
            path: folder.url.path, stated: stated.tokenizer, found: tokenizer.digest)
        }
        guard tokenizer.vocabulary.count == stated.vocabularySize else {
          throw ShardError.countsDisagree(
            path: folder.url.path, field: "tokens of the vocabulary", stated: stated.vocabularySize,
            found: tokenizer.vocabulary.count)
        }
        return tokenizer
      })
    for (name, content) in tokenizer?.files() ?? [] {
      try note(
        DatasetVerification.sound {
          guard try Data(file: folder.file(name)) == content else {
            throw ShardError.wrongTokenizerFile(path: folder.file(name).path)
          }
        })
    }
    unigrams = [UInt64](repeating: 0, count: stated.vocabularySize)
    let numbers = try folder.shardNumbers()
    for split in Split.allCases {
      try check(split, numbers: numbers[split] ?? [], vocabularySize: stated.vocabularySize, pool, progress)
    }
    if let index { try checkUnigrams(index) }
  }

  /// The result of `body`; an error of the data is recorded as a problem, and an error of reading is thrown.
  private static func sound<Value>(_ body: () throws -> Value) throws -> Result<Value, any Error> {
    do {
      return .success(try body())
    } catch let failure as any Failure where failure.exitStatus == .data {
      return .failure(failure)
    }
  }

  @discardableResult
  private mutating func note<Value>(_ result: Result<Value, any Error>) throws -> Value? {
    switch result {
    case .success(let value): return value
    case .failure(let failure as any Failure): problems.append(failure)
    case .failure(let error): throw error
    }
    return nil
  }

  private mutating func check(
    _ split: Split, numbers: [Int], vocabularySize: Int, _ pool: WorkerPool, _ progress: (Int) -> Void
  ) throws {
    let part = index?[split]
    var expectation = ShardScan.Expectation(
      split: split, tokenBits: DataIndex.tokenBits(vocabularySize: vocabularySize),
      vocabularySize: vocabularySize)
    let places = part?.places ?? []
    for place in places { expectation.digests[place.number] = place.entry.digest }
    let found = numbers.map { DataFolder.shardName(split, $0) }
    let stated = part?.files.map(\.name) ?? found
    for name in found where !stated.contains(name) {
      problems.append(ShardError.foreignShard(path: folder.file(name).path))
    }
    var (words, textBytes) = (0, 0)
    var isComplete = true
    let urls = stated.map(folder.file)
    try ShardScan.scan(urls, expectation, pool: pool) { number, result in
      guard let scan = try note(DatasetVerification.sound { try result.get() }) else {
        isComplete = false
        return
      }
      shards += 1
      bytes += scan.size
      progress(bytes)
      isComplete = isComplete && scan.holes.isEmpty
      problems += scan.holes.map {
        ShardError.damagedBytes(path: scan.path, range: $0.range, reason: $0.reason)
      }
      if let problem = scan.seekTableProblem { problems.append(problem) }
      if split == .train {
        for (token, count) in scan.unigrams.enumerated() { unigrams[token] += count }
      }
      for frame in scan.frames {
        frames += 1
        tokens += frame.head.tokens
        documents += frame.head.documents
        words += frame.head.words
        textBytes += frame.head.bytes
      }
      if let entry = part?.files[number] {
        compare(scan, with: entry, places: places.filter { $0.file == number })
      }
    }
    guard let part else { return }
    documents += places.count(where: \.isCut)
    if split == .train { countsTrain = isComplete }
    // If frames are missing, that is the problem, and the sums say nothing more.
    guard isComplete else { return }
    for (field, statedCount, foundCount) in [("words", part.words, words), ("bytes", part.bytes, textBytes)]
    where statedCount != foundCount {
      problems.append(
        ShardError.countsDisagree(
          path: folder.index.path,
          field: "\(field) of \(split.rawValue)",
          stated: statedCount, found: foundCount))
    }
  }

  /// Compares the scan of a whole shard with the index.
  private mutating func compare(
    _ scan: ShardScan, with entry: DataIndex.File, places: [DataIndex.NumberedFrame]
  ) {
    if scan.size != entry.size {
      problems.append(ShardError.wrongFileSize(path: scan.path, stated: entry.size, found: scan.size))
    } else if scan.digest != entry.digest {
      problems.append(ShardError.wrongFileDigest(path: scan.path))
    }
    let found = Dictionary(uniqueKeysWithValues: scan.frames.map { ($0.head.number, $0.entry) })
    let numbers = Set(places.map(\.number))
    for place in places where found[place.number].map({ $0 != place.entry }) ?? scan.holes.isEmpty {
      problems.append(ShardError.framesDisagree(path: scan.path, frame: place.number))
    }
    for frame in scan.frames where !numbers.contains(frame.head.number) {
      problems.append(ShardError.framesDisagree(path: scan.path, frame: frame.head.number))
    }
  }

  private mutating func checkUnigrams(_ index: DataIndex) throws {
    let url = folder.unigrams
    try note(
      DatasetVerification.sound {
        let counts = try UnigramCounts(reading: url, index: index)
        guard !countsTrain || counts.counts == unigrams else {
          throw ShardError.wrongUnigrams(
            path: url.path, reason: "does not count the tokens of the train split")
        }
        let entropy = counts.entropy
        guard abs(entropy - index.unigramEntropy) <= 1e-9 * max(1, entropy) else {
          throw ShardError.wrongUnigrams(
            path: url.path, reason: "has an entropy of \(entropy), the index states \(index.unigramEntropy)")
        }
      })
  }
}

extension DataFolder {
  /// Reads every byte of the folder and lists all that is wrong with it.
  /// - Parameter progress: is told the bytes of the shards that have been checked so far.
  /// - Throws: `FileError` where a file cannot be read at all.
  package func verify(pool: WorkerPool, progress: (Int) -> Void = { _ in }) throws -> DatasetVerification {
    var verification = DatasetVerification(self)
    try verification.verify(pool, progress)
    return verification
  }
}
