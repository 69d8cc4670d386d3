/// A JSON value that keeps what Foundation's readers lose: the order of the keys, and keys that differ in bytes but
/// not in meaning. A vocabulary may hold "é" in both its spellings, and a Swift dictionary would take them for one.
enum JSONValue {
  case null
  case boolean(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([(key: String, value: JSONValue)])

  /// The value of `key`, nil where there is none or where this is no object.
  subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  var string: String? { if case .string(let value) = self { value } else { nil } }
  var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
  var integer: Int? { if case .number(let value) = self { Int(exactly: value) } else { nil } }
  var isNull: Bool { if case .null = self { true } else { false } }

  /// `text` as a JSON string with its quotes.
  static func quote(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case ..<" ":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

/// Where a text stops being JSON.
struct JSONSyntaxError: Error {
  let offset: Int
  let reason: String
}

/// Reads one JSON value from UTF-8.
///
/// Source: RFC 8259, "The JavaScript Object Notation (JSON) Data Interchange Format".
struct JSONReader {
  /// Deeper nesting than any tokenizer file has, and less than the stack bears.
  private static let deepestNesting = 100

  private let bytes: [UInt8]
  private var offset = 0

  /// - Throws: `JSONSyntaxError`
  static func read(_ bytes: [UInt8]) throws -> JSONValue {
    var reader = JSONReader(bytes: bytes)
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.offset == bytes.count else { throw reader.failure("has text after its end") }
    return value
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func value(depth: Int) throws -> JSONValue {
    guard depth < JSONReader.deepestNesting else { throw failure("is nested too deeply") }
    skipSpace()
    guard let byte = peek() else { throw failure("ends too soon") }
    switch byte {
    case UInt8(ascii: "{"): return .object(try object(depth: depth))
    case UInt8(ascii: "["): return .array(try array(depth: depth))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .boolean(true))
    case UInt8(ascii: "f"): return try literal("false", .boolean(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    default: return .number(try number())
    }
  }

  private mutating func object(depth: Int) throws -> [(key: String, value: JSONValue)] {
    var members: [(key: String, value: JSONValue)] = []
    offset += 1
    skipSpace()
    if take("}") { return members }
    repeat {
      skipSpace()
      guard peek() == UInt8(ascii: "\"") else { throw failure("lacks a key") }
      let key = try string()
      skipSpace()
      guard take(":") else { throw failure("lacks a colon") }
      members.append((key, try value(depth: depth + 1)))
      skipSpace()
    } while take(",")
    guard take("}") else { throw failure("lacks a comma or a closing brace") }
    return members
  }

  private mutating func array(depth: Int) throws -> [JSONValue] {
    var elements: [JSONValue] = []
    offset += 1
    skipSpace()
    if take("]") { return elements }
    repeat {
      elements.append(try value(depth: depth + 1))
      skipSpace()
    } while take(",")
    guard take("]") else { throw failure("lacks a comma or a closing bracket") }
    return elements
  }

  private mutating func string() throws -> String {
    offset += 1
    let start = offset
    while let byte = peek(), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { offset += 1 }
    if take("\"") { return String(decoding: bytes[start..<offset - 1], as: UTF8.self) }
    // The first escape: from here on the bytes are gathered.
    var gathered = Array(bytes[start..<offset])
    while let byte = peek() {
      offset += 1
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: gathered, as: UTF8.self)
      case UInt8(ascii: "\\"): gathered += String(try escape()).utf8
      default: gathered.append(byte)
      }
    }
    throw failure("has an open string")
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
    guard offset + 4 <= bytes.count,
      let code = UInt32(String(decoding: bytes[offset..<offset + 4], as: UTF8.self), radix: 16)
    else { throw failure("has an escape without four hexadecimal digits") }
    offset += 4
    return code
  }

  private mutating func number() throws -> Double {
    let start = offset
    while let byte = peek(), (48...57).contains(byte) || "+-.eE".utf8.contains(byte) { offset += 1 }
    guard let number = Double(String(decoding: bytes[start..<offset], as: UTF8.self)) else {
      throw failure("has something that is no value")
    }
    return number
  }

  private mutating func literal(_ text: String, _ value: JSONValue) throws -> JSONValue {
    guard bytes[offset...].starts(with: text.utf8) else { throw failure("has something that is no value") }
    offset += text.utf8.count
    return value
  }

  private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = peek(), byte == 32 || byte == 10 || byte == 13 || byte == 9 { offset += 1 }
  }

  private func failure(_ reason: String) -> JSONSyntaxError {
    JSONSyntaxError(offset: offset, reason: reason)
  }
}
