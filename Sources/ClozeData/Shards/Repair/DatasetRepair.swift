package import ClozeCore
internal import ClozeText
internal import Foundation

/// Repairs a damaged data folder.
///
/// Whole frames are kept, with their numbers. A shard that has bytes outside whole frames, or no seek table, is
/// rewritten without the bytes and with the table. A missing shard is written without frames. The numbers of all frames
/// that are in no shard go into quarantine. Then unigrams, provenance and index are written, if they differ from the
/// shards. Bytes outside whole frames are saved beside the shard, so a repair destroys nothing.
///
/// Each file is written atomically, the index last. A repair that was killed can be run again: frames contain their
/// numbers, so the shards alone tell which are missing. A lost index is rebuilt byte for byte if nothing else is lost.
package struct DatasetRepair {
  /// The actions, one sentence each; empty if nothing was wrong.
  package private(set) var actions: [String] = []
  package private(set) var index: DataIndex
  /// The identity of the repaired folder.
  package private(set) var identity: Digest

  private let folder: DataFolder
  private let pool: WorkerPool
  private var unigrams: [UInt64]

  fileprivate init(_ folder: DataFolder, _ provenance: DataProvenance, pool: WorkerPool) {
    (self.folder, self.pool) = (folder, pool)
    unigrams = [UInt64](repeating: 0, count: provenance.vocabularySize)
    identity = provenance.tokenizer
    index = DataIndex(
      tokenizer: provenance.tokenizer, vocabularySize: provenance.vocabularySize,
      tokenBits: DataIndex.tokenBits(vocabularySize: provenance.vocabularySize), corpus: provenance.corpus,
      seed: provenance.seed, validationRate: provenance.validationRate, unigramEntropy: 0,
      unigrams: provenance.corpus, unknownText: provenance.unknownText)
  }

  fileprivate mutating func repair(old: DataIndex?, _ provenance: DataProvenance, completedMove: Bool) throws
  {
    if completedMove { actions.append("moved into place what tokenize had finished") }
    let tokenizer = try Tokenizer(folder.url)
    guard tokenizer.digest == provenance.tokenizer, tokenizer.vocabulary.count == provenance.vocabularySize
    else {
      throw ShardError.wrongTokenizer(
        path: folder.url.path, stated: provenance.tokenizer, found: tokenizer.digest)
    }
    for (name, content) in tokenizer.files() {
      try replace(folder.file(name), content, "wrote \(name) again")
    }
    let numbers = try folder.shardNumbers()
    for split in Split.allCases {
      try mend(split, old: old?[split], frameCount: provenance.frames(split), last: numbers[split]?.last)
    }
    let counts = UnigramCounts(counts: unigrams)
    index.unigramEntropy = counts.entropy
    index.unigrams = Digest(of: counts.encoded)
    try replace(folder.unigrams, counts.encoded, "counted the unigrams again")
    let encoded = try index.encoded()
    identity = Digest(of: encoded)
    let newProvenance = try DataProvenance(index, identity: identity).encoded()
    try replace(folder.provenance, newProvenance, "wrote provenance.json again")
    try replace(folder.index, encoded, "wrote index.json again")
  }

  /// What the index states, where it can be read and is the one that the provenance names; and where the data are from.
  fileprivate static func origin(of folder: DataFolder) throws -> (
    index: DataIndex?, provenance: DataProvenance
  ) {
    var read: (index: DataIndex, identity: Digest)?
    do {
      read = try DataIndex.read(folder: folder.url)
    } catch let error as ShardError {
      // This version cannot read the shards of another version.
      if case .unknownVersion = error { throw error }
    }
    do {
      let provenance = try DataProvenance(folder: folder.url)
      // An index that can be read and is another one would condemn frames that are whole.
      return (provenance.index == read?.identity ? read?.index : nil, provenance)
    } catch let failure as any Failure where failure.exitStatus == .data {
      guard let read else { throw ShardError.noProvenance(path: folder.url.path) }
      return (read.index, DataProvenance(read.index, identity: read.identity))
    }
  }

  /// - Parameters:
  ///   - old: the split in the index, if it can be read.
  ///   - frameCount: the number of frames that the split had.
  ///   - last: the highest number of a shard in the folder.
  private mutating func mend(_ split: Split, old: DataIndex.Part?, frameCount: Int, last: Int?) throws {
    var expectation = ShardScan.Expectation(
      split: split, tokenBits: index.tokenBits, vocabularySize: index.vocabularySize)
    for place in old?.places ?? [] { expectation.digests[place.number] = place.entry.digest }
    var count = old?.files.count ?? 0
    if old == nil, let last {
      // There are no more shards than frames: another name is one that somebody made up.
      guard last <= frameCount else { throw ShardError.foreignShard(path: folder.shard(split, last).path) }
      count = last + 1
    }
    let urls = (0..<count).map { folder.shard(split, $0) }
    var part = DataIndex.Part()
    var numbers: [Int] = []
    try ShardScan.scan(urls, expectation, pool: pool) { place, result in
      let scan: ShardScan?
      do {
        scan = try result.get()
      } catch FileError.missing {
        scan = nil
      }
      var frames = scan?.frames ?? []
      if let first = frames.first, let last = numbers.last, first.head.number <= last {
        // The shard is a copy of another one, or was swapped with it.
        frames = []
      } else if let scan, split == .train {
        for (token, count) in scan.unigrams.enumerated() { unigrams[token] += count }
      }
      part.files.append(try mended(urls[place], scan, keeping: frames))
      for frame in frames {
        numbers.append(frame.head.number)
        part.tokens += frame.head.tokens
        part.words += frame.head.words
        part.bytes += frame.head.bytes
      }
    }
    let present = Set(numbers)
    part.quarantine = (0..<max(frameCount, (numbers.last ?? -1) + 1)).filter { !present.contains($0) }
    // Without an index the number of frames is unknown. If a document continues after the last frame, there was at
    // least one more.
    if let last = part.places.last, last.goesOn { part.quarantine.append(last.number + 1) }
    part.documents = part.places.reduce(0) { $0 + $1.documents }
    let added = Set(part.quarantine).subtracting(old?.quarantine ?? [])
    if !added.isEmpty {
      let list = added.sorted().prefix(20).map(String.init).joined(separator: ", ")
      actions.append(
        "put \(added.count) frames of \(split.rawValue) in quarantine: \(list)\(added.count > 20 ? "…" : "")")
    }
    index[split] = part
  }

  /// The index entry of a shard with these frames. The shard is rewritten if it has anything else.
  private mutating func mended(_ url: URL, _ scan: ShardScan?, keeping frames: [ShardScan.Frame]) throws
    -> DataIndex.File
  {
    if let scan, scan.isWhole, scan.frames.count == frames.count { return scan.entry }
    let name = url.lastPathComponent
    let partial = url.appendingPathExtension("partial")
    defer { unlink(partial.path) }
    let file = try ShardWriter(partial, name: name)
    if let scan {
      let source = try ShardReader(url)
      let lost = frames.count == scan.frames.count ? scan.holes.map(\.range) : [0..<scan.size]
      for range in lost where !range.isEmpty { try save(range, of: source, name: name) }
      for frame in frames {
        let bytes = try source.withBytes(at: frame.entry.offset, count: frame.entry.size) { Array($0) }
        try file.append(bytes, entry: frame.entry)
      }
    }
    let entry = try file.finish(tokenBits: index.tokenBits)
    guard rename(partial.path, url.path) == 0 else { throw FileError.writing(url.path) }
    try Folder.synchronize(folder.url)
    actions.append("\(name): wrote it again with \(entry.frames.count) whole frames")
    return entry
  }

  /// Saves bytes outside whole frames in a file beside the shard.
  private func save(_ range: Range<Int>, of source: ShardReader, name: String) throws {
    let url = folder.damagedBytes(of: name, at: range.lowerBound)
    var file = try AtomicFile(url)
    try source.visit(range) { try file.write($0) }
    try file.commit()
  }

  private mutating func replace(_ url: URL, _ data: Data, _ action: String) throws {
    if let old = try? Data(file: url), old == data { return }
    try AtomicFile.write(data, to: url)
    actions.append(action)
  }
}

extension DataFolder {
  /// Makes the folder sound again.
  /// - Throws: `ShardError.noProvenance` where it is unknown what the shards are; `ShardError.wrongTokenizer`,
  ///   `TokenizerError`, `VocabularyError`, `FileError`
  package func repair(pool: WorkerPool) throws -> DatasetRepair {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
      throw FileError.missing(path: url.path)
    }
    guard isDirectory.boolValue else { throw FileError.notADirectory(path: url.path) }
    let completedMove = try completeMove()
    let (old, provenance) = try DatasetRepair.origin(of: self)
    var repair = DatasetRepair(self, provenance, pool: pool)
    try repair.repair(old: old, provenance, completedMove: completedMove)
    return repair
  }
}
