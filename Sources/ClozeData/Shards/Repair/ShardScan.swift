internal import ClozeCore
package import Foundation

/// Scans a shard without its index for whole frames, and for bytes outside of them.
///
/// A frame is whole if zstd inflates it with its checksum, its head is valid, and its tokens and ends obey the format.
/// After other bytes the scan continues at the next magic number at which a whole frame begins, so a damaged frame
/// never affects another. One frame is in memory.
package struct ShardScan: Sendable {
  struct Frame: Sendable {
    var head: FrameHead
    var entry: DataIndex.Frame
  }

  /// Bytes outside whole frames.
  struct Hole: Sendable {
    var range: Range<Int>
    var reason: String
  }

  /// The requirements on the frames.
  package struct Expectation: Sendable {
    var split: Split
    var tokenBits: Int
    var vocabularySize: Int
    /// By number: the known digest of a frame; a frame with another digest does not count as whole.
    var digests: [Int: Digest] = [:]

    package init(split: Split, tokenBits: Int, vocabularySize: Int) {
      self.split = split
      self.tokenBits = tokenBits
      self.vocabularySize = vocabularySize
    }
  }

  let path: String
  /// The size of the file in bytes, with the seek table.
  let size: Int
  let digest: Digest
  /// The whole frames in the order of the file, with ascending numbers.
  private(set) var frames: [Frame] = []
  private(set) var holes: [Hole] = []
  /// The problem of the seek table; nil if there is none.
  private(set) var seekTableProblem: ShardError?
  /// The counts of all tokens in the frames.
  private(set) var unigrams: [UInt64]

  private let expectation: Expectation

  /// - Throws: `FileError`
  package init(_ url: URL, _ expectation: Expectation) throws {
    let file = try ShardReader(url)
    self.expectation = expectation
    path = file.path
    size = file.size
    unigrams = [UInt64](repeating: 0, count: expectation.vocabularySize)
    digest = try file.digest()
    var offset = 0
    var wastedBytes = 0
    while offset < size, try !beginsSeekTable(file, at: offset) {
      do {
        let frame = try frame(in: file, at: offset)
        frames.append(frame)
        offset += frame.entry.size
      } catch let damage as Damage {
        wastedBytes += damage.readBytes
        // Limits the work for bytes that look like the beginning of a frame again and again.
        let next = wastedBytes > 16 * size + (1 << 28) ? size : try nextMagic(in: file, after: offset)
        if let last = holes.last, last.range.upperBound == offset {
          holes[holes.count - 1].range = last.range.lowerBound..<next
        } else {
          holes.append(Hole(range: offset..<next, reason: damage.reason))
        }
        offset = next
      }
    }
    do {
      guard offset < size else { throw ShardError.wrongSeekTable(path: path, reason: "is missing") }
      if holes.isEmpty {
        try file.checkSeekTable(frames.map(\.entry), tokenBits: expectation.tokenBits)
      }
    } catch let error as ShardError {
      seekTableProblem = error
    }
  }

  /// Whether the shard is undamaged.
  package var isWhole: Bool { holes.isEmpty && seekTableProblem == nil }

  /// The index entry of the shard, if it is undamaged.
  var entry: DataIndex.File {
    DataIndex.File(
      name: URL(fileURLWithPath: path).lastPathComponent, size: size, digest: digest,
      frames: frames.map(\.entry))
  }

  private struct Damage: Error {
    var reason: String
    /// The bytes that were read and inflated without finding a frame.
    var readBytes = 0
  }

  private mutating func frame(in file: ShardReader, at offset: Int) throws -> Frame {
    let rest = size - offset
    let claimed = try file.withBytes(at: offset, count: min(rest, 18)) { header in
      guard header.starts(with: ZstdFrame.magic), let claimed = ZstdFrame.claimedSize(header) else {
        throw Damage(reason: "there is no zstd header")
      }
      return claimed
    }
    let largest = ShardFrame.byteCount(
      tokens: DataIndex.maximumFrameTokens, documents: DataIndex.maximumFrameTokens, tokenBits: 32)
    guard (FrameHead.byteCount...largest).contains(claimed) else {
      throw Damage(reason: "a frame claims \(claimed) bytes")
    }
    return try file.withBytes(at: offset, count: min(rest, ZstdFrame.compressedBound(claimed))) { bytes in
      guard let size = ZstdFrame.compressedSize(bytes) else {
        throw Damage(reason: "a frame is damaged or cut off", readBytes: bytes.count)
      }
      let compressed = UnsafeRawBufferPointer(rebasing: bytes[..<size])
      do {
        return try Inflater.use { inflater in
          try frame(inflated: inflater.inflate(compressed, byteCount: claimed), offset: offset, size: size)
        }
      } catch let corruption as ZstdFrame.Corruption {
        throw Damage(reason: corruption.reason, readBytes: bytes.count + claimed)
      } catch var damage as Damage {
        damage.readBytes = bytes.count + claimed
        throw damage
      }
    }
  }

  private mutating func frame(inflated bytes: UnsafeRawBufferPointer, offset: Int, size: Int) throws -> Frame
  {
    guard let head = FrameHead(bytes), head.inflatedSize == bytes.count else {
      throw Damage(reason: "a frame has no head of a data folder's")
    }
    guard head.split == expectation.split, head.tokenBits == expectation.tokenBits else {
      throw Damage(reason: "a frame is of the \(head.split.rawValue) split with \(head.tokenBits)-bit ids")
    }
    guard frames.last.map({ $0.head.number < head.number }) ?? true else {
      throw Damage(reason: "frame \(head.number) comes again, or too late")
    }
    let digest = Digest(of: bytes)
    guard expectation.digests[head.number].map({ $0 == digest }) ?? true else {
      throw Damage(reason: "frame \(head.number) does not have the digest that the index states")
    }
    let frame: ShardFrame
    do {
      frame = try ShardFrame(
        decoding: bytes, head: head, vocabularySize: expectation.vocabularySize, path: path)
    } catch ShardError.tokenOutsideVocabulary(_, let number, let token, let vocabularySize) {
      throw Damage(reason: "frame \(number) holds token \(token), the vocabulary has \(vocabularySize)")
    } catch ShardError.wrongDocumentEnds(_, let number, let reason) {
      throw Damage(reason: "frame \(number) has document ends that \(reason)")
    }
    for token in frame.tokens { unigrams[Int(token)] += 1 }
    return Frame(
      head: head,
      entry: DataIndex.Frame(
        offset: offset, size: size, tokens: head.tokens, documents: head.documents,
        continues: frame.continues, digest: digest))
  }

  private func beginsSeekTable(_ file: ShardReader, at offset: Int) throws -> Bool {
    let rest = size - offset
    return try file.withBytes(at: offset, count: min(rest, 8)) { SeekTable.begins($0, rest: rest) }
  }

  /// The first offset after `offset` at which a frame or the seek table may begin; the end of the file if there is
  /// none.
  private func nextMagic(in file: ShardReader, after offset: Int) throws -> Int {
    var start = offset + 1
    while start < size {
      let count = min(size - start, 1 << 16)
      let found: Int? = try file.withBytes(at: start, count: count) { bytes in
        (0..<bytes.count).first { place in
          let rest = UnsafeRawBufferPointer(rebasing: bytes[place...])
          return bytes[place] == ZstdFrame.magic[0] && rest.starts(with: ZstdFrame.magic)
            || SeekTable.begins(rest, rest: size - start - place)
        }
      }
      if let found { return start + found }
      // The pieces overlap, so that a magic number across two of them is found.
      start += count < 1 << 16 ? count : count - 7
    }
    return size
  }
}

extension ShardScan {
  /// Scans the shards of a split on the pool's threads. The results are in order; a `FileError` for a shard that cannot be read.
  /// - Throws: what `body` throws
  static func scan(
    _ urls: [URL], _ expectation: Expectation, pool: WorkerPool,
    body: (Int, Result<ShardScan, any Error>) throws -> Void
  ) throws {
    var pending: [PendingResult<Result<ShardScan, any Error>>] = []
    var next = 0
    for number in urls.indices {
      while next < urls.count, pending.count < pool.depth {
        let url = urls[next]
        pending.append(pool.submit { Result { try ShardScan(url, expectation) } })
        next += 1
      }
      try body(number, try pending.removeFirst().wait())
    }
  }
}
