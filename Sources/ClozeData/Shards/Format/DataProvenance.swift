package import ClozeCore
package import ClozeText
internal import Foundation

/// `provenance.json`: the origin of the data, which the shards do not contain. With it and the shards a lost index can
/// be rebuilt, byte for byte if no frame is lost.
///
/// The format, version 1: one line of JSON with sorted keys, the digests in hexadecimal. `trainFrames` and
/// `validationFrames` are the numbers of frames of each split when it was written. `index` is the digest of
/// `index.json`, which tells a damaged index from damaged shards.
package struct DataProvenance: Codable, Sendable, Equatable {
  package var version = 1
  package var tokenizer: Digest
  package var vocabularySize: Int
  /// Digest of the corpus's text.
  package var corpus: Digest
  package var seed: UInt64
  package var validationRate: Double
  package var trainFrames: Int
  package var validationFrames: Int
  package var index: Digest
  /// As in the index; nil if the index has none.
  package var unknownText: UnknownText?

  /// - Parameter identity: the digest of the index's bytes.
  init(_ index: DataIndex, identity: Digest) {
    self.index = identity
    tokenizer = index.tokenizer
    vocabularySize = index.vocabularySize
    corpus = index.corpus
    unknownText = index.unknownText
    seed = index.seed
    validationRate = index.validationRate
    trainFrames = index.train.numberCount
    validationFrames = index.validation.numberCount
  }

  /// Reads a folder's `provenance.json`.
  /// - Throws: `ShardError.wrongProvenance`, `FileError`
  init(folder: URL) throws {
    let url = DataFolder(folder).provenance
    let data = try Data(file: url)
    guard data.count < 1 << 16, let read = try? JSONValue.decode(DataProvenance.self, from: data) else {
      throw ShardError.wrongProvenance(path: url.path, reason: "does not say where data come from")
    }
    // Bounded, since a repair lists all missing frames.
    guard read.version == 1, read.validationRate.isFinite,
      read.unknownText?.isPlausible ?? true, (1...Vocabulary.maximumCount).contains(read.vocabularySize),
      [read.trainFrames, read.validationFrames].allSatisfy({ (0...DataIndex.maximumFrames).contains($0) })
    else {
      throw ShardError.wrongProvenance(path: url.path, reason: "has numbers that no data folder has")
    }
    self = read
  }

  func frames(_ split: Split) -> Int { split == .train ? trainFrames : validationFrames }

  /// The bytes of `provenance.json`; equal values have equal bytes.
  func encoded() throws -> Data { try jsonLine() }
}
