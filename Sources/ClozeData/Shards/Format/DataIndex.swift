package import ClozeCore
package import ClozeText
package import Foundation

/// The two parts of a corpus. No document is in both.
package enum Split: String, NamedChoice {
  case train, validation
}

/// `index.json`: the content of a data folder, as one line of JSON with sorted keys.
///
/// The format, version 2. A data folder has `index.json`, `provenance.json` (`DataProvenance`), the tokenizer's files,
/// `unigrams.bin` and, for each split with documents, the shards `train-00000.zst`, `train-00001.zst`… or
/// `validation-00000.zst`…, numbered without gaps. The index is written last, in one rename. A folder without it is
/// unfinished or damaged, and nothing in it is trusted. No other names are allowed in the index, so none can lead out
/// of the folder.
///
/// A shard is a sequence of zstd frames (`ShardFrame`) without gaps, followed by a seek table (`SeekTable`). For each
/// frame the index has its offset, its size, the number of its tokens, the number of documents that end in it, whether
/// a document continues in the next frame, and the SHA-256 of the inflated bytes. A frame has 1 to 4,194,304 tokens,
/// and a split at most as many frames. `bytes` counts the UTF-8 bytes of a split's documents before tokenization,
/// `words` their words.
///
/// The frames of a split are numbered from 0 through all its shards, and each contains its number (`FrameHead`). A
/// frame that was lost or damaged is in no shard: its number is in `quarantine`, ascending, and the other frames keep
/// their numbers. A document that continues into a quarantined frame ends before it, and what follows a quarantined
/// frame begins a document. The last frame of a split continues only into quarantined frames. The tokens of a split are
/// the sum over its frames. Its documents are the ends in its frames and those that quarantined frames cause. Its words
/// and bytes are those of the documents that end in its frames.
///
/// `unigrams.bin` has a little-endian 64-bit count for every token id: how often it occurs in the train split. The
/// counts add up to the train split's tokens. `unigramEntropy` is their entropy H = -Σ p ln p in nats per token. It
/// includes `[UNK]`, which baselines leave out, see `UnigramCounts.ofOrdinaryTokens`. `unknownText` counts the
/// characters of words that became `[UNK]`, by script. Folders of earlier versions lack it, and it does not change when
/// frames are lost.
///
/// `identity`, the SHA-256 of the bytes of the index file, is the identity of the data. It covers the digests of
/// everything else, and the quarantine.
package struct DataIndex: Codable, Sendable, Equatable {
  package struct Frame: Codable, Sendable, Equatable {
    /// The offset in the shard, in bytes.
    package var offset: Int
    /// Compressed bytes.
    package var size: Int
    package var tokens: Int
    /// The number of documents that end in this frame.
    package var documents: Int
    /// Whether the last document of this frame continues in the next one.
    package var continues: Bool
    /// The digest of the inflated bytes.
    package var digest: Digest

    package init(offset: Int, size: Int, tokens: Int, documents: Int, continues: Bool, digest: Digest) {
      self.offset = offset
      self.size = size
      self.tokens = tokens
      self.documents = documents
      self.continues = continues
      self.digest = digest
    }
  }

  package struct File: Codable, Sendable, Equatable {
    package var name: String
    /// The size in bytes, with the seek table.
    package var size: Int
    package var digest: Digest
    package var frames: [Frame]

    package init(name: String, size: Int, digest: Digest, frames: [Frame]) {
      self.name = name
      self.size = size
      self.digest = digest
      self.frames = frames
    }
  }

  package struct Part: Codable, Sendable, Equatable {
    package var documents = 0
    package var words = 0
    package var tokens = 0
    /// UTF-8 bytes of text.
    package var bytes = 0
    package var files: [File] = []
    /// The numbers of the frames that are no longer in any shard, ascending.
    package var quarantine: [Int] = []
  }

  package var version = DataIndex.currentVersion
  package var tokenizer: Digest
  package var vocabularySize: Int
  /// 16 or 32.
  package var tokenBits: Int
  /// The digest of the text of the corpus.
  package var corpus: Digest
  package var seed: UInt64
  /// The share of documents in the validation split, in 0...1.
  package var validationRate: Double
  package var train = Part()
  package var validation = Part()
  /// Nats a token.
  package var unigramEntropy: Double
  package var unigrams: Digest
  /// The unknown text of both splits.
  package var unknownText: UnknownText?

  package static let currentVersion = 2
  static let maximumFrameTokens = 1 << 22
  /// The most frames of a split: with frames of 65,536 tokens, 275 thousand million tokens.
  static let maximumFrames = 1 << 22

  package subscript(split: Split) -> Part {
    get { split == .train ? train : validation }
    set { if split == .train { train = newValue } else { validation = newValue } }
  }

  /// The bits of a token id: 16 if every id of the vocabulary fits, otherwise 32.
  static func tokenBits(vocabularySize: Int) -> Int { vocabularySize <= 1 << 16 ? 16 : 32 }

  /// The bytes of `index.json`; equal indexes have equal bytes.
  func encoded() throws -> Data { try jsonLine() }

  /// Reads and checks the index of a data folder.
  /// - Returns: the index and the identity of the data.
  /// - Throws: `ShardError`, `FileError`
  package static func read(folder: URL) throws -> (index: DataIndex, identity: Digest) {
    let url = DataFolder(folder).index
    let data: Data
    do {
      data = try Data(file: url)
    } catch FileError.missing {
      guard FileManager.default.fileExists(atPath: folder.path) else {
        throw FileError.missing(path: folder.path)
      }
      throw ShardError.noIndex(path: folder.path)
    }
    let index: DataIndex
    do {
      index = try data.withUnsafeBytes { try JSONReader.read($0) { try DataIndex(&$0) } }
    } catch let error as JSONSyntaxError {
      // Another version may have another structure, so its number is read first.
      try requireVersion(try? data.withUnsafeBytes { try JSONReader.read($0, version) }, path: url.path)
      throw ShardError.malformedIndex(
        path: url.path,
        reason: "is no index of a data folder (it \(error.reason) at byte \(error.offset))")
    }
    try requireVersion(index.version, path: url.path)
    try index.check(path: url.path)
    return (index, Digest(of: data))
  }

  private static func requireVersion(_ version: Int?, path: String) throws {
    guard let version, version != currentVersion else { return }
    throw ShardError.unknownVersion(path: path, version: version)
  }

  /// Checks everything in which the index can contradict itself. Later code relies on it: sums do not overflow, frames
  /// are inside their files, and no size can exhaust memory.
  private func check(path: String) throws {
    try DataIndex.require("vocabularySize", vocabularySize, in: 1...Vocabulary.maximumCount, path)
    let tokenBits = DataIndex.tokenBits(vocabularySize: vocabularySize)
    try DataIndex.require("tokenBits", self.tokenBits, in: tokenBits...tokenBits, path)
    guard unigramEntropy.isFinite, unigramEntropy >= 0 else {
      throw ShardError.malformedIndex(path: path, reason: "states an entropy of \(unigramEntropy) nats")
    }
    if let unknownText, !unknownText.isPlausible {
      throw ShardError.malformedIndex(path: path, reason: "states counts of unknown text that no text has")
    }
    for split in Split.allCases {
      try self[split].checkFiles(of: split, path: path)
      try self[split].checkSums(of: split, path: path)
    }
  }

  fileprivate static func require(
    _ field: String, _ value: Int, in bounds: ClosedRange<Int>, _ path: String
  ) throws {
    guard bounds.contains(value) else {
      throw ShardError.numberOutOfBounds(path: path, field: field, value: value)
    }
  }
}

extension DataIndex.Part {
  /// Checks names, offsets and sizes of files and frames.
  fileprivate func checkFiles(of split: Split, path: String) throws {
    for (number, file) in files.enumerated() {
      let name = DataFolder.shardName(split, number)
      guard file.name == name else {
        throw ShardError.foreignName(path: path, name: file.name, expected: name)
      }
      var offset = 0
      for frame in file.frames {
        try DataIndex.require("tokens of a frame", frame.tokens, in: 1...DataIndex.maximumFrameTokens, path)
        try DataIndex.require("documents of a frame", frame.documents, in: 0...frame.tokens, path)
        try DataIndex.require(
          "size of a frame", frame.size, in: 1...ShardFrame.maximumCompressedBytes, path)
        try DataIndex.require("offset of a frame", frame.offset, in: offset...offset, path)
        offset += frame.size
      }
      let size = offset + SeekTable.byteCount(frames: file.frames.count)
      guard size == file.size else {
        throw ShardError.countsDisagree(
          path: path, field: "bytes in \(name)", stated: file.size, found: size)
      }
    }
    // The numbers must ascend and exist, or a list could name any number of frames.
    var next = 0
    for number in quarantine {
      guard number >= next, number < numberCount else {
        throw ShardError.numberOutOfBounds(path: path, field: "a frame in quarantine", value: number)
      }
      next = number + 1
    }
  }

  /// Compares the numbers of the split with those of its frames.
  fileprivate func checkSums(of split: Split, path: String) throws {
    for (field, value) in [("documents", documents), ("words", words), ("bytes", bytes)] {
      try DataIndex.require(field, value, in: 0...1 << 56, path)
    }
    let places = places
    let sums = [
      ("tokens", tokens, places.reduce(0) { $0 + $1.entry.tokens }),
      ("documents", documents, places.reduce(0) { $0 + $1.documents }),
    ]
    for (field, stated, found) in sums where stated != found {
      throw ShardError.countsDisagree(path: path, field: field, stated: stated, found: found)
    }
    guard places.last.map({ !$0.goesOn }) ?? true else {
      throw ShardError.malformedIndex(
        path: path, reason: "ends the \(split.rawValue) split inside a document")
    }
  }
}

extension DataIndex {
  /// A frame of a split: where it lies, and what the frames around it make of it.
  struct NumberedFrame: Sendable {
    /// Which of the split's files.
    var file: Int
    /// The frame's number in its split, which its head bears.
    var number: Int
    var entry: DataIndex.Frame
    /// Whether a document that goes on after this frame has lost its rest to the quarantine, and so ends here.
    var isCut: Bool

    /// Whether a document goes on from this frame to the next that there is.
    var goesOn: Bool { entry.continues && !isCut }
    /// How many documents end in this frame.
    var documents: Int { entry.documents + (isCut ? 1 : 0) }
  }
}

extension DataIndex.Part {
  /// The frames that can be read, in order.
  var places: [DataIndex.NumberedFrame] {
    var places: [DataIndex.NumberedFrame] = []
    places.reserveCapacity(files.reduce(0) { $0 + $1.frames.count })
    var number = 0
    var missing = quarantine[...]
    func skipMissing() {
      while missing.first == number {
        missing.removeFirst()
        number += 1
      }
    }
    for (file, entry) in files.enumerated() {
      for frame in entry.frames {
        skipMissing()
        let isCut = frame.continues && missing.first == number + 1
        places.append(DataIndex.NumberedFrame(file: file, number: number, entry: frame, isCut: isCut))
        number += 1
      }
    }
    return places
  }

  /// How many frames the split has or had.
  var numberCount: Int { files.reduce(quarantine.count) { $0 + $1.frames.count } }
}
