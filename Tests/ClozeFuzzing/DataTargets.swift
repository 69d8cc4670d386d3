import ClozeCore
import ClozeData
import ClozeText
import Foundation

// A data folder's files. Its shards hold 16-bit ids of a vocabulary of 50 tokens.

extension FuzzTarget {
  private static let vocabularySize = 50

  /// Inflated frames, their lengths before them: zstd's checksum would keep changed ones from what reads them. They are the
  /// only shard of a folder without an index, which is repaired; after that nothing may be wrong with it.
  static func shardFrames(_ name: String) throws -> FuzzTarget {
    let frames = try sampleFrames()
    let seeds = [[frames[0]], frames].map { frames in
      frames.flatMap { frame in [UInt8(frame.count & 255), UInt8(frame.count >> 8)] + frame }
    }
    let sample = try sampleFolder()
    let folder = try ScratchFolder()
    let pool = WorkerPool(workerCount: 1)
    return FuzzTarget(name, seeds: seeds) { bytes in
      var shard: [UInt8] = []
      var table = SeekTable()
      var place = 0
      while place + 2 <= bytes.count {
        let end = min(bytes.count, place + 2 + Int(bytes[place]) + Int(bytes[place + 1]) << 8)
        let frame = Array(bytes[place + 2..<end])
        let compressed = try ZstdFrame.compress(frame, level: 1)
        shard += compressed
        table.entries.append((UInt32(compressed.count), UInt32(frame.count)))
        place = end
      }
      let data = folder.url.appendingPathComponent("data")
      try? FileManager.default.removeItem(at: data)
      try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
      for file in ["tokenizer.json", "provenance.json"] {
        try FileManager.default.copyItem(
          at: sample.url.appendingPathComponent(file), to: data.appendingPathComponent(file))
      }
      let url = data.appendingPathComponent("train-00000.zst")
      try Data(shard + table.encoded()).write(to: url)
      let isWhole: Void? = try? scan(url)
      _ = try DataFolder(data).verify(pool: pool)
      let repair = try DataFolder(data).repair(pool: pool)
      let verification = try DataFolder(data).verify(pool: pool)
      if let problem = verification.problems.first { fatalError("after \(repair.actions): \(problem)") }
      guard isWhole != nil else {
        throw ShardError.wrongSeekTable(path: url.path, reason: "or a frame is damaged")
      }
    }
  }

  static func shardFile(_ name: String) throws -> FuzzTarget {
    let sample = try sampleFolder()
    let names = ["train-00000.zst", "train-00001.zst"]
    let seeds = try names.map { [UInt8](try Data(contentsOf: sample.url.appendingPathComponent($0))) }
    return try file(name, called: names[0], seeds: seeds) { url, _ in
      try scan(url)
    }
  }

  /// The index, which says where in the shards everything lies, of shards that are whole.
  static func index(_ name: String) throws -> FuzzTarget {
    let sample = try sampleFolder()
    let seed = [UInt8](try Data(contentsOf: sample.url.appendingPathComponent("index.json")))
    let prepare = { (folder: URL) in try copy(sample.url, to: folder) }
    return try file(name, called: "index.json", seeds: [seed], prepare: prepare) { _, folder in
      for split in Split.allCases {
        let dataset = try TokenDataset(folder: folder, split: split, cachedFrames: 2)
        for number in 0..<dataset.frameCount { _ = try dataset.frame(number) }
        _ = try dataset.document(dataset.documentCount - 1)
        _ = try dataset.unigramCounts()
      }
    }
  }

  /// What a repair goes by where there is no index.
  static func provenance(_ name: String) throws -> FuzzTarget {
    let sample = try sampleFolder()
    let seed = [UInt8](try Data(contentsOf: sample.url.appendingPathComponent("provenance.json")))
    let pool = WorkerPool(workerCount: 1)
    let prepare = { (folder: URL) in
      try copy(sample.url, to: folder)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("index.json"))
    }
    return try file(name, called: "provenance.json", seeds: [seed], prepare: prepare) { _, folder in
      let result = try DataFolder(folder).verify(pool: pool)
      // There is no index, so that alone is a problem.
      if result.problems.count > 1 { throw result.problems[1] }
    }
  }

  /// What a killed run says of itself, under its digest, and going on from there to the end.
  static func progress(_ name: String) throws -> FuzzTarget {
    let sample = try ScratchFolder()
    let settings = Digest(of: "settings")
    let tokenizer = try sampleTokenizer()
    func write(_ folder: URL, _ progress: DatasetProgress) throws -> DatasetWriter {
      let writer = try DatasetWriter(
        folder: folder, source: provenance(of: tokenizer), layout: smallLayout,
        pool: WorkerPool(workerCount: 1), progress: progress, checkpointBytes: 1)
      try writer.stage(tokenizer)
      return writer
    }
    do {
      let inputs = Digest(of: "inputs")
      let progress = DatasetProgress(
        settings: settings, inputs: inputs, corpus: nil, tokenizer: tokenizer.digest)
      let writer = try write(sample.url, progress)
      var position = CorpusPosition()
      for number in 0..<9 {
        try append(number, to: writer)
        position.documents += 1
        try writer.endBatch(at: position, after: [Digest(of: "\(number)")], bytes: 8)
      }
    }
    let left = { sample.url.appendingPathComponent("incoming.partial") }
    let lines = try Data(contentsOf: left().appendingPathComponent("progress.json")).split(separator: 10)
    let folder = try ScratchFolder()
    return FuzzTarget(name, seeds: [[UInt8](lines[1])]) { bytes in
      let target = folder.url.appendingPathComponent("data")
      let staging = target.appendingPathComponent("incoming.partial")
      try? FileManager.default.removeItem(at: target)
      try FileManager.default.createDirectory(at: staging, withIntermediateDirectories: true)
      try copy(left(), to: staging)
      try Data("\(Digest(of: Data(bytes)).hex)\n".utf8 + bytes).write(
        to: staging.appendingPathComponent("progress.json"))
      guard let found = DatasetProgress.left(in: target, settings: settings)?.progress else {
        throw ShardError.noProvenance(path: staging.path)
      }
      let writer = try write(target, found)
      try append(9, to: writer)
      _ = try writer.finish(corpus: Digest(of: "corpus"))
      _ = try TokenDataset(folder: target, split: .train).tokens(in: 0..<1)
    }
  }

  private static func scan(_ url: URL) throws {
    let expectation = ShardScan.Expectation(split: .train, tokenBits: 16, vocabularySize: vocabularySize)
    guard try ShardScan(url, expectation).isWhole else {
      throw ShardError.wrongSeekTable(path: url.path, reason: "or a frame is damaged")
    }
  }

  private static func sampleFrames() throws -> [[UInt8]] {
    let documents = [
      ShardFrame(tokens: [5, 6, 7, 8, 9], documentEnds: [2]),
      ShardFrame(tokens: [10, 49], documentEnds: [1, 2]),
    ]
    return documents.enumerated().map { $1.encoded(split: .train, number: $0, tokenBits: 16) }
  }

  private static func sampleTokenizer() throws -> Tokenizer {
    let tokens = SpecialTokens.texts + (SpecialTokens.texts.count..<vocabularySize).map { "w\($0)" }
    return Tokenizer(vocabulary: try Vocabulary(tokens: tokens), normalizer: .cased)
  }

  private static func provenance(of tokenizer: Tokenizer) -> DatasetWriter.Source {
    .init(tokenizer: tokenizer.digest, vocabularySize: vocabularySize, seed: 1, validationRate: 0.2)
  }

  /// Frames of 16 tokens, two a shard.
  private static var smallLayout: ShardLayout {
    var layout = ShardLayout()
    (layout.tokensPerFrame, layout.framesPerShard) = (16, 2)
    return layout
  }

  private static func append(_ number: Int, to writer: DatasetWriter) throws {
    let document = (0...number).map { TokenID(5 + ($0 * 7 + number) % (vocabularySize - 5)) }
    try writer.append(
      document[...], to: number % 5 == 4 ? .validation : .train, counts: TokenCounts(words: document.count),
      bytes: 4 * document.count)
  }

  private static func sampleFolder() throws -> ScratchFolder {
    let folder = try ScratchFolder()
    let tokenizer = try sampleTokenizer()
    let writer = try DatasetWriter(
      folder: folder.url, source: provenance(of: tokenizer), layout: smallLayout,
      pool: WorkerPool(workerCount: 1))
    try writer.stage(tokenizer)
    for number in 0..<15 { try append(number, to: writer) }
    _ = try writer.finish(corpus: Digest(of: "corpus"))
    return folder
  }

  private static func copy(_ source: URL, to target: URL) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: source.path) {
      try FileManager.default.copyItem(
        at: source.appendingPathComponent(name), to: target.appendingPathComponent(name))
    }
  }
}
