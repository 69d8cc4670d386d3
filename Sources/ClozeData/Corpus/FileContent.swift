internal import ClozeCore

/// What a file is, decided by its first bytes and not by its name.
enum FileContent: Equatable {
  case gzip
  case zstd
  /// Text to convert to UTF-8. A byte-order mark overrides the encoding that the user named.
  case text(TextEncoding, mark: ByteOrderMark?)
  /// UTF-16 or UTF-32 without a mark, recognised by its NUL bytes.
  case unmarked(TextEncoding)
  case foreign(ForeignContent)
  /// Bytes that text does not have; `few` if they are rare.
  case binary(few: Bool)

  /// The number of bytes that decide what a file is.
  static let examinedBytes = 1 << 16

  /// - Parameters:
  ///   - bytes: the first bytes of a file, all of them or at least some kilobytes.
  ///   - encoding: the encoding of a text without a mark, as the user named it; nil if none was named.
  init(_ bytes: [UInt8], encoding: TextEncoding?) {
    let head = bytes.prefix(FileContent.examinedBytes)
    // A few are an accident, like a few invalid bytes.
    let hasNULs = head.count { $0 == 0 } * InvalidBytes.ordinaryShare > head.count
    if let mark = ByteOrderMark(atStartOf: head) {
      self = .text(.init(unchecked: mark.rawValue), mark: mark)
    } else if head.starts(with: [0x1F, 0x8B]) {
      self = .gzip
    } else if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
      // A skippable frame, which parallel compressors write first.
      || head.count > 3 && head[0] & 0xF0 == 0x50 && head[1...3].elementsEqual([0x2A, 0x4D, 0x18])
    {
      self = .zstd
    } else if let foreign = ForeignContent(atStartOf: Array(head)) {
      self = .foreign(foreign)
    } else if let encoding, encoding.unitLength > 1 {
      self = .text(encoding, mark: nil)
    } else if hasNULs, let unicode = EncodingGuess.unmarkedUnicode(head) {
      self = .unmarked(unicode)
    } else if hasNULs || encoding == nil && head.count(where: \.isBinary) > max(3, head.count / 20) {
      self = .binary(few: head.count(where: \.isBinary) * 100 < head.count)
    } else {
      self = .text(encoding ?? .utf8, mark: nil)
    }
  }

  /// The number of bytes needed to decide what a stream is. A stream may be typed, so only the beginnings of marks and
  /// of compressed data require more bytes.
  static func bytesToWaitFor(_ bytes: [UInt8]) -> Int {
    guard let first = bytes.first else { return 1 }
    return [0, 0x1F, 0x28, 0xEF, 0xFE, 0xFF].contains(first) ? 4 : 1
  }
}

/// The layout of a text that begins like JSON.
enum JSONShape: Equatable {
  /// Not JSON.
  case none
  /// One object in each line.
  case lines
  /// A single array.
  case array
  /// Objects that span several lines.
  case spread

  /// - Parameters:
  ///   - bytes: the first bytes of a text in UTF-8, without a mark.
  ///   - isWhole: whether they are the whole text.
  init(_ bytes: ArraySlice<UInt8>, isWhole: Bool) {
    guard let first = bytes.first(where: { !$0.isWhiteSpace }),
      [UInt8(ascii: "{"), UInt8(ascii: "[")].contains(first)
    else {
      self = .none
      return
    }
    // Invalid UTF-8 is reported elsewhere.
    let text = Array(String(decoding: bytes.drop(while: \.isWhiteSpace), as: UTF8.self).utf8)[...]
    self = first == UInt8(ascii: "{") ? JSONShape(object: text) : JSONShape(array: text, isWhole: isWhole)
  }

  private init(object text: ArraySlice<UInt8>) {
    let firstLine = text.prefix { $0 != 0x0A && $0 != 0x0D }
    guard JSONShape.beginsWithKey(text) else {
      self = .none
      return
    }
    // If the object does not continue in the next line, it is a line of JSON, and the reader of the line reports its
    // error.
    guard let error = JSONShape.errorOffset(firstLine), error >= firstLine.count, firstLine.count < text.count
    else {
      self = .lines
      return
    }
    let second = firstLine.count + text.dropFirst(firstLine.count).prefix(while: \.isWhiteSpace).count
    self = JSONShape.errorOffset(text).map { $0 > second } ?? true ? .spread : .lines
  }

  private init(array text: ArraySlice<UInt8>, isWhole: Bool) {
    let inner = text.dropFirst().drop(while: \.isWhiteSpace)
    // Ordinary text may begin with a bracket too, so a string, an object or an array has to follow.
    guard let first = inner.first, [UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\"")].contains(first)
    else {
      self = .none
      return
    }
    let error = JSONShape.errorOffset(text)
    if error.map({ !isWhole && $0 >= text.count - 8 }) ?? true {
      self = .array
    } else if JSONShape.errorOffset(text.prefix { $0 != 0x0A && $0 != 0x0D }) == nil {
      self = .lines
    } else {
      self = first == UInt8(ascii: "{") && JSONShape.beginsWithKey(inner) ? .array : .none
    }
  }

  /// Whether a text begins with `{"key":` or is `{}`.
  private static func beginsWithKey(_ text: ArraySlice<UInt8>) -> Bool {
    let rest = text.dropFirst().drop(while: \.isWhiteSpace)
    guard rest.first == UInt8(ascii: "\"") else { return rest.first == UInt8(ascii: "}") }
    guard let quote = rest.dropFirst().firstIndex(of: UInt8(ascii: "\"")) else { return false }
    return rest[(quote + 1)...].drop(while: \.isWhiteSpace).first == UInt8(ascii: ":")
  }

  /// The offset of the first error if a text is not one JSON value; nil if it is one.
  private static func errorOffset(_ text: ArraySlice<UInt8>) -> Int? {
    do {
      try text.withUnsafeBytes { try JSONReader.read($0) { try $0.skip() } }
      return nil
    } catch let error as JSONSyntaxError {
      return error.offset
    } catch {
      return 0
    }
  }
}

extension UInt8 {
  /// ASCII's white space.
  var isWhiteSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
