package import Foundation

extension JSONValue {
  /// Reads a `Decodable` value from all of `data`, with the strict rules of `JSONReader`.
  /// - Throws: `JSONSyntaxError`, `DecodingError`
  package static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
    try data.withUnsafeBytes { try JSONReader.read($0) { try JSONValue(&$0) } }.decoded(type)
  }

  /// The JSON value as a `Decodable` value.
  /// - Throws: `DecodingError`
  package func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let value: Any? =
      switch type {
      case is Bool.Type: boolean
      case is String.Type: string
      case is Double.Type: number
      case is Data.Type: string.flatMap { Data(base64Encoded: $0) }
      case let type as any FixedWidthInteger.Type: integer(type)
      default: try Value(from: JSONValueDecoder(value: self))
      }
    guard let value = value as? Value else { throw JSONValueDecoder.mismatch("is no \(type)") }
    return value
  }
}

/// A `Decoder` for a JSON value. Each generic `decode` implements those that `Codable` lists by type.
private struct JSONValueDecoder: Decoder, SingleValueDecodingContainer {
  let value: JSONValue

  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  static func mismatch(_ reason: String) -> DecodingError {
    .dataCorrupted(.init(codingPath: [], debugDescription: reason))
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard case .object(let members) = value else { throw JSONValueDecoder.mismatch("is no object") }
    return KeyedDecodingContainer(Members(members: Dictionary(members) { first, _ in first }))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard case .array(let elements) = value else { throw JSONValueDecoder.mismatch("is no array") }
    return Elements(elements: elements)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { self }
  func decodeNil() -> Bool { value.isNull }
  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try value.decoded(type) }

  private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [String: JSONValue]

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { members.keys.compactMap { Key(stringValue: $0) } }

    private func decoder(_ key: some CodingKey) throws -> JSONValueDecoder {
      guard let value = members[key.stringValue] else { throw mismatch("lacks '\(key.stringValue)'") }
      return JSONValueDecoder(value: value)
    }

    func contains(_ key: Key) -> Bool { members[key.stringValue] != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try decoder(key).decodeNil() }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
      try decoder(key).decode(type)
    }
    func nestedContainer<Nested>(keyedBy type: Nested.Type, forKey key: Key) throws -> KeyedDecodingContainer<
      Nested
    > {
      try decoder(key).container(keyedBy: type)
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
      try decoder(key).unkeyedContainer()
    }
    func superDecoder() throws -> any Decoder { throw mismatch("has no class") }
    func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
  }

  private struct Elements: UnkeyedDecodingContainer {
    let elements: [JSONValue]
    var currentIndex = 0

    var codingPath: [any CodingKey] { [] }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex == elements.count }

    private mutating func next() throws -> JSONValueDecoder {
      guard !isAtEnd else { throw mismatch("ends too soon") }
      defer { currentIndex += 1 }
      return JSONValueDecoder(value: elements[currentIndex])
    }

    mutating func decodeNil() throws -> Bool {
      guard !isAtEnd, elements[currentIndex].isNull else { return false }
      currentIndex += 1
      return true
    }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next().decode(type) }
    mutating func nestedContainer<Key>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
      try next().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
      try next().unkeyedContainer()
    }
    mutating func superDecoder() throws -> any Decoder { try next() }
  }
}
