/// The place where a text is not valid JSON, or not the expected JSON.
package struct JSONSyntaxError: Error {
  package let offset: Int
  package let reason: String
}

/// The characters and scalars of a JSON text: the strings and numbers that `JSONReader` builds values from.
struct JSONScanner {
  private let bytes: UnsafeBufferPointer<UInt8>
  private(set) var offset = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  var isAtEnd: Bool { offset == bytes.count }

  /// An error at the current offset.
  func failure(_ reason: String) -> JSONSyntaxError { JSONSyntaxError(offset: offset, reason: reason) }

  /// Passes the UTF-8 bytes of a string to `body`. A string without escapes is not copied.
  mutating func string<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) throws -> Value {
    guard take("\"") else { throw failure("has no string where one belongs") }
    let start = offset
    // The OR of all bytes; only a string with non-ASCII bytes is validated.
    var bits: UInt8 = 0
    while let byte = peek(), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") {
      guard byte >= 0x20 else { throw failure("has a control character in a string") }
      bits |= byte
      offset += 1
    }
    if take("\"") {
      let text = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[start..<offset - 1]))
      try requireUTF8(text, bits)
      return try body(text)
    }
    // The first escape: from here on the bytes are collected in a buffer.
    var gathered = Array(bytes[start..<offset])
    while let byte = peek() {
      offset += 1
      switch byte {
      case UInt8(ascii: "\""):
        return try gathered.withUnsafeBytes { text in
          try requireUTF8(text, bits)
          return try body(text)
        }
      case UInt8(ascii: "\\"): gathered += String(try escape()).utf8
      case ..<0x20: throw failure("has a control character in a string")
      default:
        bits |= byte
        gathered.append(byte)
      }
    }
    throw failure("has an open string")
  }

  /// Otherwise two different names could both be read with U+FFFD, as the same name.
  private func requireUTF8(_ text: UnsafeRawBufferPointer, _ bits: UInt8) throws {
    guard bits < 0x80 || String(validating: text, as: UTF8.self) != nil else {
      throw failure("has a string that is not UTF-8")
    }
  }

  /// A number as it is written.
  mutating func digits() throws -> String {
    let start = offset
    guard let digits = scanDigits() else { throw noValue(at: start) }
    return digits
  }

  /// An error at something that is not a value, such as `NaN`, which other programs write.
  func noValue(at start: Int) -> JSONSyntaxError {
    let word = bytes[start...].prefix(20).prefix { byte in
      Unicode.Scalar(byte).properties.isAlphabetic || (48...57).contains(byte)
        || JSONScanner.isNumberMark(byte)
    }
    let isWord = !word.isEmpty && word.allSatisfy { $0 < 0x80 }
    return JSONSyntaxError(
      offset: start,
      reason: isWord
        ? "has \(String(decoding: word, as: UTF8.self)), which is not JSON" : "has something that is no value"
    )
  }

  private mutating func escape() throws -> Unicode.Scalar {
    guard let byte = peek() else { throw failure("has an open string") }
    offset += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if 0xD800..<0xDC00 ~= code, take("\\"), take("u") {
        let low = try hexadecimal()
        guard 0xDC00..<0xE000 ~= low else { throw failure("has half a surrogate pair") }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw failure("has half a surrogate pair") }
      return scalar
    default: throw failure("has an unknown escape")
    }
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      // Swift's integer parser would accept a sign.
      guard let byte = peek(), let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw failure("has an escape without four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      offset += 1
    }
    return code
  }

  /// The characters of a number; nil if it is not a number of the standard. Swift's parsers also accept a leading plus,
  /// leading zeros, and a point without digits on one side.
  private mutating func scanDigits() -> String? {
    let start = offset
    _ = take("-")
    if !take("0") { guard run() else { return nil } }
    if take(".") { guard run() else { return nil } }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      guard run() else { return nil }
    }
    if let byte = peek(), (48...57).contains(byte) || JSONScanner.isNumberMark(byte) { return nil }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  /// Skips digits.
  /// - Returns: whether there was one.
  private mutating func run() -> Bool {
    let start = offset
    while let byte = peek(), (48...57).contains(byte) { offset += 1 }
    return offset > start
  }

  /// A whole number that is not negative.
  mutating func magnitude() throws -> UInt64 {
    let start = offset
    var number: UInt64 = 0
    while let byte = peek(), (48...57).contains(byte) {
      let (tens, overflowsTens) = number.multipliedReportingOverflow(by: 10)
      let (sum, overflows) = tens.addingReportingOverflow(UInt64(byte - 48))
      guard !overflowsTens, !overflows else { throw failure("has a number that is too large") }
      number = sum
      offset += 1
    }
    let hasLeadingZero = offset > start + 1 && bytes[start] == UInt8(ascii: "0")
    guard offset > start, !hasLeadingZero, peek().map({ !JSONScanner.isNumberMark($0) }) ?? true else {
      throw failure("has no whole number where one belongs")
    }
    return number
  }

  private static func isNumberMark(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): true
    default: false
    }
  }

  mutating func take(word: String) -> Bool {
    guard bytes[offset...].starts(with: word.utf8) else { return false }
    offset += word.utf8.count
    return true
  }

  @inline(__always)
  func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

  @inline(__always)
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  @inline(__always)
  mutating func skipSpace() {
    while let byte = peek(), byte == 32 || byte == 10 || byte == 13 || byte == 9 { offset += 1 }
  }
}
