/// A JSON value that keeps the order of keys, and keys that differ only in their Unicode spelling. A vocabulary may
/// contain "é" in two spellings, which are equal as keys of a Swift dictionary.
///
/// A key that occurs twice in an object, byte for byte, is refused, since readers differ in which value they keep.
package enum JSONValue {
  case null
  case boolean(Bool)
  /// As it is written, so that no digit of a large whole number is lost.
  case number(String)
  case string(String)
  case array([JSONValue])
  case object([(key: String, value: JSONValue)])

  /// The value of `key`; nil if there is none or this is not an object.
  package subscript(key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  package var string: String? { if case .string(let value) = self { value } else { nil } }
  package var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
  package var number: Double? { if case .number(let digits) = self { Double(digits) } else { nil } }
  package var integer: Int? { integer(Int.self) }
  package var elements: [JSONValue]? { if case .array(let elements) = self { elements } else { nil } }
  package var members: [(key: String, value: JSONValue)]? {
    if case .object(let members) = self { members } else { nil }
  }

  /// A whole number that fits the type, however it is written.
  func integer<Value: FixedWidthInteger>(_: Value.Type) -> Value? {
    guard case .number(let digits) = self else { return nil }
    return Value(digits) ?? Double(digits).flatMap { Value(exactly: $0) }
  }
  package var isNull: Bool { if case .null = self { true } else { false } }

  /// `text` as a JSON string with quotes.
  package static func quote(_ text: String) -> String {
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

extension JSONValue {
  /// - Throws: `JSONSyntaxError`
  package init(_ bytes: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { try JSONReader.read($0) { try JSONValue(&$0) } }
  }

  /// Reads the next value.
  /// - Throws: `JSONSyntaxError`
  package init(_ reader: inout JSONReader) throws {
    switch try reader.kind() {
    case .null:
      try reader.null()
      self = .null
    case .boolean: self = .boolean(try reader.boolean())
    case .number: self = .number(try reader.digits())
    case .string: self = .string(try reader.string())
    case .array:
      var elements: [JSONValue] = []
      try reader.array { elements.append(try JSONValue(&$0)) }
      self = .array(elements)
    case .object:
      var members: [(key: String, value: JSONValue)] = []
      var keys: Set<[UInt8]> = []
      try reader.object { reader, key in
        guard keys.insert(Array(key.utf8)).inserted else {
          throw reader.failure("has the key '\(key)' twice")
        }
        members.append((key, try JSONValue(&reader)))
      }
      self = .object(members)
    }
  }
}
