package import ClozeCore
package import ClozeText
package import Foundation

/// One split of a data folder, open for random access by any number of threads.
///
/// Opening reads the index and the seek tables. A frame is read, compared with its digest and inflated at its first
/// use, and cached among the most recently used ones. Everything that is read is checked, by the rules of `DataIndex`;
/// `DatasetVerification` also checks what no one reads.
package final class TokenDataset: Sendable {
  package let folder: URL
  package let split: Split
  package let index: DataIndex
  /// The digest of the index, which is the identity of the data.
  package let identity: Digest

  private let files: [ShardReader]
  private let frames: [DataIndex.NumberedFrame]
  /// How many tokens, and how many documents' ends, lie before each frame; one more entry than frames.
  let tokenStarts: [Int]
  let documentStarts: [Int]
  private let cacheCapacity: Int
  private let cache: Guarded<FrameCache>

  /// - Parameter cachedFrames: the number of inflated frames to cache, with 4 bytes per token: 256 frames are 64 MiB.
  /// - Throws: `ShardError`, `FileError`
  package init(folder: URL, split: Split, cachedFrames: Int = 256) throws {
    precondition(cachedFrames > 0, "TokenDataset: a cache of \(cachedFrames) frames")
    self.folder = folder
    self.split = split
    (index, identity) = try DataIndex.read(folder: folder)
    let part = index[split]
    guard part.documents > 0 else { throw ShardError.splitMissing(path: folder.path, split: split) }
    files = try part.files.map { try ShardReader(folder.appendingPathComponent($0.name), entry: $0) }
    frames = part.places
    tokenStarts = frames.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.entry.tokens) }
    documentStarts = frames.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.documents) }
    cacheCapacity = cachedFrames
    cache = Guarded(FrameCache(capacity: cachedFrames))
    let tokenBits = index.tokenBits
    for (file, entry) in zip(files, part.files) {
      try file.checkSeekTable(entry.frames, tokenBits: tokenBits)
    }
  }

  /// The tokenizer of the folder, checked to be the one of its shards.
  /// - Throws: `ShardError.wrongTokenizer`, `TokenizerError`, `VocabularyError`, `FileError`
  package func tokenizer() throws -> Tokenizer {
    let tokenizer = try Tokenizer(folder)
    guard tokenizer.digest == index.tokenizer else {
      throw ShardError.wrongTokenizer(path: folder.path, stated: index.tokenizer, found: tokenizer.digest)
    }
    return tokenizer
  }

  package var tokenCount: Int { index[split].tokens }
  package var documentCount: Int { index[split].documents }
  package var vocabularySize: Int { index.vocabularySize }
  package var frameCount: Int { frames.count }
  func tokenCount(ofFrame number: Int) -> Int { frames[number].entry.tokens }

  /// The most bytes of cached frames.
  package var cacheBytes: Int {
    let largest = frames.map { 4 * ($0.entry.tokens + $0.entry.documents) }.max() ?? 0
    return largest * min(frames.count, cacheCapacity)
  }

  /// Whether a document that began before frame `number` continues in it.
  func beginsInsideDocument(_ number: Int) -> Bool { number > 0 && frames[number - 1].goesOn }

  /// The frame with this number, counted without those in quarantine.
  /// - Throws: `ShardError`, `FileError`
  package func frame(_ number: Int) throws -> ShardFrame {
    if let frame = cache.withLock({ $0[number] }) { return frame }
    // Outside the lock: two threads may inflate the same frame, but neither waits for the other.
    let place = frames[number]
    let file = files[place.file]
    let frame = try file.withInflated(
      place.entry, split: split, number: place.number, tokenBits: index.tokenBits
    ) { head, bytes in
      var frame = try ShardFrame(
        decoding: bytes, head: head, vocabularySize: vocabularySize, path: file.path)
      guard frame.continues == place.entry.continues else {
        throw ShardError.wrongDocumentEnds(
          path: file.path, frame: place.number, reason: "contradict the index about its last document")
      }
      if place.isCut { frame.documentEnds.append(Int32(frame.tokens.count)) }
      return frame
    }
    cache.withLock { $0[number] = frame }
    return frame
  }

  /// The tokens at these positions of the split, counted over all documents.
  /// - Throws: `ShardError`, `FileError`
  package func tokens(in range: Range<Int>) throws -> [TokenID] {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= tokenCount,
      "TokenDataset: tokens \(range) of \(tokenCount)")
    var tokens: [TokenID] = []
    tokens.reserveCapacity(range.count)
    var number = tokenStarts.lastIndex(notAfter: range.lowerBound)
    while tokens.count < range.count {
      let start = range.lowerBound + tokens.count - tokenStarts[number]
      tokens += try frame(number).tokens[start...].prefix(range.count - tokens.count)
      number += 1
    }
    return tokens
  }

  /// The tokens of a document, by its number in the split.
  /// - Throws: `ShardError`, `FileError`
  package func document(_ number: Int) throws -> [TokenID] {
    guard (0..<documentCount).contains(number) else {
      throw ShardError.documentMissing(path: folder.path, split: split, number: number, count: documentCount)
    }
    return try tokens(in: (number == 0 ? 0 : end(ofDocument: number - 1))..<end(ofDocument: number))
  }

  /// The number of tokens up to the end of a document.
  private func end(ofDocument number: Int) throws -> Int {
    let frame = documentStarts.lastIndex(notAfter: number)
    return tokenStarts[frame] + Int(try self.frame(frame).documentEnds[number - documentStarts[frame]])
  }

  /// The counts of all tokens in the train split.
  /// - Throws: `ShardError`, `FileError`
  package func unigramCounts() throws -> UnigramCounts {
    try UnigramCounts(reading: DataFolder(folder).unigrams, index: index)
  }
}

/// A cache of the most recently used inflated frames.
private struct FrameCache {
  let capacity: Int
  private var entries: [Int: (frame: ShardFrame, lastUse: Int)] = [:]
  private var clock = 0

  init(capacity: Int) { self.capacity = capacity }

  subscript(number: Int) -> ShardFrame? {
    mutating get {
      clock += 1
      entries[number]?.lastUse = clock
      return entries[number]?.frame
    }
    set {
      guard let newValue else { return }
      clock += 1
      entries[number] = (newValue, clock)
      if entries.count > capacity, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
        entries[oldest.key] = nil
      }
    }
  }
}

extension [Int] {
  /// In an ascending array that begins with 0: the index of the last element that is at most `value`.
  func lastIndex(notAfter value: Int) -> Int {
    var low = 0
    var high = count
    while high - low > 1 {
      let middle = (low + high) / 2
      if self[middle] <= value { low = middle } else { high = middle }
    }
    return low
  }
}
