internal import ClozeCore

/// The table at the end of a shard, with which zstd tools with seekable support find the frames.
///
/// The format: a skippable zstd frame (magic number 0x184D2A5E, then the length of what follows) with the compressed
/// and the inflated size of every frame in 32 bits each, then the number of frames in 32 bits, one byte of flags (0:
/// no checksums) and the magic number 0x8F92EAB1; all little-endian. zstd's own tools skip it, so a shard inflates
/// with `zstd -d`. It must agree with `index.json`, which is what Cloze reads.
///
/// Source: zstd, contrib/seekable_format/zstd_seekable_compression_format.md, version 0.1.0.
package struct SeekTable {
  /// Bytes.
  package var entries: [(compressed: UInt32, inflated: UInt32)]

  private static let skippableMagic: UInt32 = 0x184D_2A5E
  private static let seekableMagic: UInt32 = 0x8F92_EAB1

  package init(entries: [(compressed: UInt32, inflated: UInt32)] = []) {
    self.entries = entries
  }

  /// The size of a table for `frames` frames in bytes, with its header.
  static func byteCount(frames: Int) -> Int { 8 + 8 * frames + 9 }

  package func encoded() -> [UInt8] {
    var bytes: [UInt8] = []
    func append(_ value: UInt32) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    append(SeekTable.skippableMagic)
    append(UInt32(SeekTable.byteCount(frames: entries.count) - 8))
    for entry in entries {
      append(entry.compressed)
      append(entry.inflated)
    }
    append(UInt32(entries.count))
    bytes.append(0)
    append(SeekTable.seekableMagic)
    return bytes
  }

  /// The table of a shard with these frames.
  init(_ frames: [DataIndex.Frame], tokenBits: Int) {
    self.init(
      entries: frames.map {
        (
          UInt32($0.size),
          UInt32(ShardFrame.byteCount(tokens: $0.tokens, documents: $0.documents, tokenBits: tokenBits))
        )
      })
  }

  /// Whether these bytes, the rest of a shard, are the beginning of its last table.
  static func begins(_ bytes: UnsafeRawBufferPointer, rest: Int) -> Bool {
    guard bytes.count >= 8, rest >= byteCount(frames: 0) else { return false }
    func number(at offset: Int) -> UInt32 {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    return number(at: 0) == skippableMagic && Int(number(at: 4)) == rest - 8
  }

  /// - Parameter bytes: the last bytes of a shard, as many as a table of the index's frames has.
  /// - Throws: `ShardError.wrongSeekTable`
  static func check(_ bytes: UnsafeRawBufferPointer, agreesWith expected: SeekTable, path: String) throws {
    let wanted = expected.encoded()
    guard !bytes.elementsEqual(wanted) else { return }
    func number(at offset: Int) -> UInt32 {
      UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
    guard bytes.count == wanted.count, number(at: 0) == skippableMagic,
      number(at: bytes.count - 4) == seekableMagic
    else { throw ShardError.wrongSeekTable(path: path, reason: "is missing") }
    throw ShardError.wrongSeekTable(path: path, reason: "does not agree with the index")
  }
}
