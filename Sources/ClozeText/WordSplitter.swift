/// Receives the words of a text from a `WordSplitter`.
protocol WordSink {
  /// One normalized word of at most the splitter's longest word, in scalars.
  mutating func receive(word: WordKey, scalarCount: Int)
  /// A part of a longer word, which is passed in parts of the length of the longest word.
  mutating func receive(partOfLongWord part: WordKey, scalarCount: Int, place: LongWordPlace)
  /// Normalization removes marks from this scalar, or removes the scalar, if it is a mark.
  mutating func receive(losingMarks scalar: UInt32)
  /// Normalization lower-cases a capital that is not ASCII.
  mutating func receiveLostCase()
  /// The text contains the letters of the special token with this index in `SpecialTokens.texts`.
  /// - Returns: whether it is the token; false reads the letters as ordinary text.
  mutating func receive(special: Int) -> Bool
  /// The bytes of the text are not UTF-8 here.
  mutating func receiveInvalidSequence()
}

/// The position of a part in its long word, which has two parts or more.
struct LongWordPlace {
  let isFirst: Bool
  /// The number of scalars of the whole word in its last part; nil in the others.
  let wordLength: Int?
}

/// Normalizes text and splits it into words, in one pass over its bytes.
///
/// ASCII is looked up in a table of 256 entries, with letters and digits eight at a time (`ASCIILetters`); everything
/// else in `NormalizationTable`. A splitter owns a buffer and a table, so each thread keeps one.
struct WordSplitter: Sendable {
  /// What a byte is: below 128 the normalized letter of a word, otherwise one of these constants.
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
  /// The word so far, with room for the longest word and for the bytes that a write of eight bytes adds behind it.
  private var word: [UInt8]

  /// - Parameter longestWord: in scalars; longer words are passed in parts.
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

  /// Passes every word of `utf8` to `sink`, in order. The end of `utf8` ends a word.
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

/// The ASCII letters and digits at the beginning of eight bytes, tested at once as lanes of one number. They are part
/// of a word under every normalization, which changes nothing but their case.
private struct ASCIILetters {
  static let width = 8

  /// The normalized bytes, the first one lowest; only the first `count` of them are valid.
  let bytes: UInt64
  let count: Int

  /// - Parameter offset: at least `width` bytes before the end of `utf8`.
  @inline(__always)
  init(_ utf8: UnsafeBufferPointer<UInt8>, at offset: Int, lowercases: Bool) {
    let raw = WordKey.load(utf8, offset)
    // Digits have this bit already.
    let lowercased = raw | ASCIILetters.lanes(0x20)
    // The highest bit of each lane tells whether its other seven bits are at least the bound. No lane carries into the
    // next.
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

/// Collects the bytes of one word.
private struct WordBuilder {
  let buffer: UnsafeMutableBufferPointer<UInt8>
  let longestWord: Int
  /// Of the word so far, or of the part of a long word that was not passed to the sink yet.
  var byteCount = 0
  var scalarCount = 0
  /// Scalars of the parts that were passed to the sink.
  var partScalarCount = 0

  @inline(__always)
  mutating func append<Sink: WordSink>(ascii byte: UInt8, _ sink: inout Sink) {
    if scalarCount == longestWord { givePart(&sink) }
    put(UInt64(byte))
    byteCount += 1
    scalarCount += 1
  }

  /// Writes eight bytes; the caller adds the number of valid ones to `byteCount`. A `WordKey` reads eight bytes at
  /// once, which is fast only if they were written at once (store-to-load forwarding).
  @inline(__always)
  private func put(_ bytes: UInt64) {
    UnsafeMutableRawBufferPointer(buffer).storeBytes(
      of: bytes.littleEndian, toByteOffset: byteCount, as: UInt64.self)
  }

  /// False if the word would become longer than the longest one; the caller then appends letter by letter.
  @inline(__always)
  mutating func append(_ letters: ASCIILetters) -> Bool {
    guard scalarCount + letters.count <= longestWord else { return false }
    put(letters.bytes)
    byteCount += letters.count
    scalarCount += letters.count
    return true
  }

  /// Appends one scalar that is not ASCII, and returns the number of its bytes.
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

  /// Passes a full part to the sink when another scalar follows.
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
