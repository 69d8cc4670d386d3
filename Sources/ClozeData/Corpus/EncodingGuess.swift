internal import Foundation

/// Guesses the encoding of bytes that are not UTF-8: the one under which characters are frequent that are frequent in
/// its languages. The guess is for a message alone; no text is read by it.
enum EncodingGuess {
  private struct Candidate {
    /// The name for iconv.
    let encoding: String
    /// Non-ASCII characters that are frequent in the languages of the encoding.
    let frequent: Set<Unicode.Scalar>
    /// Their share of the non-ASCII characters of ordinary text.
    let share: Double
    /// Whether single non-ASCII characters are between ASCII ones, as in Latin script.
    var isLatin = false

    init(_ encoding: String, _ frequent: String, share: Double, isLatin: Bool = false) {
      (self.encoding, self.frequent) = (encoding, Set(frequent.unicodeScalars))
      (self.share, self.isLatin) = (share, isLatin)
    }
  }

  private static let simplified = "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年，。、"
  private static let traditional = "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年，。、"
  private static let kana = "のにはをたがでてとしれさあいうるならもこすんりかくまきっっー、。"
  private static let hangul = "이다는을의에가고하은지로를한도서기나사어그리자아있시것"
  private static let cyrillic = "оеаинтсрвлкмдпуяыіїєўџљњђћјґ"
  private static let greek = "αοιετσνηυρπκλμςάέίό"
  private static let hebrew = "יוהלאמתברנשםדעחק"
  private static let arabic = "ابتاليومنرهدسعفة"
  private static let thai = "านรอกเงมยลวดทสต่้ัี"
  private static let western = "éèàäöüßñçáíóúêâîôûœåæø’“”–ãõ«»°ìòù"
  private static let central = "ąćęłńóśźżáčďéěíňřšťúůýžöüőűăâîşţ„”"
  private static let turkish = "ışğçöüİŞÇ"
  private static let baltic = "āčēģīķļņšūžąęėįų"

  private static let candidates: [Candidate] = [
    .init("GB18030", simplified, share: 0.28), .init("BIG5", traditional, share: 0.28),
    .init("SHIFT_JIS", kana, share: 0.45), .init("EUC-JP", kana, share: 0.45),
    .init("EUC-KR", hangul, share: 0.28),
    .init("WINDOWS-1251", cyrillic, share: 0.7), .init("KOI8-R", cyrillic, share: 0.7),
    .init("KOI8-U", cyrillic, share: 0.7), .init("ISO-8859-5", cyrillic, share: 0.7),
    .init("IBM866", cyrillic, share: 0.7),
    .init("WINDOWS-1253", greek, share: 0.7), .init("WINDOWS-1255", hebrew, share: 0.7),
    .init("WINDOWS-1256", arabic, share: 0.7), .init("TIS-620", thai, share: 0.5),
    .init("WINDOWS-1252", western, share: 0.8, isLatin: true),
    .init("WINDOWS-1250", central, share: 0.8, isLatin: true),
    .init("ISO-8859-2", central, share: 0.8, isLatin: true),
    .init("WINDOWS-1254", turkish, share: 0.8, isLatin: true),
    .init("WINDOWS-1257", baltic, share: 0.8, isLatin: true),
    .init("IBM850", western, share: 0.8, isLatin: true),
    .init("MACINTOSH", western, share: 0.8, isLatin: true),
  ]

  /// The encoding that `bytes` look like; nil if they look like none.
  static func encoding(of bytes: ArraySlice<UInt8>) -> TextEncoding? {
    let beyond = bytes.indices.filter { bytes[$0] >= 0x80 }
    guard !beyond.isEmpty else { return nil }
    if let unicode = unmarkedUnicode(bytes) { return unicode }
    // In Latin script most non-ASCII bytes have ASCII on both sides; in other scripts and in two-byte encodings they
    // have non-ASCII bytes.
    let runs = beyond.count { index in
      index > bytes.startIndex && bytes[index - 1] >= 0x80
        || index + 1 < bytes.endIndex && bytes[index + 1] >= 0x80
    }
    let density = Double(runs) / Double(beyond.count)
    let scored = candidates.map { candidate in
      (candidate, score(bytes, candidate) * (candidate.isLatin ? 1 - density : density))
    }
    guard let best = scored.max(by: { $0.1 < $1.1 }), best.1 > 0.3 else { return nil }
    return TextEncoding(unchecked: best.0.encoding)
  }

  /// The share of frequent characters among the non-ASCII ones, compared with ordinary text; 0 if the bytes are invalid
  /// in the encoding.
  private static func score(_ bytes: ArraySlice<UInt8>, _ candidate: Candidate) -> Double {
    guard let (text, invalid) = decode(bytes, candidate.encoding) else { return 0 }
    let beyond = text.filter { !$0.isASCII }
    guard !beyond.isEmpty, invalid * 20 <= beyond.count else { return 0 }
    let hits = beyond.count { candidate.frequent.contains($0) }
    return Double(hits) / Double(beyond.count) / candidate.share
  }

  /// The kind of UTF-16 or UTF-32 without a mark that the bytes are; nil if they are none.
  static func unmarkedUnicode(_ bytes: ArraySlice<UInt8>) -> TextEncoding? {
    guard bytes.count >= 6 else { return nil }
    let frequent = Set((simplified + traditional + kana + hangul + cyrillic + greek + arabic).unicodeScalars)
    let names = ["UTF-32LE", "UTF-32BE", "UTF-16LE", "UTF-16BE"]
    let scores = names.map { name -> (String, Double) in
      guard let (text, invalid) = decode(bytes, name),
        invalid == 0, !text.isEmpty, !text.contains(where: { $0.isASCII && UInt8($0.value).isBinary })
      else { return (name, 0) }
      let hits = text.count { $0.isASCII || frequent.contains($0) }
      let ideographs = text.filter { $0.value >= 0x2000 }
      let frequentIdeographs = ideographs.count(where: frequent.contains)
      // Nearly all byte pairs are some ideograph, so ideographs prove nothing.
      guard ideographs.count * 5 < text.count || frequentIdeographs * 10 > ideographs.count
      else { return (name, 0) }
      // The letters of an alphabet are in one page of 256 characters.
      var pages: [UInt32: Int] = [:]
      for scalar in text where scalar.value < 0x2000 { pages[scalar.value >> 8, default: 0] += 1 }
      return (name, Double(max(hits, (pages.values.max() ?? 0))) / Double(text.count))
    }
    guard let best = scores.max(by: { $0.1 < $1.1 }), best.1 > 0.2 else { return nil }
    return TextEncoding(unchecked: best.0)
  }

  /// The characters of at most 8 KiB, and the number of invalid places.
  private static func decode(_ bytes: ArraySlice<UInt8>, _ encoding: String) -> ([Unicode.Scalar], Int)? {
    guard let converter = TextConverter(from: encoding) else { return nil }
    var utf8: [UInt8] = []
    _ = converter.convert(bytes.prefix(1 << 13), isLast: false, into: &utf8)
    let text = String(decoding: utf8.filter { $0 != 0xFF }, as: UTF8.self)
    return (Array(text.unicodeScalars), utf8.count { $0 == 0xFF })
  }
}
