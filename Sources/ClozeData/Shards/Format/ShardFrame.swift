internal import ClozeCore
package import ClozeText

/// The content of one zstd frame: consecutive tokens of a split, and the ends of documents among them.
///
/// The format, inflated: first the head (`FrameHead`); then the token ids in order, little-endian and unsigned, in 16
/// bits each if the vocabulary has at most 65,536 tokens and in 32 otherwise; then, for every document that ends in the
/// frame, the number of the frame's tokens up to and including its last one, in 32 bits. These ends ascend strictly, so
/// no document is empty, and the last one equals the number of tokens unless a document continues in the next frame.
/// Nothing follows them.
package struct ShardFrame: Sendable, Equatable {
  /// Ids in 0 ..< vocabularySize.
  package var tokens: [TokenID]
  /// Ascending, in 1...tokens.count.
  package var documentEnds: [Int32]
  /// Words, before tokenization, of the documents that end here.
  package var words = 0
  /// UTF-8 bytes of text of the documents that end here.
  package var bytes = 0

  /// More than the size of the largest frame, even if it does not compress.
  static let maximumCompressedBytes = 1 << 26

  package init(tokens: [TokenID] = [], documentEnds: [Int32] = []) {
    self.tokens = tokens
    self.documentEnds = documentEnds
  }

  /// Whether the last document continues in the next frame.
  package var continues: Bool { documentEnds.last.map { Int($0) != tokens.count } ?? true }

  /// The ranges of the documents' tokens in the frame, in order; the first and the last may be parts of documents.
  var pieces: [Range<Int>] {
    var pieces: [Range<Int>] = []
    pieces.reserveCapacity(documentEnds.count + 1)
    var start = 0
    for end in documentEnds {
      pieces.append(start..<Int(end))
      start = Int(end)
    }
    if start < tokens.count { pieces.append(start..<tokens.count) }
    return pieces
  }

  /// The size of the inflated frame in bytes, with the head.
  static func byteCount(tokens: Int, documents: Int, tokenBits: Int) -> Int {
    FrameHead.byteCount + tokens * (tokenBits / 8) + documents * 4
  }

  /// The inflated bytes of frame `number` of a split.
  package func encoded(split: Split, number: Int, tokenBits: Int) -> [UInt8] {
    let head = FrameHead(
      split: split, tokenBits: tokenBits, number: number, tokens: tokens.count, documents: documentEnds.count,
      words: words, bytes: bytes)
    return [UInt8](unsafeUninitializedCapacity: head.inflatedSize) { buffer, initializedCount in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      let width = tokenBits / 8
      let start = FrameHead.byteCount
      head.write(to: bytes)
      if width == 2 {
        for (i, token) in tokens.enumerated() {
          bytes.storeBytes(
            of: UInt16(truncatingIfNeeded: token).littleEndian, toByteOffset: start + 2 * i, as: UInt16.self)
        }
      } else {
        for (i, token) in tokens.enumerated() {
          bytes.storeBytes(of: token.littleEndian, toByteOffset: start + 4 * i, as: Int32.self)
        }
      }
      let endsStart = start + tokens.count * width
      for (i, end) in documentEnds.enumerated() {
        bytes.storeBytes(of: end.littleEndian, toByteOffset: endsStart + 4 * i, as: Int32.self)
      }
      initializedCount = head.inflatedSize
    }
  }

  /// Reads inflated bytes, which must be aligned for ids and as long as their head says, and checks every rule of the
  /// format.
  /// - Throws: `ShardError`
  init(decoding bytes: UnsafeRawBufferPointer, head: FrameHead, vocabularySize: Int, path: String) throws {
    precondition(bytes.count == head.inflatedSize, "ShardFrame: \(bytes.count) bytes, \(head)")
    let width = head.tokenBits / 8
    let ids = UnsafeRawBufferPointer(rebasing: bytes[FrameHead.byteCount...])
    // Compared as unsigned numbers, so that one comparison finds negative ids too.
    var largest: UInt32 = 0
    tokens = [TokenID](unsafeUninitializedCapacity: head.tokens) { buffer, initializedCount in
      largest =
        width == 2
        ? ShardFrame.widen(ids, UInt16.self, into: buffer, count: head.tokens)
        : ShardFrame.widen(ids, UInt32.self, into: buffer, count: head.tokens)
      initializedCount = head.tokens
    }
    guard largest < UInt32(vocabularySize) else {
      throw ShardError.tokenOutsideVocabulary(
        path: path, frame: head.number, token: Int(largest), vocabularySize: vocabularySize)
    }
    let endsStart = head.tokens * width
    documentEnds = (0..<head.documents).map {
      Int32(littleEndian: ids.loadUnaligned(fromByteOffset: endsStart + 4 * $0, as: Int32.self))
    }
    (words, self.bytes) = (head.words, head.bytes)
    var previous: Int32 = 0
    for end in documentEnds {
      guard end > previous, Int(end) <= head.tokens else {
        throw ShardError.wrongDocumentEnds(
          path: path, frame: head.number, reason: "do not ascend within its tokens")
      }
      previous = end
    }
  }

  /// Reads ids of one width without branches or overflow checks, so that the compiler vectorizes the loop.
  /// - Returns: the largest id.
  private static func widen<Stored: FixedWidthInteger & UnsignedInteger>(
    _ bytes: UnsafeRawBufferPointer, _: Stored.Type, into ids: UnsafeMutableBufferPointer<TokenID>, count: Int
  ) -> UInt32 {
    let stored = bytes.bindMemory(to: Stored.self)
    precondition(stored.count >= count && ids.count >= count, "ShardFrame: \(count) ids overrun")
    var largest: Stored = 0
    for i in 0..<count {
      let id = Stored(littleEndian: stored[i])
      ids[i] = TokenID(truncatingIfNeeded: id)
      largest = max(largest, id)
    }
    return UInt32(truncatingIfNeeded: largest)
  }
}
