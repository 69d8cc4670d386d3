package import ClozeCore
package import ClozeText
package import Foundation

/// `progress.json`: how far a data folder has come, for a second run to go on after the first was killed.
///
/// The format, version 1: one line of JSON with sorted keys, digests in hexadecimal, beside the unfinished folder's
/// tokenizer and whole shards. It is written anew, in one rename, each time a shard is whole, so it never speaks of a
/// shard that is not there; a shard that it does not speak of yet is written again. It counts only if `settings`, all that
/// decides the folder's bytes beside the text, is the digest of the second run's; and of the text either the files are
/// as they were (`inputs`) or the text itself is (`corpus`).
package struct DatasetProgress: Codable, Sendable, Equatable {
  /// The place in a split's documents where its last whole shard ends.
  package struct Mark: Codable, Sendable, Equatable {
    /// Whole shards.
    package var shards = 0
    /// Documents, those without tokens too, that have nothing after the shards.
    package var documents = 0
    /// Tokens of the next document that are in the shards.
    package var tokens = 0
    /// Documents without tokens, among `documents`.
    package var empty = 0
    /// What was met in `documents`.
    package var counts = TokenCounts()
  }

  package var version = DatasetProgress.currentVersion
  package var settings: Digest
  package var inputs: Digest
  /// Of the text, where it is known before the text is encoded.
  package var corpus: Digest?
  package var tokenizer: Digest
  package var train = Mark()
  package var validation = Mark()

  static let fileName = "progress.json"
  private static let currentVersion = 1

  package init(settings: Digest, inputs: Digest, corpus: Digest?, tokenizer: Digest) {
    self.settings = settings
    self.inputs = inputs
    self.corpus = corpus
    self.tokenizer = tokenizer
  }

  package subscript(split: Split) -> Mark {
    get { split == .train ? train : validation }
    set { if split == .train { train = newValue } else { validation = newValue } }
  }

  /// What an unfinished run with these settings left in a folder; nil where there is nothing that can be used.
  package static func left(in folder: URL, settings: Digest) -> (
    progress: DatasetProgress, tokenizer: Tokenizer
  )? {
    let staging = DatasetWriter.staging(in: folder)
    guard let data = try? Data(file: staging.appendingPathComponent(fileName)), data.count < 1 << 16,
      let progress = try? JSONDecoder().decode(DatasetProgress.self, from: data),
      progress.version == currentVersion, progress.settings == settings,
      Split.allCases.allSatisfy({ progress[$0].isPlausible }),
      let tokenizer = try? Tokenizer(staging), tokenizer.digest == progress.tokenizer
    else { return nil }
    return (progress, tokenizer)
  }

  /// - Throws: `FileError`
  func write(to staging: URL) throws {
    try AtomicFile.write(try jsonLine(), to: staging.appendingPathComponent(DatasetProgress.fileName))
  }
}

extension DatasetProgress.Mark {
  /// Whether the numbers are such that nothing that is done with them overflows.
  fileprivate var isPlausible: Bool {
    [
      shards, documents, tokens, empty, counts.words, counts.tokens, counts.unknownTokens,
      counts.continuationPieces, counts.literalSpecials, counts.invalidSequences,
    ].allSatisfy { (0...1 << 48).contains($0) } && shards < 1 << 24
  }
}
