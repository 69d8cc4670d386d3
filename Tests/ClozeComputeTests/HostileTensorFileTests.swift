import ClozeCompute
import ClozeTestSupport
import Foundation
import Testing

/// One test for each lie that a safetensors file can tell. Each is refused with the file's path and a reason.
@Suite struct HostileTensorFileTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  /// A file of the given header and `bodyBytes` zeros; `length` is what it claims the header's to be.
  private func write(_ header: String, bodyBytes: Int = 0, length: UInt64? = nil) throws -> URL {
    var data = Data()
    withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian) { data.append(contentsOf: $0) }
    data.append(contentsOf: header.utf8)
    data.append(Data(count: bodyBytes))
    let url = folder.file("x.safetensors")
    try data.write(to: url)
    return url
  }

  private func expectRefused(_ url: URL, _ reason: String, sourceLocation: SourceLocation = #_sourceLocation)
  {
    let message = failureMessage { _ = try TensorFile(url) }
    #expect(message.hasPrefix(url.path + ": "), "\(message)", sourceLocation: sourceLocation)
    #expect(message.contains(reason), "\(message)", sourceLocation: sourceLocation)
  }

  /// The fields of a tensor of `count` F32 numbers.
  private func fields(_ count: Int, _ start: Int, _ end: Int) -> String {
    #"{"dtype":"F32","shape":[\#(count)],"data_offsets":[\#(start),\#(end)]}"#
  }

  @Test func wholeFileIsRead() throws {
    let url = try write(
      #"{"__metadata__":{"a:\"}{":"\\"},"b":\#(fields(2, 0, 8)),"a":\#(fields(1, 8, 12))}"#, bodyBytes: 12)
    #expect(try TensorFile(url).floats("b") == [0, 0])
  }

  @Test(arguments: 0..<8)
  func shorterThanTheLength(bytes: Int) throws {
    let url = folder.file("short")
    try Data(count: bytes).write(to: url)
    expectRefused(url, "cut off")
  }

  /// Cut anywhere, a file is refused.
  @Test func truncatedAnywhere() throws {
    let whole = try Data(contentsOf: try write(#"{"a":\#(fields(4, 0, 16))}"#, bodyBytes: 16))
    for count in 8..<whole.count {
      try whole.prefix(count).write(to: folder.file("cut"))
      expectRefused(folder.file("cut"), "cut off")
    }
  }

  @Test(
    arguments: [
      (60, "cut off"), (99_999_999, "cut off"), (100_000_001, "claims 100000001 bytes"),
      (UInt64(Int64.max), "claims"), (.max, "claims"),
    ] as [(UInt64, String)])
  func headerLengthBeyondTheFile(length: UInt64, reason: String) throws {
    expectRefused(try write("{}", length: length), reason)
  }

  @Test(arguments: [
    "", " ", "{", "nonsense", "[]", "[1]", "3", "null", "\"a\"", "\u{0}\u{0}",
  ])
  func headerIsNotAnObject(header: String) throws {
    expectRefused(try write(header), "is not a safetensors file (its header ")
  }

  @Test func headerIsNotText() throws {
    let url = folder.file("x.safetensors")
    try (Data([2, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFE])).write(to: url)
    expectRefused(url, "is not a safetensors file (its header ")
  }

  /// Nested beyond what a recursive reader survives.
  @Test(arguments: [1_000, 1_000_000])
  func deeplyNestedHeader(depth: Int) throws {
    expectRefused(
      try write(String(repeating: "[", count: depth) + String(repeating: "]", count: depth)),
      "is not a safetensors file (its header ")
    let objects = String(repeating: "{\"a\":", count: depth) + "1" + String(repeating: "}", count: depth)
    expectRefused(try write(objects), "'a' has a description that is nested too deeply")
  }

  @Test(arguments: [
    #"{"shape":[1],"data_offsets":[0,4]}"#, #"{"dtype":"F32","data_offsets":[0,4]}"#,
    #"{"dtype":"F32","shape":[1]}"#, #"{"dtype":"F32","shape":[1],"data_offsets":[0]}"#,
    #"{"dtype":"F32","shape":[1],"data_offsets":[0,2,4]}"#,
  ])
  func missingFields(tensor: String) throws {
    expectRefused(try write(#"{"a":\#(tensor)}"#, bodyBytes: 4), "'a' lacks dtype, shape or data_offsets")
  }

  @Test(arguments: [
    #"{"dtype":1,"shape":[1],"data_offsets":[0,4]}"#,
    #"{"dtype":"F32","shape":1,"data_offsets":[0,4]}"#,
    #"{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}"#,
    #"{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}"#,
    #"{"dtype":"F32","shape":[1],"data_offsets":{}}"#,
    #"{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}"#, "1", "null", "[]", "",
  ])
  func fieldsOfAnotherType(tensor: String) throws {
    expectRefused(try write(#"{"a":\#(tensor)}"#, bodyBytes: 4), "'a' has a description that has ")
  }

  @Test(arguments: ["F31", "f32", "", "COMPLEX"])
  func unknownType(type: String) throws {
    let url = try write(#"{"a":{"dtype":"\#(type)","shape":[1],"data_offsets":[0,4]}}"#, bodyBytes: 4)
    expectRefused(url, "'a' is \(type)")
  }

  @Test(arguments: [[-1], [2, -2], [-1, -1], [Int.max], [Int.max, 4], [1 << 31, 1 << 31, 4]])
  func impossibleShape(shape: [Int]) throws {
    let url = try write(#"{"a":{"dtype":"F32","shape":\#(shape),"data_offsets":[0,4]}}"#, bodyBytes: 4)
    expectRefused(url, "impossible shape")
  }

  @Test(arguments: [(-4, 0), (4, 0), (0, 3), (0, 8), (0, Int.max), (Int.min, Int.max), (Int.max, Int.min)])
  func offsetsThatDoNotFitTheShape(start: Int, end: Int) throws {
    expectRefused(try write(#"{"a":\#(fields(1, start, end))}"#, bodyBytes: 8), "claims the bytes")
  }

  @Test func offsetsBeyondTheFile() throws {
    expectRefused(try write(#"{"a":\#(fields(3, 0, 12))}"#, bodyBytes: 8), "cut off")
    expectRefused(try write(#"{"a":\#(fields(1, Int.max - 4, Int.max))}"#, bodyBytes: 8), "begins at byte")
  }

  @Test(arguments: [(0, 4), (4, 8)])
  func overlappingTensors(start: Int, end: Int) throws {
    let header = #"{"a":\#(fields(2, 0, 8)),"b":\#(fields(1, start, end))}"#
    expectRefused(try write(header, bodyBytes: 8), "begins at byte")
  }

  @Test func gapBetweenTensors() throws {
    let header = #"{"a":\#(fields(1, 0, 4)),"b":\#(fields(1, 8, 12))}"#
    expectRefused(try write(header, bodyBytes: 12), "'b' begins at byte 8 where 4 is expected")
    expectRefused(try write(#"{"a":\#(fields(1, 4, 8))}"#, bodyBytes: 8), "'a' begins at byte 4")
  }

  @Test(arguments: [1, 4, 100])
  func bytesAfterTheLastTensor(count: Int) throws {
    expectRefused(try write(#"{"a":\#(fields(1, 0, 4))}"#, bodyBytes: 4 + count), "\(count) bytes follow")
  }

  /// Other readers keep one of two equal keys, and not all the same one.
  @Test func keyTwice() throws {
    let (a, b) = (fields(1, 0, 4), fields(1, 4, 8))
    for header in [
      #"{"a":\#(a),"a":\#(b)}"#, #"{"a":\#(a),"a":\#(a)}"#, #"{"a":\#(a),"\u0061":\#(a)}"#,
      #"{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}"#,
      #"{"__metadata__":{"k":"1","k":"2"},"a":\#(a)}"#,
    ] {
      expectRefused(try write(header, bodyBytes: 4), "twice, the second at byte")
    }
  }

  @Test(arguments: ["1", "[]", "{\"a\":1}", "{\"a\":{}}", "null"])
  func metadataIsNotText(metadata: String) throws {
    expectRefused(try write(#"{"__metadata__":\#(metadata)}"#), "__metadata__")
  }

  /// An empty tensor may lie anywhere between two others.
  @Test(arguments: ["0", "a", "z"], [0, 4, 8])
  func emptyTensor(name: String, offset: Int) throws {
    let header =
      #"{"b":\#(fields(1, 0, 4)),"c":\#(fields(1, 4, 8)),"\#(name)":\#(fields(0, offset, offset))}"#
    #expect(try TensorFile(try write(header, bodyBytes: 8)).floats(name).isEmpty)
  }

  @Test func askingForTheWrongTensor() throws {
    let half = #"{"dtype":"I16","shape":[2],"data_offsets":[4,8]}"#
    let url = try write(#"{"a":\#(fields(1, 0, 4)),"h":\#(half)}"#, bodyBytes: 8)
    let file = try TensorFile(url)
    #expect(failureMessage { _ = try file.floats("b") }.contains("has no tensor 'b'"))
    #expect(failureMessage { _ = try file.floats("h") }.contains("'h' is I16"))
    #expect(failureMessage { _ = try file.integers("a") }.contains("'a' is F32"))
    #expect(failureMessage { try file.check("a", shape: [2]) }.contains("has shape [1], the model needs [2]"))
    #expect(
      failureMessage { try file.check("a", shape: [1, 1]) }.contains("has shape [1], the model needs [1, 1]"))
  }

  @Test func notAFile() {
    expectRefused(folder.file("none"), "does not exist")
    expectRefused(folder.url, "is a directory")
  }
}
