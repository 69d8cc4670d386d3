internal import ClozeCore
package import Foundation

/// A data folder: the names of all its files, the folder inside in which they are prepared, and how they get from there into
/// place. `DataIndex` describes what the files hold.
package struct DataFolder: Sendable {
  package let url: URL

  package init(_ url: URL) { self.url = url }

  package func file(_ name: String) -> URL { url.appendingPathComponent(name) }

  package var index: URL { file("index.json") }
  package var provenance: URL { file("provenance.json") }
  package var unigrams: URL { file("unigrams.bin") }
  func shard(_ split: Split, _ number: Int) -> URL { file(DataFolder.shardName(split, number)) }

  /// Where a repair keeps bytes of a shard that are no frame.
  func damagedBytes(of shard: String, at offset: Int) -> URL {
    file("\(DataFolder.damagedPrefix)\(shard)-\(offset).bin")
  }

  /// Where files are prepared until all are whole. It has the same names, and those of an unfinished run.
  package var staging: DataFolder { DataFolder(file("incoming.partial")) }
  package var progress: URL { file("progress.json") }
  var documentJournal: URL { file("documents" + DataFolder.partialSuffix) }
  func frameJournal(_ split: Split) -> URL { file(split.rawValue + DataFolder.partialSuffix) }

  private static let partialSuffix = ".partial"
  private static let damagedPrefix = "damaged-"

  static func shardName(_ split: Split, _ number: Int) -> String {
    let digits = String(number)
    return "\(split.rawValue)-\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits).zst"
  }

  /// The split and the number of a shard, by its name.
  private static func shard(named name: String) -> (split: Split, number: Int)? {
    for split in Split.allCases {
      let prefix = split.rawValue + "-"
      guard name.hasPrefix(prefix), name.hasSuffix(".zst") else { continue }
      let digits = name.dropFirst(prefix.count).dropLast(".zst".count)
      guard digits.count >= 5, digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(digits)
      else { continue }
      return (split, number)
    }
    return nil
  }

  /// Whether only a data folder has a file of this name, whole or half-written.
  private static func owns(_ name: String) -> Bool {
    let whole = name.hasSuffix(partialSuffix) ? String(name.dropLast(partialSuffix.count)) : name
    return ["index.json", "provenance.json", "unigrams.bin"].contains(whole) || isDamagedBytes(whole)
      || shard(named: whole) != nil
  }

  private static func isDamagedBytes(_ name: String) -> Bool {
    guard let match = name.wholeMatch(of: /damaged-(.+)-[0-9]+\.bin/) else { return false }
    return shard(named: String(match.output.1)) != nil
  }

  private var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? [] }

  /// The numbers of the shards that the folder holds, ascending.
  /// - Throws: `FileError`
  func shardNumbers() throws -> [Split: [Int]] {
    guard FileManager.default.isReadableFile(atPath: url.path) else {
      throw FileError.cannotRead(path: url.path, reason: "the folder cannot be listed")
    }
    let shards = names.compactMap { name in
      DataFolder.shard(named: name).flatMap { DataFolder.shardName($0.split, $0.number) == name ? $0 : nil }
    }
    return Dictionary(grouping: shards, by: \.split).mapValues { $0.map(\.number).sorted() }
  }

  /// Bytes of all shards; 0 where they cannot be listed.
  package var shardBytes: Int {
    names.filter { DataFolder.shard(named: $0) != nil }.reduce(0) { $0 + (file($1).fileSize ?? 0) }
  }

  /// Runs `body` with the sole right to write into the folder. Readers need no lock: what they see is whole or is refused.
  /// - Throws: `ShardError.otherWriter` where another process has the right; `FileError`; what `body` throws.
  package func withLock<Result>(_ body: () throws -> Result) throws -> Result {
    let lock: FolderLock
    do {
      lock = try FolderLock(url)
    } catch is FolderLock.Held {
      throw ShardError.otherWriter(path: url.path)
    }
    return try withExtendedLifetime(lock, body)
  }

  /// The corpus of the data in the folder; nil if it holds none.
  /// - Throws: `ShardError.unreadableData`, `FileError`
  func corpus() throws -> Digest? {
    do {
      return try DataIndex.read(folder: url).index.corpus
    } catch ShardError.noIndex, FileError.missing {
      return nil
    } catch is ShardError {
      guard let provenance = try? DataProvenance(folder: url) else {
        throw ShardError.unreadableData(path: url.path)
      }
      return provenance.corpus
    }
  }

  /// Makes an empty staging folder in place of one that is there.
  /// - Throws: `FileError`
  func clearStaging() throws {
    removeStaging()
    try Folder.create(staging.url)
  }

  func removeStaging() { try? FileManager.default.removeItem(at: staging.url) }

  /// Completes what a process that was killed while it moved its files into place has begun.
  /// - Returns: whether there was such a process.
  /// - Throws: `FileError`
  package func completeMove() throws -> Bool {
    // The index is the last file that is written, so where it is whole, all is; and the last that is moved.
    // A link would have another folder's files moved.
    guard Folder.isReal(staging.url), let index = try? DataIndex.read(folder: staging.url).index else {
      return false
    }
    try moveIntoPlace(index)
    return true
  }

  /// Replaces an earlier data set by the files of the staging folder: removes its index, moves the new files, removes the
  /// other files of the earlier data set, and moves the new index. It may be repeated from the start wherever it was
  /// interrupted. Files that are not a data folder's stay.
  /// - Throws: `FileError`
  func moveIntoPlace(_ index: DataIndex) throws {
    func remove(_ url: URL) throws {
      guard unlink(url.path) == 0 || errno == ENOENT else { throw FileError.writing(url.path) }
    }
    func move(_ name: String) throws {
      guard rename(staging.file(name).path, file(name).path) == 0 else {
        throw FileError.writing(file(name).path)
      }
    }
    let kept = Set(
      [unigrams, provenance].map(\.lastPathComponent) + Split.allCases.flatMap { index[$0].files.map(\.name) }
    )
    try remove(staging.progress)
    try remove(self.index)
    try Folder.synchronize(url)
    for name in staging.names where !name.hasSuffix(DataFolder.partialSuffix) {
      if !DataFolder.owns(name) || kept.contains(name) { try move(name) }
    }
    for name in names where DataFolder.owns(name) && !kept.contains(name) { try remove(file(name)) }
    try Folder.synchronize(url)
    try move(self.index.lastPathComponent)
    try Folder.synchronize(url)
    removeStaging()
  }
}
