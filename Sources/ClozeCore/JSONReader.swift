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

  private var scanner: JSONScanner
  private var depth = 0

  /// Reads all of `bytes` as one value, with `body`.
  /// - Throws: `JSONSyntaxError`, and what `body` throws.
  package static func read<Value>(
    _ bytes: UnsafeRawBufferPointer, _ body: (inout JSONReader) throws -> Value
  ) throws -> Value {
    var reader = JSONReader(bytes: bytes.bindMemory(to: UInt8.self))
    let value = try body(&reader)
    reader.scanner.skipSpace()
    guard reader.scanner.isAtEnd else { throw reader.failure("has text after its end") }
    return value
  }

  private init(bytes: UnsafeBufferPointer<UInt8>) { scanner = JSONScanner(bytes) }

  /// An error at the current offset.
  package func failure(_ reason: String) -> JSONSyntaxError { scanner.failure(reason) }

  /// The kind of the next value.
  package mutating func kind() throws -> Kind {
    scanner.skipSpace()
    guard let byte = scanner.peek() else { throw failure("ends too soon") }
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
    if !scanner.take("}") {
      repeat {
        scanner.skipSpace()
        guard scanner.peek() == UInt8(ascii: "\"") else { throw failure("lacks a key") }
        let key = try string()
        scanner.skipSpace()
        guard scanner.take(":") else { throw failure("lacks a colon") }
        try member(&self, key)
        scanner.skipSpace()
      } while scanner.take(",")
      guard scanner.take("}") else { throw failure("lacks a comma or a closing brace") }
    }
    depth -= 1
  }

  /// Reads an array; `element` reads each of its values.
  package mutating func array(_ element: (inout JSONReader) throws -> Void) throws {
    try enter("[", "array")
    if !scanner.take("]") {
      repeat {
        try element(&self)
        scanner.skipSpace()
      } while scanner.take(",")
      guard scanner.take("]") else { throw failure("lacks a comma or a closing bracket") }
    }
    depth -= 1
  }

  package mutating func string() throws -> String {
    try string { String(decoding: $0, as: UTF8.self) }
  }

  /// Passes the UTF-8 bytes of a string to `body`. A string without escapes is not copied.
  package mutating func string<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) throws -> Value {
    scanner.skipSpace()
    return try scanner.string(body)
  }

  package mutating func number() throws -> Double {
    let start = scanner.offset
    guard let number = Double(try digits()) else { throw scanner.noValue(at: start) }
    return number
  }

  /// A number as it is written.
  mutating func digits() throws -> String {
    scanner.skipSpace()
    return try scanner.digits()
  }

  /// A whole number, written without a fraction or an exponent.
  package mutating func integer() throws -> Int {
    scanner.skipSpace()
    let isNegative = scanner.take("-")
    let magnitude = UInt(try scanner.magnitude())
    guard magnitude <= Int.max.magnitude + (isNegative ? 1 : 0) else {
      throw failure("has a number that is too large")
    }
    return Int(truncatingIfNeeded: isNegative ? 0 &- magnitude : magnitude)
  }

  /// A whole number that is not negative, written without a fraction or an exponent.
  package mutating func unsignedInteger() throws -> UInt64 {
    scanner.skipSpace()
    return try scanner.magnitude()
  }

  /// A digest as hexadecimal digits.
  package mutating func digest() throws -> Digest {
    guard let digest = try string({ Digest(digits: $0) }) else {
      throw failure("has no SHA-256 digest of 64 hexadecimal digits")
    }
    return digest
  }

  package mutating func boolean() throws -> Bool {
    scanner.skipSpace()
    if scanner.take(word: "true") { return true }
    if scanner.take(word: "false") { return false }
    throw scanner.noValue(at: scanner.offset)
  }

  package mutating func null() throws {
    scanner.skipSpace()
    guard scanner.take(word: "null") else { throw scanner.noValue(at: scanner.offset) }
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
    scanner.skipSpace()
    guard scanner.take(opening) else { throw failure("has no \(name) where one belongs") }
    depth += 1
    guard depth <= JSONReader.deepestNesting else { throw failure("is nested too deeply") }
    scanner.skipSpace()
  }
}
