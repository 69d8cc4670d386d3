/// The place where a text is not valid JSON, or not the expected JSON.
package struct JSONSyntaxError: Error {
  package let offset: Int
  package let reason: String
}

/// A pull parser for JSON in UTF-8: the caller requests each value, and nothing else is built. So an index of megabytes
/// is read as fast as its bytes.
///
/// It is as strict as the standard, and refuses whatever other readers might refuse or read differently.
///
/// Source: RFC 8259, "The JavaScript Object Notation (JSON) Data Interchange Format".
package struct JSONReader {
  package enum Kind: Sendable { case null, boolean, number, string, array, object }

  /// The deepest nesting, more than any file of Cloze has and less than the stack allows.
  private static let deepestNesting = 100

  private let bytes: UnsafeBufferPointer<UInt8>
  private var offset = 0
  private var depth = 0

  /// Reads all of `bytes` as one value, with `body`.
  /// - Throws: `JSONSyntaxError`, and what `body` throws.
  package static func read<Value>(
    _ bytes: UnsafeRawBufferPointer, _ body: (inout JSONReader) throws -> Value
  ) throws -> Value {
    var reader = JSONReader(bytes: bytes.bindMemory(to: UInt8.self))
    let value = try body(&reader)
    reader.skipSpace()
    guard reader.offset == bytes.count else { throw reader.failure("has text after its end") }
    return value
  }

  private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// An error at the current offset.
  package func failure(_ reason: String) -> JSONSyntaxError {
    JSONSyntaxError(offset: offset, reason: reason)
  }

  /// The kind of the next value.
  package mutating func kind() throws -> Kind {
    skipSpace()
    guard let byte = peek() else { throw failure("ends too soon") }
    switch byte {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
    case UInt8(ascii: "n"): return .null
    default: return .number
    }
  }

  /// Reads an object; `member` reads the value of each key.
  package mutating func object(_ member: (inout JSONReader, _ key: String) throws -> Void) throws {
    try enter("{", "object")
    if !take("}") {
      repeat {
        skipSpace()
        guard peek() == UInt8(ascii: "\"") else { throw failure("lacks a key") }
        let key = try string()
        skipSpace()
        guard take(":") else { throw failure("lacks a colon") }
        try member(&self, key)
        skipSpace()
      } while take(",")
      guard take("}") else { throw failure("lacks a comma or a closing brace") }
    }
    depth -= 1
  }

  /// Reads an array; `element` reads each of its values.
  package mutating func array(_ element: (inout JSONReader) throws -> Void) throws {
    try enter("[", "array")
    if !take("]") {
      repeat {
        try element(&self)
        skipSpace()
      } while take(",")
      guard take("]") else { throw failure("lacks a comma or a closing bracket") }
    }
    depth -= 1
  }

  package mutating func string() throws -> String {
    try string { String(decoding: $0, as: UTF8.self) }
  }

  /// Passes the UTF-8 bytes of a string to `body`. A string without escapes is not copied.
  package mutating func string<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) throws -> Value {
    skipSpace()
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

  package mutating func number() throws -> Double {
    let start = offset
    guard let number = Double(try digits()) else { throw noValue(at: start) }
    return number
  }

  /// A number as it is written.
  mutating func digits() throws -> String {
    skipSpace()
    let start = offset
    guard let digits = scanDigits() else { throw noValue(at: start) }
    return digits
  }

  /// An error at something that is not a value, such as `NaN`, which other programs write.
  private func noValue(at start: Int) -> JSONSyntaxError {
    let word = bytes[start...].prefix(20).prefix { byte in
      Unicode.Scalar(byte).properties.isAlphabetic || (48...57).contains(byte)
        || JSONReader.isNumberMark(byte)
    }
    let isWord = !word.isEmpty && word.allSatisfy { $0 < 0x80 }
    return JSONSyntaxError(
      offset: start,
      reason: isWord
        ? "has \(String(decoding: word, as: UTF8.self)), which is not JSON" : "has something that is no value"
    )
  }

  /// A whole number, written without a fraction or an exponent.
  package mutating func integer() throws -> Int {
    skipSpace()
    let isNegative = take("-")
    let magnitude = UInt(try magnitude())
    guard magnitude <= Int.max.magnitude + (isNegative ? 1 : 0) else {
      throw failure("has a number that is too large")
    }
    return Int(truncatingIfNeeded: isNegative ? 0 &- magnitude : magnitude)
  }

  /// A whole number that is not negative, written without a fraction or an exponent.
  package mutating func unsignedInteger() throws -> UInt64 {
    skipSpace()
    return try magnitude()
  }

  /// A digest as hexadecimal digits.
  package mutating func digest() throws -> Digest {
    guard let digest = try string({ Digest(digits: $0) }) else {
      throw failure("has no SHA-256 digest of 64 hexadecimal digits")
    }
    return digest
  }

  package mutating func boolean() throws -> Bool {
    skipSpace()
    if take(word: "true") { return true }
    if take(word: "false") { return false }
    throw noValue(at: offset)
  }

  package mutating func null() throws {
    skipSpace()
    guard take(word: "null") else { throw noValue(at: offset) }
  }

  /// Skips the next value.
  package mutating func skip() throws {
    switch try kind() {
    case .null: try null()
    case .boolean: _ = try boolean()
    case .number: _ = try number()
    case .string: try string { _ in }
    case .array: try array { try $0.skip() }
    case .object: try object { reader, _ in try reader.skip() }
    }
  }

  private mutating func enter(_ opening: Unicode.Scalar, _ name: String) throws {
    skipSpace()
    guard take(opening) else { throw failure("has no \(name) where one belongs") }
    depth += 1
    guard depth <= JSONReader.deepestNesting else { throw failure("is nested too deeply") }
    skipSpace()
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
    if let byte = peek(), (48...57).contains(byte) || JSONReader.isNumberMark(byte) { return nil }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  /// Skips digits.
  /// - Returns: whether there was one.
  private mutating func run() -> Bool {
    let start = offset
    while let byte = peek(), (48...57).contains(byte) { offset += 1 }
    return offset > start
  }

  private mutating func magnitude() throws -> UInt64 {
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
    guard offset > start, !hasLeadingZero, peek().map({ !JSONReader.isNumberMark($0) }) ?? true else {
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

  private mutating func take(word: String) -> Bool {
    guard bytes[offset...].starts(with: word.utf8) else { return false }
    offset += word.utf8.count
    return true
  }

  @inline(__always)
  private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

  @inline(__always)
  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  @inline(__always)
  private mutating func skipSpace() {
    while let byte = peek(), byte == 32 || byte == 10 || byte == 13 || byte == 9 { offset += 1 }
  }
}
