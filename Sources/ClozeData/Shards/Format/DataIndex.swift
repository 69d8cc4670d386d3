package import ClozeCore
package import ClozeText
package import Foundation

/// The two parts of a corpus. No document is in both.
package enum Split: String, NamedChoice {
  case train, validation
}

/// `index.json`: what a data folder holds, in one line of JSON with sorted keys.
///
/// The format, version 2. A data folder holds `index.json`, `provenance.json` (`DataProvenance`), the tokenizer's
/// files, `unigrams.bin` and, for each split that has documents, the shards `train-00000.zst`, `train-00001.zst`… or
/// `validation-00000.zst`…, numbered without gaps. The index is written last and in one rename: a folder without it is
/// unfinished or damaged, and nothing in it is trusted. No name in the index may differ from these, so none can lead
/// out of the folder.
///
/// A shard is a row of zstd frames (`ShardFrame`), without gaps from the file's first byte on, followed by a seek
/// table (`SeekTable`). The index states each frame's place, size, number of tokens, number of documents that end in
/// it, whether a document goes on in the next frame, and the SHA-256 of its inflated bytes. A frame has 1 to 4,194,304
/// tokens, a split at most as many frames. `bytes` counts the UTF-8 bytes of a split's documents before tokenization, `words` their words.
///
/// The frames of a split are numbered from 0 through all its shards, and each bears its number (`FrameHead`). A frame
/// that was lost or damaged is in no shard: its number is in `quarantine`, ascending, and the frames that are left keep
/// theirs. A document that goes on into a quarantined frame ends before it, and what follows a quarantined frame begins
/// a document. The last frame of a split never goes on, but into quarantined ones. A split's tokens are the sum over
/// its frames; its documents are the ends in its frames and those that quarantined frames make; its words and bytes are
/// those of the documents whose ends are in its frames.
///
/// `unigrams.bin` is a little-endian 64-bit count for every token id: how often it occurs in the train split. The
/// counts add up to the train split's tokens. `unigramEntropy` is their entropy H = -Σ p ln p in nats a token,
/// `[UNK]` included, which a baseline leaves out: see `UnigramCounts.ofOrdinaryTokens`. `unknownText` says how many
/// characters of the documents are in words that became `[UNK]`, by script. Folders made before it was counted have none,
/// and it stays as it is when frames are lost.
///
/// `identity`, the SHA-256 of the index file's bytes, is the identity of the data: it covers the digests of
/// everything else, and what is in quarantine.
package struct DataIndex: Codable, Sendable, Equatable {
  package struct Frame: Codable, Sendable, Equatable {
    /// First byte in its shard.
    package var offset: Int
    /// Compressed bytes.
    package var size: Int
    package var tokens: Int
    /// How many documents end in this frame.
    package var documents: Int
    /// Whether the last document of this frame goes on in the next one.
    package var continues: Bool
    /// Of the inflated bytes.
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
    /// Bytes, seek table included.
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
    /// The numbers of the split's frames that no shard has any more, ascending.
    package var quarantine: [Int] = []
  }

  package var version = DataIndex.currentVersion
  package var tokenizer: Digest
  package var vocabularySize: Int
  /// 16 or 32.
  package var tokenBits: Int
  /// Digest of the corpus's text.
  package var corpus: Digest
  package var seed: UInt64
  /// The share of documents held out, in 0...1.
  package var validationRate: Double
  package var train = Part()
  package var validation = Part()
  /// Nats a token.
  package var unigramEntropy: Double
  package var unigrams: Digest
  /// What of the text of both splits is unknown to the tokenizer.
  package var unknownText: UnknownText?

  package static let currentVersion = 2
  static let maximumFrameTokens = 1 << 22
  /// Of a split: with frames of 65,536 tokens, 275 thousand million tokens.
  static let maximumFrames = 1 << 22

  package subscript(split: Split) -> Part {
    get { split == .train ? train : validation }
    set { if split == .train { train = newValue } else { validation = newValue } }
  }

  /// The number of bits in which every id of a vocabulary fits.
  static func tokenBits(vocabularySize: Int) -> Int { vocabularySize <= 1 << 16 ? 16 : 32 }

  /// The bytes of `index.json`; equal indexes have equal bytes.
  func encoded() throws -> Data { try jsonLine() }

  /// Reads and checks the index of a data folder.
  /// - Returns: the index and the data's identity.
  /// - Throws: `ShardError`, `FileError`
  package static func read(folder: URL) throws -> (index: DataIndex, identity: Digest) {
    let url = DataFolder(folder).index
    let data: Data
    do {
      data = try Data(file: url)
    } catch FileError.missing {
      throw ShardError.noIndex(path: folder.path)
    }
    let index: DataIndex
    do {
      index = try data.withUnsafeBytes { try JSONReader.read($0) { try DataIndex(&$0) } }
    } catch let error as JSONSyntaxError {
      // Another version may have another form, so its number is looked for first.
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

  /// Everything that the index alone can contradict itself in. Later code relies on it: sums do not overflow, frames
  /// lie in their files, and no size is large enough to exhaust memory.
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
  /// Names, places and sizes of files and frames.
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
    // They ascend within the numbers that there are: a list without rules could name any number of frames.
    var next = 0
    for number in quarantine {
      guard number >= next, number < numberCount else {
        throw ShardError.numberOutOfBounds(path: path, field: "a frame in quarantine", value: number)
      }
      next = number + 1
    }
  }

  /// The split's numbers against those of its frames.
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
