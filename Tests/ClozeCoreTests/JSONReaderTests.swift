import ClozeCore
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

  @Test func nestingHasAnEnd() {
    let deep = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
    #expect(reason(deep(100)) { try $0.skip() } == "")
    #expect(reason(deep(101)) { try $0.skip() } == "is nested too deeply")
    #expect(reason(String(repeating: "{\"a\":", count: 5000)) { try $0.skip() } == "is nested too deeply")
  }
}
