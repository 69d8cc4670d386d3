package import Foundation

/// The bytes at the beginning of a text that tell its Unicode encoding. The raw value is the name of the encoding.
///
/// Source: The Unicode Standard 15.0, table 23-5.
package enum ByteOrderMark: String, CaseIterable, Sendable {
  // The mark of UTF-32LE begins with the one of UTF-16LE, so it is tested first.
  case utf32LE = "UTF-32LE"
  case utf32BE = "UTF-32BE"
  case utf8 = "UTF-8"
  case utf16LE = "UTF-16LE"
  case utf16BE = "UTF-16BE"

  package var bytes: [UInt8] {
    switch self {
    case .utf32LE: [0xFF, 0xFE, 0, 0]
    case .utf32BE: [0, 0, 0xFE, 0xFF]
    case .utf8: [0xEF, 0xBB, 0xBF]
    case .utf16LE: [0xFF, 0xFE]
    case .utf16BE: [0xFE, 0xFF]
    }
  }

  /// The mark at the beginning of `bytes`; nil if there is none.
  package init?(atStartOf bytes: some Collection<UInt8>) {
    guard let mark = Self.allCases.first(where: { bytes.starts(with: $0.bytes) }) else { return nil }
    self = mark
  }
}

extension Data {
  /// The text of a small file as UTF-8 without a byte-order mark: settings, vocabularies, JSON. A text with the mark of
  /// UTF-16 or UTF-32 is converted. The caller checks whether a text without a mark is UTF-8.
  /// - Throws: `FileError`
  package init(textFile url: URL) throws {
    let data = try Data(file: url)
    guard let mark = ByteOrderMark(atStartOf: data) else {
      self = data
      return
    }
    let rest = data.dropFirst(mark.bytes.count)
    let encoding: String.Encoding
    switch mark {
    case .utf8:
      self = Data(rest)
      return
    case .utf16LE: encoding = .utf16LittleEndian
    case .utf16BE: encoding = .utf16BigEndian
    case .utf32LE: encoding = .utf32LittleEndian
    case .utf32BE: encoding = .utf32BigEndian
    }
    guard let text = String(data: rest, encoding: encoding) else {
      throw FileError.cannotRead(
        path: url.path, reason: "its byte-order mark says \(mark.rawValue), and its bytes are not")
    }
    self = Data(text.utf8)
  }
}
