package import ClozeCore
package import ClozeText
package import Foundation

/// How shards are cut and compressed. Readers need none of it.
package struct ShardLayout: Sendable, Equatable {
  /// A window costs the inflation of one frame, so frames are small; compression wants them large. On English text of
  /// 11 MB in 8,192 pieces, frames of 65,536 tokens take 1.21 bytes a token, frames of 262,144 take 1.18.
  package var tokensPerFrame = 1 << 16
  package var framesPerShard = 1024
  /// zstd's level, 1...22. On the same text level 3 gives 1.30 bytes a token, 9 gives 1.21 and 19 gives 1.18 at a
  /// sixth of the speed.
  package var compressionLevel = 9

  package init() {}
}

/// Writes a data folder (see `DataIndex`) as documents come, in bounded memory, the index last.
///
/// Everything is written into `staging`, a folder inside, and moved out of it by `finish`: until then an earlier data set
/// stays as it was. Dropped before that, the writer takes its files back; killed, it leaves them for the next one to
/// remove, and killed while it moves them, a folder without an index, which no reader accepts.
package final class DatasetWriter {
  /// What goes into the index beside the counts.
  package struct Provenance: Sendable {
    package var tokenizer: Digest
    package var vocabularySize: Int
    package var seed: UInt64
    package var validationRate: Double

    package init(tokenizer: Digest, vocabularySize: Int, seed: UInt64, validationRate: Double) {
      self.tokenizer = tokenizer
      self.vocabularySize = vocabularySize
      self.seed = seed
      self.validationRate = validationRate
    }
  }

  private let folder: URL
  /// Where the files lie until all are there. What belongs beside the shards, such as the tokenizer's files, goes here.
  package let staging: URL
  private let provenance: Provenance
  private let train: ShardWriter
  private let validation: ShardWriter
  private var unigrams: [UInt64]

  /// Makes the folder, and in it an empty one for the files to come.
  /// - Throws: `FileError`
  package init(folder: URL, provenance: Provenance, layout: ShardLayout = ShardLayout(), pool: WorkerPool)
    throws
  {
    self.folder = folder
    self.provenance = provenance
    staging = folder.appendingPathComponent("incoming.partial")
    try? FileManager.default.removeItem(at: staging)
    try Folder.create(staging)
    let tokenBits = DataIndex.tokenBits(vocabularySize: provenance.vocabularySize)
    train = ShardWriter(folder: staging, split: .train, tokenBits: tokenBits, layout: layout, pool: pool)
    validation = ShardWriter(
      folder: staging, split: .validation, tokenBits: tokenBits, layout: layout, pool: pool)
    unigrams = [UInt64](repeating: 0, count: provenance.vocabularySize)
  }

  deinit { try? FileManager.default.removeItem(at: staging) }

  /// Adds a document of at least one token.
  /// - Parameters:
  ///   - tokens: its ids, without special tokens.
  ///   - words: how many words its text has.
  ///   - bytes: the length of its text in UTF-8.
  /// - Throws: `FileError`
  package func append(_ tokens: ArraySlice<TokenID>, to split: Split, words: Int, bytes: Int) throws {
    switch split {
    case .train:
      for token in tokens { unigrams[Int(token)] += 1 }
      try train.append(tokens, words: words, bytes: bytes)
    case .validation:
      try validation.append(tokens, words: words, bytes: bytes)
    }
  }

  /// Writes what is left, the counts and the index, and puts all of it in place of an earlier data set.
  /// - Throws: `FileError`
  package func finish(corpus: Digest) throws -> DataIndex {
    let counts = unigrams.map(\.littleEndian).withUnsafeBytes { Data($0) }
    var index = DataIndex(
      tokenizer: provenance.tokenizer, vocabularySize: provenance.vocabularySize,
      tokenBits: DataIndex.tokenBits(vocabularySize: provenance.vocabularySize), corpus: corpus,
      seed: provenance.seed, validationRate: provenance.validationRate,
      unigramEntropy: UnigramCounts(counts: unigrams).entropy, unigrams: Digest(of: counts))
    index.train = try train.finish()
    index.validation = try validation.finish()
    try AtomicFile.write(counts, to: staging.appendingPathComponent(DataIndex.unigramsFileName))
    try AtomicFile.write(try index.encoded(), to: staging.appendingPathComponent(DataIndex.fileName))
    try moveIntoPlace()
    return index
  }

  /// Removes an earlier data set's files, its index first, and no others; then moves the new ones, their index last.
  private func moveIntoPlace() throws {
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    func remove(_ name: String) throws {
      guard unlink(path(name)) == 0 || errno == ENOENT else { throw FileError.writing(path(name)) }
    }
    func move(_ name: String) throws {
      guard rename(staging.appendingPathComponent(name).path, path(name)) == 0 else {
        throw FileError.writing(path(name))
      }
    }
    func names(in folder: URL) -> [String] {
      (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    }
    try remove(DataIndex.fileName)
    for name in names(in: folder) where DatasetWriter.isOurs(name) { try remove(name) }
    try Folder.synchronize(folder)
    for name in names(in: staging) where name != DataIndex.fileName { try move(name) }
    try Folder.synchronize(folder)
    try move(DataIndex.fileName)
    try Folder.synchronize(folder)
  }

  private static func isOurs(_ name: String) -> Bool {
    let whole = name.hasSuffix(".partial") ? String(name.dropLast(".partial".count)) : name
    guard whole != DataIndex.unigramsFileName, whole != DataIndex.fileName else { return true }
    return Split.allCases.contains { split in
      let prefix = split.rawValue + "-"
      guard whole.hasPrefix(prefix), whole.hasSuffix(".zst") else { return false }
      let digits = whole.dropFirst(prefix.count).dropLast(".zst".count)
      return digits.count >= 5 && digits.utf8.allSatisfy { (48...57).contains($0) }
    }
  }
}
