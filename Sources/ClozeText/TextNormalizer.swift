internal import Foundation

/// BERT's normalization of text, which comes before splitting into words.
///
/// Source: Devlin et al. 2019, "BERT", arXiv:1810.04805, in its released `tokenization.py`. Settings and details are
/// those of Hugging Face's `BertNormalizer`.
package struct TextNormalizer: Hashable, Sendable {
  /// Whether control characters are dropped and every white space becomes a space.
  package var cleansText: Bool
  /// Whether every Chinese character becomes a word of its own.
  package var isolatesChineseCharacters: Bool
  /// Whether text is decomposed (NFD) and its nonspacing marks are dropped: accents, and the vowel signs and tones of
  /// many scripts; nil means the value of `lowercases`.
  package var stripsAccents: Bool?
  /// Whether letters are lower-cased.
  package var lowercases: Bool

  package init(
    lowercases: Bool, stripsAccents: Bool? = nil, cleansText: Bool = true,
    isolatesChineseCharacters: Bool = true
  ) {
    self.lowercases = lowercases
    self.stripsAccents = stripsAccents
    self.cleansText = cleansText
    self.isolatesChineseCharacters = isolatesChineseCharacters
  }

  /// BERT's settings for uncased models.
  package static let uncased = TextNormalizer(lowercases: true)
  /// BERT's settings for cased models.
  package static let cased = TextNormalizer(lowercases: false)

  /// The scalars that replace one scalar, each with its part in a word.
  ///
  /// The four steps work on single scalars, so their composition is a function of one scalar. The exception is the
  /// canonical reordering of combining marks. It is left out: nearly all marks that it moves are nonspacing ones, which
  /// the same step drops.
  func normalize(_ scalar: Unicode.Scalar) -> [NormalizedScalar] {
    let space = NormalizedScalar(scalar: " ", part: .space)
    if TextNormalizer.plainIdeographs.contains(where: { $0.contains(scalar.value) }) {
      let character = NormalizedScalar(scalar: scalar, part: .word)
      return isolatesChineseCharacters ? [space, character, space] : [character]
    }
    var scalars = [scalar]
    var isIsolated = false
    if cleansText {
      if TextNormalizer.isDropped(scalar) { return [] }
      if scalar.properties.isWhitespace { return [.init(scalar: " ", part: .space)] }
    }
    if isolatesChineseCharacters { isIsolated = TextNormalizer.isChinese(scalar) }
    if stripsAccents ?? lowercases {
      scalars = TextNormalizer.decomposition(of: scalar).unicodeScalars
        .filter { TextNormalizer.category(of: $0) != .nonspacingMark }
    }
    if lowercases { scalars = scalars.flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) } }
    let parts = scalars.map { NormalizedScalar(scalar: $0, part: TextNormalizer.part(of: $0)) }
    return isIsolated ? [space] + parts + [space] : parts
  }

  /// Whether `normalize` removes marks from a scalar (or the scalar, if it is a mark), and whether it lower-cases it.
  func change(of scalar: Unicode.Scalar) -> (losesMarks: Bool, losesCase: Bool) {
    if cleansText, TextNormalizer.isDropped(scalar) || scalar.properties.isWhitespace {
      return (false, false)
    }
    let losesMarks =
      (stripsAccents ?? lowercases)
      && TextNormalizer.decomposition(of: scalar).unicodeScalars
        .contains { TextNormalizer.category(of: $0) == .nonspacingMark }
    let losesCase =
      lowercases && !scalar.properties.lowercaseMapping.unicodeScalars.elementsEqual([scalar])
    return (losesMarks, losesCase)
  }

  /// The blocks of ideographs that no step changes. Looking up the Unicode properties of each of their characters would
  /// take longer than translating a hundred sentences.
  static let plainIdeographs: [ClosedRange<UInt32>] = [0x3400...0x4DBF, 0x4E00...0x9FFF]

  /// Whether cleaning drops the scalar: NUL, U+FFFD, and the categories Cc, Cf and Co except tab, line feed and
  /// carriage return.
  private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "\t", "\n", "\r": return false
    case "\u{FFFD}": return true
    default:
      switch category(of: scalar) {
      case .control, .format, .privateUse: return true
      default: return false
      }
    }
  }

  /// The general category in Unicode 8.0, the version of the tables of `tokenizers`. For it, and for every model
  /// trained with it, a scalar that was assigned later is unassigned.
  private static func category(of scalar: Unicode.Scalar) -> Unicode.GeneralCategory {
    guard let age = scalar.properties.age, age.major <= 8 else { return .unassigned }
    switch scalar.value {
    // The scalars whose category has changed since.
    case 0x166D, 0x111C9: return .otherPunctuation
    case 0x1734, 0x1171E: return .nonspacingMark
    case 0x1885, 0x1886: return .otherLetter
    case 0xA9BD: return .spacingMark
    default: return scalar.properties.generalCategory
    }
  }

  /// The canonical decomposition in Unicode 12.
  private static func decomposition(of scalar: Unicode.Scalar) -> String {
    guard let age = scalar.properties.age, age.major <= 12 else { return String(scalar) }
    return String(scalar).decomposedStringWithCanonicalMapping
  }

  /// Whether the scalar is in BERT's list of CJK blocks.
  private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
      0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      return true
    default: return false
    }
  }

  /// BERT's pre-tokenization of one scalar: white space ends a word, a punctuation mark is a word, everything else is
  /// part of a word.
  private static func part(of scalar: Unicode.Scalar) -> NormalizedScalar.Part {
    if scalar.properties.isWhitespace { return .space }
    switch scalar.value {
    case 33...47, 58...64, 91...96, 123...126: return .isolated
    default: break
    }
    switch category(of: scalar) {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return .isolated
    default: return .word
    }
  }
}

/// A scalar of normalized text and its part in a word.
struct NormalizedScalar: Hashable, Sendable {
  enum Part: UInt32, Sendable {
    /// Part of a word.
    case word
    /// White space: it ends a word.
    case space
    /// A word by itself.
    case isolated
  }

  let scalar: Unicode.Scalar
  let part: Part
}

/// `TextNormalizer.normalize` as a table, filled in pages of 256 scalars at their first use. Computing all of Unicode
/// at the start would take longer than many runs of a tool.
struct NormalizationTable: Sendable {
  /// The result for one scalar: one normalized scalar, which is the common case, or the index of a list.
  struct Entry: Sendable {
    private static let losesMarks: UInt32 = 1 << 31
    private static let losesCase: UInt32 = 1 << 30
    /// Mask of the bits between the two flags and the part.
    private static let value: UInt32 = (1 << 28) - 1

    private var bits: UInt32

    /// - Parameter list: the index of a list in `lists`.
    init(list: Int) { bits = UInt32(list) << 2 | 3 }
    init(_ normalized: NormalizedScalar) { bits = normalized.scalar.value << 2 | normalized.part.rawValue }

    /// Records what normalization removes from the scalar.
    mutating func mark(losesMarks: Bool, losesCase: Bool) {
      if losesMarks { bits |= Entry.losesMarks }
      if losesCase { bits |= Entry.losesCase }
    }

    /// Whether normalization removes marks or case from the scalar.
    @inline(__always) var isLossy: Bool { bits & (Entry.losesMarks | Entry.losesCase) != 0 }
    var losesMarks: Bool { bits & Entry.losesMarks != 0 }
    var losesCase: Bool { bits & Entry.losesCase != 0 }
    /// The index of a list; nil if the entry is one scalar.
    @inline(__always) var list: Int? { bits & 3 == 3 ? Int(bits >> 2 & Entry.value) : nil }
    @inline(__always) var scalar: UInt32 { bits >> 2 & Entry.value }
    @inline(__always) var isWord: Bool { bits & 3 == NormalizedScalar.Part.word.rawValue }
    @inline(__always) var isSpace: Bool { bits & 3 == NormalizedScalar.Part.space.rawValue }
  }

  let normalizer: TextNormalizer
  private(set) var lists: [[NormalizedScalar]] = [[]]
  private var pageStarts = [Int32](repeating: -1, count: 0x1100)
  private var entries: [Entry] = []

  init(_ normalizer: TextNormalizer) { self.normalizer = normalizer }

  /// The entry of a scalar value. A surrogate, which decoding never returns, has the entry of U+FFFD.
  @inline(__always)
  mutating func entry(_ value: UInt32) -> Entry {
    var start = pageStarts[Int(value >> 8)]
    if start < 0 { start = fillPage(value >> 8) }
    return entries[Int(start) + Int(value & 255)]
  }

  @inline(never)
  private mutating func fillPage(_ page: UInt32) -> Int32 {
    let start = Int32(entries.count)
    for value in page << 8...page << 8 | 255 {
      let scalar = Unicode.Scalar(value) ?? "\u{FFFD}"
      let normalized = normalizer.normalize(scalar)
      var entry: Entry
      switch normalized.count {
      case 0: entry = Entry(list: 0)
      case 1: entry = Entry(normalized[0])
      default:
        entry = Entry(list: lists.count)
        lists.append(normalized)
      }
      let change = normalizer.change(of: scalar)
      entry.mark(losesMarks: change.losesMarks, losesCase: change.losesCase)
      entries.append(entry)
    }
    pageStarts[Int(page)] = start
    return start
  }
}
