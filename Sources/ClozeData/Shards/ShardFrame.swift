internal import ClozeCore
package import ClozeText

/// A run of tokens of a split, with the places where documents end: what one zstd frame holds.
///
/// The format, inflated: first the token ids in order, little-endian and unsigned, in 16 bits each where the
/// vocabulary has at most 65,536 tokens and in 32 otherwise; then, for every document that ends in the frame, the
/// number of the frame's tokens up to and including its last one, in 32 bits. These ends ascend strictly, so no
/// document is empty, and the last one equals the number of tokens unless a document goes on in the next frame.
/// The numbers of tokens and of ends are in the index, the frame has no header of its own.
package struct ShardFrame: Sendable, Equatable {
  /// Ids in 0 ..< vocabularySize.
  package var tokens: [TokenID]
  /// Ascending, in 1...tokens.count.
  package var documentEnds: [Int32]

  /// More than the largest frame can need, even where nothing compresses.
  static let maximumCompressedBytes = 1 << 26

  package init(tokens: [TokenID] = [], documentEnds: [Int32] = []) {
    self.tokens = tokens
    self.documentEnds = documentEnds
  }

  /// Whether the last document goes on in the next frame.
  package var continues: Bool { documentEnds.last.map { Int($0) != tokens.count } ?? true }

  static func byteCount(tokens: Int, documents: Int, tokenBits: Int) -> Int {
    tokens * (tokenBits / 8) + documents * 4
  }

  /// The inflated bytes.
  package func encoded(tokenBits: Int) -> [UInt8] {
    let count = ShardFrame.byteCount(
      tokens: tokens.count, documents: documentEnds.count, tokenBits: tokenBits)
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      let bytes = UnsafeMutableRawBufferPointer(buffer)
      let width = tokenBits / 8
      if width == 2 {
        for (i, token) in tokens.enumerated() {
          bytes.storeBytes(
            of: UInt16(truncatingIfNeeded: token).littleEndian, toByteOffset: 2 * i, as: UInt16.self)
        }
      } else {
        for (i, token) in tokens.enumerated() {
          bytes.storeBytes(of: token.littleEndian, toByteOffset: 4 * i, as: Int32.self)
        }
      }
      for (i, end) in documentEnds.enumerated() {
        bytes.storeBytes(of: end.littleEndian, toByteOffset: tokens.count * width + 4 * i, as: Int32.self)
      }
      initializedCount = count
    }
  }

  /// Reads inflated bytes, aligned for ids, whose length agrees with `entry`, and checks every rule of the format.
  /// - Throws: `ShardError`
  init(
    decoding bytes: UnsafeRawBufferPointer, entry: DataIndex.Frame, tokenBits: Int, vocabularySize: Int,
    path: String, number: Int
  ) throws {
    let width = tokenBits / 8
    // As unsigned numbers, so that one comparison catches negative ids too.
    var largest: UInt32 = 0
    tokens = [TokenID](unsafeUninitializedCapacity: entry.tokens) { buffer, initializedCount in
      largest =
        width == 2
        ? ShardFrame.widen(bytes, UInt16.self, into: buffer, count: entry.tokens)
        : ShardFrame.widen(bytes, UInt32.self, into: buffer, count: entry.tokens)
      initializedCount = entry.tokens
    }
    guard largest < UInt32(vocabularySize) else {
      throw ShardError.tokenOutsideVocabulary(
        path: path, frame: number, token: Int(largest), vocabularySize: vocabularySize)
    }
    let endsStart = entry.tokens * width
    documentEnds = (0..<entry.documents).map {
      Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: endsStart + 4 * $0, as: Int32.self))
    }
    var previous: Int32 = 0
    for end in documentEnds {
      guard end > previous, Int(end) <= entry.tokens else {
        throw ShardError.wrongDocumentEnds(
          path: path, frame: number, reason: "do not ascend within its tokens")
      }
      previous = end
    }
    guard continues == entry.continues else {
      throw ShardError.wrongDocumentEnds(
        path: path, frame: number, reason: "contradict the index about its last document")
    }
  }

  /// Reads ids of one width, without a branch and without an address that might overflow, so that several go through
  /// one instruction.
  /// - Returns: the largest of them.
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
