package import ClozeCore
package import ClozeText
package import Foundation

/// `progress.json`: the checkpoint of an unfinished data folder, from which a second call of `tokenize` resumes after
/// the first was killed.
///
/// The format, version 3: the SHA-256 of the second line, in hexadecimal; then one line of JSON with sorted keys,
/// digests in hexadecimal, bytes in base 64. Beside it are the tokenizer of the unfinished folder, its shards, and
/// three files that are only appended to: `documents.partial`, with the 32 bytes of every document's digest, duplicates
/// included, and a `ShardJournal` for each split. After these are synced it is replaced, in one rename, so it never
/// refers to bytes that do not exist. Bytes of these files beyond the checkpoint are truncated and written again.
///
/// It is used only if `settings`, the digest of everything that decides the folder's bytes apart from the text, equals
/// that of the second call, and if either the files (`inputs`) or the text (`corpus`) are unchanged.
package struct DatasetProgress: Codable, Sendable, Equatable {
  /// The state of an unfinished folder.
  package struct Checkpoint: Codable, Sendable, Equatable {
    /// The position in the corpus from which to continue.
    package var position: CorpusPosition
    /// The mark of `documents.partial`.
    var documents: AppendedFile.Mark
    /// The loss of all documents.
    var loss: TextLoss
    var train: SplitWriter.State
    var validation: SplitWriter.State

    subscript(split: Split) -> SplitWriter.State { split == .train ? train : validation }
  }

  package var version = DatasetProgress.currentVersion
  package var settings: Digest
  package var inputs: Digest
  /// The digest of the text, if it is known before the text is encoded.
  package var corpus: Digest?
  package var tokenizer: Digest
  /// nil if no document is encoded yet, or the encoded ones cannot be used.
  package var checkpoint: Checkpoint?

  private static let currentVersion = 3

  /// In bytes. The unigrams of both splits, in base 64, take 22 a token; everything else, with the counts of lost
  /// characters, fits into 64 MiB.
  package static func maximumByteCount(vocabularySize: Int) -> Int { (1 << 26) + 32 * vocabularySize }

  package init(settings: Digest, inputs: Digest, corpus: Digest?, tokenizer: Digest) {
    self.settings = settings
    self.inputs = inputs
    self.corpus = corpus
    self.tokenizer = tokenizer
  }

  /// The checkpoint of an unfinished run with these settings in a folder; nil if there is none that can be used.
  package static func left(in folder: URL, settings: Digest) -> (
    progress: DatasetProgress, tokenizer: Tokenizer
  )? {
    let staging = DataFolder(folder).staging
    guard Folder.isReal(staging.url), let data = try? Data(file: staging.progress),
      let tokenizer = try? Tokenizer(staging.url),
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
  func write(to staging: DataFolder) throws {
    let line = try jsonLine()
    try AtomicFile.write(Data("\(Digest(of: line).hex)\n".utf8) + line, to: staging.progress)
  }
}
