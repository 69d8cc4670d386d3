package import ClozeCore
package import ClozeText
package import Foundation

/// `progress.json`: how far a data folder has come, for a second run to go on after the first was killed.
///
/// The format, version 3: the SHA-256 of the second line, in hexadecimal; then one line of JSON with sorted keys, digests
/// in hexadecimal, bytes in base 64. It lies beside the unfinished folder's tokenizer, its shards, and three files that
/// only grow: `documents.partial`, the 32 bytes of every document's digest, duplicates too, and for each split a
/// `ShardJournal`. Once these are durable it is written anew, in one rename, so it never speaks of bytes that are not
/// there; what they have beyond it is cut off and written again.
///
/// It counts only if `settings`, all that decides the folder's bytes beside the text, is the digest of the second run's;
/// and of the text either the files are as they were (`inputs`) or the text itself is (`corpus`).
package struct DatasetProgress: Codable, Sendable, Equatable {
  /// What an unfinished folder holds.
  package struct Checkpoint: Codable, Sendable, Equatable {
    /// Where the text goes on.
    package var position: CorpusPosition
    /// Of `documents.partial`.
    var documents: AppendedFile.Mark
    /// What was lost of all documents.
    var loss: TextLoss
    var train: ShardWriter.State
    var validation: ShardWriter.State

    subscript(split: Split) -> ShardWriter.State { split == .train ? train : validation }
  }

  package var version = DatasetProgress.currentVersion
  package var settings: Digest
  package var inputs: Digest
  /// Of the text, where it is known before the text is encoded.
  package var corpus: Digest?
  package var tokenizer: Digest
  /// Nil where no document is encoded yet, or what is encoded cannot be used.
  package var checkpoint: Checkpoint?

  static let fileName = "progress.json"
  private static let currentVersion = 3

  /// Bytes. The unigrams of both splits, in base 64, take 22 a token; all else, the counts of lost characters too, fits
  /// into 64 MiB.
  package static func maximumByteCount(vocabularySize: Int) -> Int { (1 << 26) + 32 * vocabularySize }

  package init(settings: Digest, inputs: Digest, corpus: Digest?, tokenizer: Digest) {
    self.settings = settings
    self.inputs = inputs
    self.corpus = corpus
    self.tokenizer = tokenizer
  }

  /// What an unfinished run with these settings left in a folder; nil where there is nothing that can be used.
  package static func left(in folder: URL, settings: Digest) -> (
    progress: DatasetProgress, tokenizer: Tokenizer
  )? {
    let staging = DatasetWriter.staging(in: folder)
    guard Folder.isReal(staging), let data = try? Data(file: staging.appendingPathComponent(fileName)),
      let tokenizer = try? Tokenizer(staging),
      data.count < maximumByteCount(vocabularySize: tokenizer.vocabulary.count),
      let end = data.firstIndex(of: UInt8(ascii: "\n")),
      data[..<end].withUnsafeBytes({ Digest(digits: $0) }) == Digest(of: data[(end + 1)...]),
      let progress = try? JSONValue.decode(DatasetProgress.self, from: data[(end + 1)...]),
      progress.version == currentVersion, progress.settings == settings,
      tokenizer.digest == progress.tokenizer
    else { return nil }
    return (progress, tokenizer)
  }

  /// - Throws: `FileError`
  func write(to staging: URL) throws {
    let line = try jsonLine()
    try AtomicFile.write(
      Data("\(Digest(of: line).hex)\n".utf8) + line,
      to: staging.appendingPathComponent(DatasetProgress.fileName))
  }
}
