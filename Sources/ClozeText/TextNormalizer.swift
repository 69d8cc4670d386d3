internal import Foundation

/// BERT's normalization: what is done to text before it is split into words.
///
/// Source: Devlin et al. 2019, "BERT", arXiv:1810.04805, the released `tokenization.py`; the settings and the details
/// are those of Hugging Face's `BertNormalizer`.
package struct TextNormalizer: Hashable, Sendable {
  /// Whether control characters go and every white space becomes a space.
  package var cleansText: Bool
  /// Whether every Chinese character is a word of its own.
  package var isolatesChineseCharacters: Bool
  /// Whether text is decomposed (NFD) and loses its nonspacing marks: accents, and the vowel signs and tones of many
  /// scripts; nil follows `lowercases`.
  package var stripsAccents: Bool?
  /// Whether letters become lower case.
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

  /// BERT's own settings for text whose case matters not.
  package static let uncased = TextNormalizer(lowercases: true)
  /// BERT's own settings for text whose case matters.
  package static let cased = TextNormalizer(lowercases: false)

  /// What becomes of one scalar: the scalars that stand in its place, each with its part in a word.
  ///
  /// The four steps work scalar by scalar, so their composition is a function of one scalar. The one thing that is
  /// not, the canonical reordering of combining marks, can be left out: nearly all marks that it moves are the
  /// nonspacing ones that are dropped in the same step.
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

  /// Whether `normalize` takes marks off a scalar, which may be one itself, and whether it makes a capital small.
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

  /// The blocks of ideographs that no step changes. Chinese text meets dozens of their pages, and to ask Unicode's
  /// properties for each character would take longer than to translate a hundred sentences.
  static let plainIdeographs: [ClosedRange<UInt32>] = [0x3400...0x4DBF, 0x4E00...0x9FFF]

  /// NUL, U+FFFD, and the categories Cc, Cf and Co but for tab, line feed and carriage return.
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

  /// The general category as of Unicode 8.0. The reference's tables are that old, and a mark or a letter assigned since
  /// is to it, and so to every model trained with it, an unassigned scalar.
  private static func category(of scalar: Unicode.Scalar) -> Unicode.GeneralCategory {
    guard let age = scalar.properties.age, age.major <= 8 else { return .unassigned }
    switch scalar.value {
    // The few whose category has changed since.
    case 0x166D, 0x111C9: return .otherPunctuation
    case 0x1734, 0x1171E: return .nonspacingMark
    case 0x1885, 0x1886: return .otherLetter
    case 0xA9BD: return .spacingMark
    default: return scalar.properties.generalCategory
    }
  }

  /// The canonical decomposition as of Unicode 12.
  private static func decomposition(of scalar: Unicode.Scalar) -> String {
    guard let age = scalar.properties.age, age.major <= 12 else { return String(scalar) }
    return String(scalar).decomposedStringWithCanonicalMapping
  }

  /// The blocks of CJK ideographs as BERT lists them.
  private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
      0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
      return true
    default: return false
    }
  }

  /// BERT's pre-tokenization of one scalar: white space ends a word, punctuation is a word, the rest makes words.
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

/// A scalar of normalized text and the part that it plays.
struct NormalizedScalar: Hashable, Sendable {
  enum Part: UInt32, Sendable {
    /// Belongs to a word.
    case word
    /// Ends a word and is none.
    case space
    /// Is a word.
    case isolated
  }

  let scalar: Unicode.Scalar
  let part: Part
}

/// `TextNormalizer.normalize` as a table that fills itself in, 256 scalars at a time, as text calls for them: asking
/// Unicode's properties for every scalar at the start would take longer than many programs run.
struct NormalizationTable: Sendable {
  /// What stands at a scalar: one normalized scalar, which is the common case, or the place of a list.
  struct Entry: Sendable {
    private static let losesMarks: UInt32 = 1 << 31
    private static let losesCase: UInt32 = 1 << 30
    /// What stands between the two flags and the part.
    private static let value: UInt32 = (1 << 28) - 1

    private var bits: UInt32

    /// - Parameter list: the index of a list in `lists`.
    init(list: Int) { bits = UInt32(list) << 2 | 3 }
    init(_ normalized: NormalizedScalar) { bits = normalized.scalar.value << 2 | normalized.part.rawValue }

    /// Notes what normalization takes from the scalar.
    mutating func mark(losesMarks: Bool, losesCase: Bool) {
      if losesMarks { bits |= Entry.losesMarks }
      if losesCase { bits |= Entry.losesCase }
    }

    /// Whether normalization takes anything from the scalar but what cleaning takes.
    @inline(__always) var isLossy: Bool { bits & (Entry.losesMarks | Entry.losesCase) != 0 }
    var losesMarks: Bool { bits & Entry.losesMarks != 0 }
    var losesCase: Bool { bits & Entry.losesCase != 0 }
    /// The index of a list, nil where the entry is one scalar.
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

  /// The entry of a scalar value; U+FFFD's for a surrogate, which decoding never gives.
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
