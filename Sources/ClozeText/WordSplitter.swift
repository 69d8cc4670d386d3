/// Takes the words of a text as a `WordSplitter` finds them.
protocol WordSink {
  /// One word, normalized, of no more scalars than the splitter's longest word has.
  mutating func receive(word: WordKey, scalarCount: Int)
  /// A part of a word that is longer, which comes in parts of the longest word's length.
  mutating func receive(partOfLongWord part: WordKey, scalarCount: Int, place: LongWordPlace)
  /// Normalization takes marks from this scalar of the text, which may be one itself.
  mutating func receive(losingMarks scalar: UInt32)
  /// Normalization makes a capital beyond ASCII small.
  mutating func receiveLostCase()
  /// The text spells the special token of this index in `SpecialTokens.texts`.
  /// - Returns: whether the text means the token, so that its letters are no words.
  mutating func receive(special: Int) -> Bool
  /// The bytes of the text were no UTF-8 here.
  mutating func receiveInvalidSequence()
}

/// Which part of a long word it is. A word that is longer than the longest has two parts or more.
struct LongWordPlace {
  let isFirst: Bool
  /// The scalars of the whole word; nil where more parts follow.
  let wordLength: Int?
}

/// Normalizes text and cuts it into words, in one pass over its bytes.
///
/// Bytes of ASCII go through a table of 256 entries, letters and digits eight at a time (`ASCIILetters`), everything
/// else through `NormalizationTable`. A splitter is a value with a buffer and a table of its own: each thread has one and
/// keeps it.
struct WordSplitter: Sendable {
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
  private let longestWord: Int
  /// The word so far. It has room for the longest word and for the letters that are written with those of the word.
  private var word: [UInt8]

  /// - Parameter longestWord: in scalars; longer words come in parts.
  init(_ normalizer: TextNormalizer, longestWord: Int) {
    self.longestWord = longestWord
    word = [UInt8](repeating: 0, count: 4 * longestWord + ASCIILetters.width)
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
        var builder = WordBuilder(buffer: word, longestWord: longestWord)
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
            builder.append(ascii: kind, &sink)
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
            builder.append(ascii: byte, &sink)
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
  let longestWord: Int
  /// Of the word so far, or of its part that has not been given away.
  var byteCount = 0
  var scalarCount = 0
  /// Scalars of the parts that have.
  var partScalarCount = 0

  @inline(__always)
  mutating func append<Sink: WordSink>(ascii byte: UInt8, _ sink: inout Sink) {
    if scalarCount == longestWord { givePart(&sink) }
    put(UInt64(byte))
    byteCount += 1
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
    guard scalarCount + letters.count <= longestWord else { return false }
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
    if entry.isLossy {
      if entry.losesMarks { sink.receive(losingMarks: step.scalar) }
      if entry.losesCase { sink.receiveLostCase() }
    }
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
      append(scalar: entry.scalar, &sink)
    } else {
      end(&sink)
      if !entry.isSpace {
        append(scalar: entry.scalar, &sink)
        end(&sink)
      }
    }
  }

  @inline(__always)
  private mutating func append<Sink: WordSink>(scalar value: UInt32, _ sink: inout Sink) {
    if scalarCount == longestWord { givePart(&sink) }
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
      if partScalarCount > 0 {
        endLongWord(&sink)
        return
      }
      sink.receive(word: word, scalarCount: scalarCount)
      byteCount = 0
      scalarCount = 0
    }
  }

  @inline(__always)
  private var word: WordKey { WordKey(padded: UnsafeBufferPointer(rebasing: buffer[..<byteCount])) }

  /// Makes room where another scalar comes after the longest word.
  @inline(never)
  private mutating func givePart<Sink: WordSink>(_ sink: inout Sink) {
    let place = LongWordPlace(isFirst: partScalarCount == 0, wordLength: nil)
    sink.receive(partOfLongWord: word, scalarCount: scalarCount, place: place)
    partScalarCount += scalarCount
    byteCount = 0
    scalarCount = 0
  }

  @inline(never)
  private mutating func endLongWord<Sink: WordSink>(_ sink: inout Sink) {
    let place = LongWordPlace(isFirst: false, wordLength: partScalarCount + scalarCount)
    sink.receive(partOfLongWord: word, scalarCount: scalarCount, place: place)
    partScalarCount = 0
    byteCount = 0
    scalarCount = 0
  }
}
