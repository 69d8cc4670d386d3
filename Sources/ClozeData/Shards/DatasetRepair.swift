package import ClozeCore
internal import ClozeText
package import Foundation

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

  static let savedPrefix = "damaged-"

  private let folder: URL
  private let pool: WorkerPool
  private var unigrams: [UInt64]

  /// - Throws: `ShardError.noProvenance` if the origin of the shards is unknown; `ShardError.wrongTokenizer`,
  ///   `TokenizerError`, `VocabularyError`, `FileError`
  package init(_ folder: URL, pool: WorkerPool) throws {
    self.folder = folder
    self.pool = pool
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: folder.path, isDirectory: &isDirectory) else {
      throw FileError.missing(path: folder.path)
    }
    guard isDirectory.boolValue else { throw FileError.notADirectory(path: folder.path) }
    if try DatasetWriter.completeMove(in: folder) {
      actions.append("moved into place what tokenize had finished")
    }
    let (old, provenance) = try DatasetRepair.origin(of: folder)
    let tokenizer = try Tokenizer(folder)
    guard tokenizer.digest == provenance.tokenizer, tokenizer.vocabulary.count == provenance.vocabularySize
    else {
      throw ShardError.wrongTokenizer(
        path: folder.path, stated: provenance.tokenizer, found: tokenizer.digest)
    }
    unigrams = [UInt64](repeating: 0, count: provenance.vocabularySize)
    identity = provenance.tokenizer
    index = DataIndex(
      tokenizer: provenance.tokenizer, vocabularySize: provenance.vocabularySize,
      tokenBits: DataIndex.tokenBits(vocabularySize: provenance.vocabularySize), corpus: provenance.corpus,
      seed: provenance.seed, validationRate: provenance.validationRate, unigramEntropy: 0,
      unigrams: provenance.corpus, unknownText: provenance.unknownText)
    let names = try DatasetRepair.shardNames(in: folder)
    for split in Split.allCases {
      try mend(split, old: old?[split], frameCount: provenance.frames(split), names: names[split] ?? [])
    }
    let counts = UnigramCounts(counts: unigrams)
    index.unigramEntropy = counts.entropy
    index.unigrams = Digest(of: counts.encoded)
    try replace(DataIndex.unigramsFileName, counts.encoded, "counted the unigrams again")
    let encoded = try index.encoded()
    identity = Digest(of: encoded)
    let newProvenance = try DataProvenance(index, identity: identity).encoded()
    try replace(DataProvenance.fileName, newProvenance, "wrote provenance.json again")
    try replace(DataIndex.fileName, encoded, "wrote index.json again")
  }

  /// The names of the shards in a folder, by number.
  static func shardNames(in folder: URL) throws -> [Split: [String]] {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
      throw FileError.cannotRead(path: folder.path, reason: "the folder cannot be listed")
    }
    var found: [Split: [Int]] = [:]
    for name in names {
      guard let (split, number) = DatasetWriter.shardNumber(name), DataIndex.shardName(split, number) == name
      else { continue }
      found[split, default: []].append(number)
    }
    return found.mapValues { $0.sorted() }.reduce(into: [:]) { names, entry in
      names[entry.key] = entry.value.map { DataIndex.shardName(entry.key, $0) }
    }
  }

  /// The index, if it can be read and is the one that the provenance names; and the provenance.
  private static func origin(of folder: URL) throws -> (index: DataIndex?, provenance: DataProvenance) {
    var read: (index: DataIndex, identity: Digest)?
    do {
      read = try DataIndex.read(folder: folder)
    } catch let error as ShardError {
      // This version cannot read the shards of another version.
      if case .unknownVersion = error { throw error }
    }
    do {
      let provenance = try DataProvenance(folder: folder)
      // An index that can be read but is not the right one would put whole frames into quarantine.
      return (provenance.index == read?.identity ? read?.index : nil, provenance)
    } catch let failure as any Failure where failure.exitStatus == .data {
      guard let read else { throw ShardError.noProvenance(path: folder.path) }
      return (read.index, DataProvenance(read.index, identity: read.identity))
    }
  }

  /// - Parameters:
  ///   - old: the split in the index, if it can be read.
  ///   - frameCount: the number of frames that the split had.
  private mutating func mend(_ split: Split, old: DataIndex.Part?, frameCount: Int, names: [String]) throws {
    var expectation = ShardScan.Expectation(
      split: split, tokenBits: index.tokenBits, vocabularySize: index.vocabularySize)
    for place in old?.places ?? [] { expectation.digests[place.number] = place.entry.digest }
    var count = old?.files.count ?? 0
    if old == nil, let name = names.last, let number = DatasetWriter.shardNumber(name)?.number {
      // There cannot be more shards than frames; a shard with a higher number was not written by Cloze.
      guard number <= frameCount else {
        throw ShardError.foreignShard(path: folder.appendingPathComponent(name).path)
      }
      count = number + 1
    }
    let urls = (0..<count).map { folder.appendingPathComponent(DataIndex.shardName(split, $0)) }
    var part = DataIndex.Part()
    var numbers: [Int] = []
    try ShardScan.scan(urls, expectation, pool: pool) { place, scan in
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
    let file = try ShardFile(partial, name: name)
    if let scan {
      let source = try OpenFile(url)
      let lost = frames.count == scan.frames.count ? scan.holes.map(\.range) : [0..<scan.size]
      for range in lost where !range.isEmpty { try save(range, of: source, name: name) }
      for frame in frames {
        let bytes = try source.withBytes(at: frame.entry.offset, count: frame.entry.size) { Array($0) }
        try file.append(bytes, entry: frame.entry)
      }
    }
    let entry = try file.finish(tokenBits: index.tokenBits)
    guard rename(partial.path, url.path) == 0 else { throw FileError.writing(url.path) }
    try Folder.synchronize(folder)
    actions.append("\(name): wrote it again with \(entry.frames.count) whole frames")
    return entry
  }

  /// Saves bytes outside whole frames in a file beside the shard.
  private func save(_ range: Range<Int>, of source: OpenFile, name: String) throws {
    let url = folder.appendingPathComponent("\(DatasetRepair.savedPrefix)\(name)-\(range.lowerBound).bin")
    var file = try AtomicFile(url)
    try source.visit(range) { try file.write($0) }
    try file.commit()
  }

  private mutating func replace(_ name: String, _ data: Data, _ action: String) throws {
    let url = folder.appendingPathComponent(name)
    if let old = try? Data(file: url), old == data { return }
    try AtomicFile.write(data, to: url)
    actions.append(action)
  }
}
