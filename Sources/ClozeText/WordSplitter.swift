/// Takes the words of a text as a `WordSplitter` finds them.
protocol WordSink {
  /// One word, normalized. A word of more than `WordSplitter.longestWord` scalars comes with its first bytes only.
  mutating func receive(word: WordKey, scalarCount: Int)
  /// The text spells the special token of this index in `SpecialTokens.texts`.
  /// - Returns: whether the text means the token, so that its letters are no words.
  mutating func receive(special: Int) -> Bool
  /// The bytes of the text were no UTF-8 here.
  mutating func receiveInvalidSequence()
}

/// Normalizes text and cuts it into words, in one pass over its bytes.
///
/// Bytes of ASCII go through a table of 256 entries, letters and digits eight at a time (`ASCIILetters`), everything
/// else through `NormalizationTable`. A splitter is a value with a buffer and a table of its own: each thread has one and
/// keeps it.
struct WordSplitter: Sendable {
  /// BERT's limit: a longer word is unknown.
  static let longestWord = 100

  /// What a byte asks for: below 128 the lower-cased letter of a word, else one of the constants.
  private enum Class {
    static let space: UInt8 = 0x80
    static let isolated: UInt8 = 0x81
    static let dropped: UInt8 = 0x82
    static let bracket: UInt8 = 0x83
    static let beyond: UInt8 = 0x84
  }

  private var table: NormalizationTable
  private let lowercases: Bool
  private let classes: [UInt8]
  /// The word so far. It has room for the longest word, for the last scalar of a word that is longer, and for the
  /// letters that are written with those of the word.
  private var word = [UInt8](repeating: 0, count: 4 * (WordSplitter.longestWord + 1) + ASCIILetters.width)

  init(_ normalizer: TextNormalizer) {
    var table = NormalizationTable(normalizer)
    var classes = [UInt8](repeating: Class.beyond, count: 256)
    for byte in 0..<UInt32(128) {
      let entry = table.entry(byte)
      if entry.list != nil {
        classes[Int(byte)] = Class.dropped
      } else if entry.isWord {
        classes[Int(byte)] = UInt8(entry.scalar)
      } else {
        classes[Int(byte)] = entry.isSpace ? Class.space : Class.isolated
      }
    }
    classes[Int(UInt8(ascii: "["))] = Class.bracket
    self.table = table
    lowercases = normalizer.lowercases
    self.classes = classes
  }

  /// Gives every word of `utf8` to `sink`, in order. A word never goes on from one call to the next.
  @inline(__always)
  mutating func split<Sink: WordSink>(_ utf8: UnsafeBufferPointer<UInt8>, into sink: inout Sink) {
    classes.withUnsafeBufferPointer { classes in
      word.withUnsafeMutableBufferPointer { word in
        var builder = WordBuilder(buffer: word)
        var offset = 0
        while offset < utf8.count {
          let byte = utf8[offset]
          let kind = classes[Int(byte)]
          if kind < 0x80 {
            if offset + ASCIILetters.width <= utf8.count {
              let letters = ASCIILetters(utf8, at: offset, lowercases: lowercases)
              if letters.count > 0, builder.append(letters) {
                offset += letters.count
                continue
              }
            }
            builder.append(ascii: kind)
            offset += 1
            continue
          }
          switch kind {
          case Class.space:
            builder.end(&sink)
            offset += 1
          case Class.dropped:
            offset += 1
          case Class.beyond:
            offset += builder.append(beyond: utf8, at: offset, &table, &sink)
          case Class.bracket:
            builder.end(&sink)
            if let match = SpecialTokenMatcher.match(utf8, at: offset), sink.receive(special: match.special) {
              offset += match.byteCount
            } else {
              fallthrough
            }
          default:
            builder.end(&sink)
            builder.append(ascii: byte)
            builder.end(&sink)
            offset += 1
          }
        }
        builder.end(&sink)
      }
    }
  }
}

/// The letters and digits of ASCII that text goes on with. They make words whatever the normalization, which may make
/// them lower case and nothing else; eight bytes are looked at in one go, as lanes of one number.
private struct ASCIILetters {
  static let width = 8

  /// The bytes, normalized, the first one lowest; only the first `count` of them mean anything.
  let bytes: UInt64
  let count: Int

  /// - Parameter offset: a place with at least `width` bytes from it on.
  @inline(__always)
  init(_ utf8: UnsafeBufferPointer<UInt8>, at offset: Int, lowercases: Bool) {
    let raw = WordKey.load(utf8, offset)
    // Digits have this bit already.
    let lowercased = raw | ASCIILetters.lanes(0x20)
    // Each lane's highest bit says whether its other seven are at least a bound; no lane carries into the next.
    func isAtLeast(_ bound: UInt8, _ bytes: UInt64) -> UInt64 {
      (bytes & ASCIILetters.lanes(0x7F)) &+ ASCIILetters.lanes(0x80 - bound)
    }
    let isLetter =
      isAtLeast(UInt8(ascii: "a"), lowercased) & ~isAtLeast(UInt8(ascii: "z") + 1, lowercased)
    let isDigit = isAtLeast(UInt8(ascii: "0"), raw) & ~isAtLeast(UInt8(ascii: "9") + 1, raw)
    let isOther = ~((isLetter | isDigit) & ~raw) & ASCIILetters.lanes(0x80)
    count = isOther.trailingZeroBitCount / 8
    bytes = lowercases ? lowercased : raw
  }

  /// The same byte in every lane.
  @inline(__always)
  private static func lanes(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }
}

/// The word that is being gathered.
private struct WordBuilder {
  let buffer: UnsafeMutableBufferPointer<UInt8>
  var byteCount = 0
  var scalarCount = 0

  @inline(__always)
  mutating func append(ascii byte: UInt8) {
    if scalarCount <= WordSplitter.longestWord {
      put(UInt64(byte))
      byteCount += 1
    }
    scalarCount += 1
  }

  /// Writes eight bytes, of which the caller counts those that belong to the word. A `WordKey` reads eight in one go,
  /// which the processor is quick at only where they were written in one go.
  @inline(__always)
  private func put(_ bytes: UInt64) {
    UnsafeMutableRawBufferPointer(buffer).storeBytes(
      of: bytes.littleEndian, toByteOffset: byteCount, as: UInt64.self)
  }

  /// False where the word might grow beyond the longest one, which is then gathered letter by letter.
  @inline(__always)
  mutating func append(_ letters: ASCIILetters) -> Bool {
    guard scalarCount + letters.count <= WordSplitter.longestWord else { return false }
    put(letters.bytes)
    byteCount += letters.count
    scalarCount += letters.count
    return true
  }

  /// One scalar beyond ASCII. Gives the number of its bytes.
  @inline(__always)
  mutating func append<Sink: WordSink>(
    beyond utf8: UnsafeBufferPointer<UInt8>, at offset: Int, _ table: inout NormalizationTable,
    _ sink: inout Sink
  ) -> Int {
    let step = UTF8Decoding.step(utf8, at: offset)
    if !step.isValid { sink.receiveInvalidSequence() }
    let entry = table.entry(step.scalar)
    if let list = entry.list {
      for normalized in table.lists[list] { append(NormalizationTable.Entry(normalized), &sink) }
    } else {
      append(entry, &sink)
    }
    return step.byteCount
  }

  @inline(__always)
  private mutating func append<Sink: WordSink>(_ entry: NormalizationTable.Entry, _ sink: inout Sink) {
    if entry.isWord {
      append(scalar: entry.scalar)
    } else {
      end(&sink)
      if !entry.isSpace {
        append(scalar: entry.scalar)
        end(&sink)
      }
    }
  }

  @inline(__always)
  private mutating func append(scalar value: UInt32) {
    if scalarCount <= WordSplitter.longestWord {
      switch value {
      case ..<0x80:
        put(UInt8(value))
      case ..<0x800:
        put(UInt8(0xC0 | value >> 6))
        put(UInt8(0x80 | value & 0x3F))
      case ..<0x10000:
        put(UInt8(0xE0 | value >> 12))
        put(UInt8(0x80 | value >> 6 & 0x3F))
        put(UInt8(0x80 | value & 0x3F))
      default:
        put(UInt8(0xF0 | value >> 18))
        put(UInt8(0x80 | value >> 12 & 0x3F))
        put(UInt8(0x80 | value >> 6 & 0x3F))
        put(UInt8(0x80 | value & 0x3F))
      }
    }
    scalarCount += 1
  }

  @inline(__always)
  private mutating func put(_ byte: UInt8) {
    buffer[byteCount] = byte
    byteCount += 1
  }

  @inline(__always)
  mutating func end<Sink: WordSink>(_ sink: inout Sink) {
    if byteCount > 0 {
      let word = WordKey(padded: UnsafeBufferPointer(rebasing: buffer[..<byteCount]))
      sink.receive(word: word, scalarCount: scalarCount)
      byteCount = 0
      scalarCount = 0
    }
  }
}
