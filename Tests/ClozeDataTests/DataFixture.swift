import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation

/// Generated data: a vocabulary, documents of random tokens, and a data folder that holds them.
enum DataFixture {
  /// Specials 0...4, "." 5, "!" 6, then alternately words and continuations.
  static func vocabulary(count: Int = 200) throws -> Vocabulary {
    let pieces = (7..<count).map { $0 % 3 == 0 ? "##p\($0)" : "w\($0)" }
    return try Vocabulary(tokens: SpecialTokens.texts + [".", "!"] + pieces)
  }

  /// The files whose digest is not that of the index. Folders of the fixture lack what a verification also checks: tokenizer
  /// and provenance.
  static func wrongDigests(_ folder: URL) throws -> [any Failure] {
    try DataFolder(folder).verify(pool: WorkerPool(workerCount: 1)).problems.filter {
      if case ShardError.wrongFileDigest = $0 { true } else { false }
    }
  }

  /// Documents of 1...maximumLength ordinary tokens.
  static func documents(_ count: Int, maximumLength: Int, vocabularySize: Int = 200, seed: UInt64 = 1)
    -> [[TokenID]]
  {
    (0..<count).map { number in
      var random = CounterRandom(seed: seed, purpose: .bootstrap, index: number)
      let length = 1 + random.below(maximumLength)
      return (0..<length).map { _ in TokenID(5 + random.below(vocabularySize - 5)) }
    }
  }

  static let tokenizer = Digest(of: "tokenizer")
  static let corpus = Digest(of: "corpus")

  @discardableResult
  static func write(
    _ train: [[TokenID]], validation: [[TokenID]] = [], to folder: URL, vocabularySize: Int = 200,
    tokensPerFrame: Int = 64, framesPerShard: Int = 3, level: Int = 9, workers: Int = 1
  ) throws -> DataIndex {
    var layout = ShardLayout()
    layout.tokensPerFrame = tokensPerFrame
    layout.framesPerShard = framesPerShard
    layout.compressionLevel = level
    let writer = try DatasetWriter(
      folder: folder,
      source: .init(tokenizer: tokenizer, vocabularySize: vocabularySize, seed: 3, validationRate: 0.1),
      layout: layout, pool: WorkerPool(workerCount: workers))
    for document in train {
      try writer.append(document[...], to: .train, counts: TokenCounts(words: 2), bytes: 10)
    }
    for document in validation {
      try writer.append(document[...], to: .validation, counts: TokenCounts(words: 3), bytes: 20)
    }
    return try writer.finish(corpus: corpus)
  }

  /// Small frames and shards, so that few documents fill many.
  static var smallLayout: ShardLayout {
    var layout = ShardLayout()
    (layout.tokensPerFrame, layout.framesPerShard) = (64, 3)
    return layout
  }

  /// A folder that has its tokenizer too.
  @discardableResult
  static func writeWhole(_ train: [[TokenID]], validation: [[TokenID]] = [], to folder: URL) throws
    -> DataIndex
  {
    let tokenizer = Tokenizer(vocabulary: try vocabulary(), normalizer: .cased)
    let writer = try DatasetWriter(
      folder: folder,
      source: .init(tokenizer: tokenizer.digest, vocabularySize: 200, seed: 3, validationRate: 0.1),
      layout: smallLayout, pool: WorkerPool(workerCount: 1))
    try writer.stage(tokenizer)
    for (split, documents) in [(Split.train, train), (.validation, validation)] {
      for (number, document) in documents.enumerated() {
        try writer.append(
          document[...], to: split, counts: TokenCounts(words: number), bytes: 10 * document.count)
      }
    }
    return try writer.finish(corpus: corpus)
  }

  /// The bytes of a folder's files by name.
  static func contents(_ folder: URL) throws -> [String: Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: folder.appendingPathComponent($0))) })
  }

  /// Rewrites `index.json` after `change`, as somebody hostile might.
  static func editIndex(_ folder: URL, _ change: (inout DataIndex) -> Void) throws {
    let url = folder.appendingPathComponent("index.json")
    var index = try JSONDecoder().decode(DataIndex.self, from: Data(contentsOf: url))
    change(&index)
    try JSONEncoder().encode(index).write(to: url)
  }

  static func edit(_ url: URL, _ change: (inout Data) -> Void) throws {
    var data = try Data(contentsOf: url)
    change(&data)
    try data.write(to: url)
  }
}
