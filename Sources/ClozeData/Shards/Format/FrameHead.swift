/// The first 40 bytes of an inflated frame, which describe it. With them a shard can be read without its index, and a
/// frame in a wrong place is recognised.
///
/// The format, all little-endian and unsigned: the magic number 0x465A4C43 in 32 bits; the split in 8 (0 train,
/// 1 validation); the bytes of a token id in 8 (2 or 4); 16 bits of 0; the number of the frame, counted through all
/// shards of its split, in 32; the number of tokens in 32; the number of documents that end in the frame in 32; 32 bits
/// of 0; then, of the documents that end in the frame, the words in 64 and the UTF-8 bytes of text in 64.
struct FrameHead: Sendable, Equatable {
  var split: Split
  /// 16 or 32.
  var tokenBits: Int
  var number: Int
  var tokens: Int
  var documents: Int
  var words: Int
  var bytes: Int

  static let byteCount = 40
  private static let magic: UInt32 = 0x465A_4C43

  init(split: Split, tokenBits: Int, number: Int, tokens: Int, documents: Int, words: Int, bytes: Int) {
    self.split = split
    self.tokenBits = tokenBits
    self.number = number
    self.tokens = tokens
    self.documents = documents
    self.words = words
    self.bytes = bytes
  }

  /// Reads the head of an inflated frame; nil if there is none or it is invalid.
  init?(_ frame: UnsafeRawBufferPointer) {
    guard frame.count >= FrameHead.byteCount else { return nil }
    func number<Stored: FixedWidthInteger>(_ offset: Int, _: Stored.Type) -> Stored {
      Stored(littleEndian: frame.loadUnaligned(fromByteOffset: offset, as: Stored.self))
    }
    let (split, width) = (number(4, UInt8.self), number(5, UInt8.self))
    guard number(0, UInt32.self) == FrameHead.magic, split <= 1, width == 2 || width == 4,
      number(6, UInt16.self) == 0, number(20, UInt32.self) == 0,
      let words = Int(exactly: number(24, UInt64.self)), let bytes = Int(exactly: number(32, UInt64.self))
    else { return nil }
    self.init(
      split: split == 0 ? .train : .validation, tokenBits: 8 * Int(width),
      number: Int(number(8, UInt32.self)),
      tokens: Int(number(12, UInt32.self)), documents: Int(number(16, UInt32.self)), words: words,
      bytes: bytes)
    // With these bounds sums over frames do not overflow, and the list of missing frames before a number is not too
    // long.
    guard self.number < DataIndex.maximumFrames, (1...DataIndex.maximumFrameTokens).contains(tokens),
      documents <= tokens, words <= 1 << 40,
      bytes <= 1 << 40
    else { return nil }
  }

  /// The size of the inflated frame in bytes, with the head.
  var inflatedSize: Int {
    ShardFrame.byteCount(tokens: tokens, documents: documents, tokenBits: tokenBits)
  }

  func write(to frame: UnsafeMutableRawBufferPointer) {
    func store<Stored: FixedWidthInteger>(_ value: Stored, _ offset: Int) {
      frame.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Stored.self)
    }
    store(FrameHead.magic, 0)
    store(UInt8(split == .train ? 0 : 1), 4)
    store(UInt8(tokenBits / 8), 5)
    store(UInt16(0), 6)
    store(UInt32(truncatingIfNeeded: number), 8)
    store(UInt32(truncatingIfNeeded: tokens), 12)
    store(UInt32(truncatingIfNeeded: documents), 16)
    store(UInt32(0), 20)
    store(UInt64(words), 24)
    store(UInt64(bytes), 32)
  }
}
