import ClozeCore
import Foundation
import Testing

@Suite struct JSONReaderTests {
  private func read<Value>(_ text: String, _ body: (inout JSONReader) throws -> Value) throws -> Value {
    var text = text
    return try text.withUTF8 { try JSONReader.read(UnsafeRawBufferPointer($0), body) }
  }

  private func reason(_ text: String, _ body: (inout JSONReader) throws -> some Any) -> String {
    do {
      _ = try read(text, body)
      return ""
    } catch let error as JSONSyntaxError {
      return error.reason
    } catch {
      return "\(error)"
    }
  }

  @Test func valuesAsTheyAreAskedFor() throws {
    var found: [String] = []
    try read(#" {"a" : [1, -2 ,0], "b":{"c":null},"d\u0065": "x\n" , "e":true,"f":1.5e2} "#) { reader in
      try reader.object { reader, key in
        switch key {
        case "a": try reader.array { found.append("\(try $0.integer())") }
        case "de": found.append(try reader.string())
        case "e": found.append("\(try reader.boolean())")
        case "f": found.append("\(try reader.number())")
        default: try reader.skip()
        }
      }
    }
    #expect(found == ["1", "-2", "0", "x\n", "true", "150.0"])
  }

  @Test(arguments: ["9223372036854775807", "-9223372036854775807", "0"])
  func integers(text: String) throws {
    #expect(try read(text) { try $0.integer() } == Int(text))
  }

  @Test(arguments: [
    ("9223372036854775808", "is too large"), ("99999999999999999999", "is too large"),
    ("1.5", "no whole number"), ("1e3", "no whole number"), ("", "no whole number"), ("-", "no whole number"),
    ("--1", "no whole number"), ("\"1\"", "no whole number"), ("null", "no whole number"),
    ("1 2", "text after its end"),
  ])
  func numbersThatAreNoIntegers(text: String, complaint: String) {
    #expect(reason(text) { try $0.integer() }.contains(complaint))
  }

  @Test func unsignedIntegers() throws {
    #expect(try read(" 18446744073709551615") { try $0.unsignedInteger() } == .max)
    #expect(reason("18446744073709551616") { try $0.unsignedInteger() }.contains("is too large"))
    #expect(reason("-1") { try $0.unsignedInteger() }.contains("no whole number"))
  }

  @Test func digests() throws {
    let digest = Digest(of: "abc")
    #expect(Digest(hex: digest.hex) == digest)
    #expect(try read("\"\(digest.hex)\"") { try $0.digest() } == digest)
    for wrong in [digest.hex + "0", String(digest.hex.dropLast()), digest.hex.uppercased(), ""] {
      #expect(reason("\"\(wrong)\"") { try $0.digest() }.contains("no SHA-256 digest"))
    }
    // Each digit is looked at: the characters beside 0...9 and a...f in every place.
    for place in 0..<64 {
      for wrong in "/:`g" {
        var hex = Array(digest.hex)
        hex[place] = wrong
        #expect(Digest(hex: String(hex)) == nil)
      }
    }
  }

  @Test(arguments: ["", "{", "[1,]", "{\"a\":}", "nul", "\"\\q\"", "{} {}", "\"open", "{\"a\":1 \"b\":2}"])
  func brokenTextIsNotSkipped(text: String) {
    #expect(reason(text) { try $0.skip() } != "")
  }

  /// What Swift's own number parsers would take, and the standard does not.
  @Test(arguments: [
    "+1", "1.", ".5", "01", "-01", "00", "1.e2", "1e", "1e+", "-", "1.5.", "0x10", "inf", "nan",
  ])
  func numbersOfOtherLanguages(text: String) {
    #expect(reason(text) { try $0.number() } != "", "as a number")
    #expect(reason(text) { try $0.skip() } != "", "skipped")
    #expect(reason(text) { try $0.integer() } != "", "as an integer")
  }

  @Test(arguments: ["0", "-0", "10", "0.50", "-1.25e-3", "1E+2", "2e10"])
  func numbersOfTheStandard(text: String) throws {
    #expect(try read(text) { try $0.number() } == Double(text))
  }

  @Test(arguments: ["+041", "-041", " 041", "0x41", "004g", "00", "00é"])
  func escapesHaveFourDigits(digits: String) {
    #expect(reason("\"\\u\(digits)\"") { try $0.string() } == "has an escape without four hexadecimal digits")
  }

  @Test func escapesOfEitherCase() throws {
    #expect(try read(#""\u00e9\u00E9\ud83D\uDe42""#) { try $0.string() } == "éé🙂")
  }

  /// Before and after an escape, which are read by two loops.
  @Test(arguments: ["", "\\n"])
  func stringsHaveNoControlCharacters(before: String) throws {
    for scalar in (0..<0x20).map({ Unicode.Scalar(UInt8($0)) }) {
      let text = "\"\(before)a\(Character(scalar))\""
      #expect(reason(text) { try $0.string() } == "has a control character in a string")
      #expect(reason(text) { try $0.skip() } == "has a control character in a string")
    }
    #expect(try read("\"\(before)\u{20}\u{7F}\"") { try $0.string() }.hasSuffix("\u{20}\u{7F}"))
  }

  @Test(
    arguments: ["", "\\n"], [[0xFF], [0xC3], [0xE4, 0xBD], [0xC0, 0x80], [0xED, 0xA0, 0x80]] as [[UInt8]])
  func stringsAreUTF8(before: String, invalid: [UInt8]) throws {
    let text = Array("{\"\(before)é".utf8) + invalid + Array("\":1}".utf8)
    func reason(_ body: (inout JSONReader) throws -> Void) -> String? {
      do {
        try text.withUnsafeBytes { try JSONReader.read($0, body) }
        return nil
      } catch {
        return (error as? JSONSyntaxError)?.reason
      }
    }
    #expect(reason { try $0.skip() } == "has a string that is not UTF-8")
    #expect(reason { try $0.object { reader, _ in try reader.skip() } } == "has a string that is not UTF-8")
  }

  @Test func keysAreEqualInBytes() throws {
    func reason(_ text: String) -> String? {
      do {
        _ = try JSONValue(Array(text.utf8))
        return nil
      } catch {
        return (error as? JSONSyntaxError)?.reason
      }
    }
    #expect(reason(#"{"a":1,"b":{"a":1},"a":1}"#) == "has the key 'a' twice")
    #expect(reason(#"[{"b":{"a":1,"\u0061":2}}]"#) == "has the key 'a' twice")
    #expect(reason("{\"\u{E9}\":1,\"e\u{301}\":2}") == nil)
    #expect(try JSONValue(Array("{\"\u{E9}\":1,\"e\u{301}\":2}".utf8))["e\u{301}"]?.integer == 2)
  }

  @Test func nestingHasAnEnd() {
    let deep = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
    #expect(reason(deep(100)) { try $0.skip() } == "")
    #expect(reason(deep(101)) { try $0.skip() } == "is nested too deeply")
    #expect(reason(String(repeating: "{\"a\":", count: 5000)) { try $0.skip() } == "is nested too deeply")
  }

  private struct Nested: Codable, Equatable {
    var seed = UInt64.max
    var small = Int8(-7)
    var share = 0.1
    var flag = true
    var nothing: Int?
    var something: Int? = Int.min
    var bytes = Data([0, 255, 3])
    var texts = ["a", "\u{1F600}\n"]
    var counts = ["x": 1, "é": 2]
    var digest = Digest(of: "digest")
    var children: [Nested] = []
  }

  /// What Foundation writes is read to the same value, numbers that no `Double` holds too.
  @Test func decodableTypesAreRead() throws {
    var value = Nested()
    value.children = [Nested(), Nested(share: -1e-300)]
    #expect(try JSONValue.decode(Nested.self, from: JSONEncoder().encode(value)) == value)
  }

  /// What Foundation's decoder takes, and another program may read otherwise.
  @Test(arguments: [
    #"{"a":1,"a":2}"#, #"{"a":1.5}"#, #"{"a":"1"}"#, #"{"a":1} x"#, #"{"a":9223372036854775808}"#,
    #"{"b":1}"#,
    #"{"a":null}"#, "[1]", #"{"a":01}"#,
  ]) func decodingIsStrict(text: String) {
    struct Number: Decodable { let a: Int }
    #expect(throws: (any Error).self) { try JSONValue.decode(Number.self, from: Data(text.utf8)) }
  }
}
