import ClozeCore
import ClozeData
import ClozeTestSupport
import Foundation
import Testing

@Suite struct CorpusReaderTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(_ inputs: [String], _ change: (inout CorpusFormat) -> Void = { _ in }) throws
    -> [Document]
  {
    var format = CorpusFormat()
    change(&format)
    let reader = CorpusReader(try CorpusInputs(inputs), format: format)
    var documents: [Document] = []
    while let document = try reader.next() { documents.append(document) }
    return documents
  }

  private func texts(_ name: String, _ change: (inout CorpusFormat) -> Void = { _ in }) throws -> [String] {
    try read([folder.file(name).path], change).map { String(decoding: $0.text, as: UTF8.self) }
  }

  private func complaint(_ name: String, _ change: (inout CorpusFormat) -> Void = { _ in }) -> String {
    failureMessage { _ = try texts(name, change) }
  }

  @Test(arguments: [
    (DocumentBoundary.lines, ["one", "two", "three", "four"]),
    (.paragraphs, ["one\ntwo", "three\nfour"]),
    (.files, ["one\ntwo\n \t\n\nthree\nfour"]),
  ])
  func documentsHaveTheirBoundaries(boundary: DocumentBoundary, expected: [String]) throws {
    try folder.write("\u{FEFF}\n one\ntwo\n \t\r\n\nthree\r\nfour", to: "a.txt")
    #expect(try texts("a.txt") { $0.boundary = boundary } == expected)
    try folder.write("\n one\ntwo\n \t\r\n\nthree\r\nfour\n\n", to: "b.txt")
    #expect(try texts("b.txt") { $0.boundary = boundary } == expected)
  }

  /// White space beyond ASCII, too, makes a line blank; a letter with the same first byte does not.
  @Test(arguments: [
    ("\u{3000}", true), (" \u{A0}\t", true), ("\u{2028}", true), ("\u{3042}", false), ("\u{E9}", false),
  ])
  func blankLines(line: String, isBlank: Bool) throws {
    try folder.write("one\n\(line)\ntwo", to: "a.txt")
    #expect(try texts("a.txt") == (isBlank ? ["one", "two"] : ["one\n\(line)\ntwo"]))
  }

  /// Letters that iconv holds back, since a mark may follow them.
  @Test(arguments: [("windows-1258", "o day a"), ("windows-1255", "\u{5D0}\u{5D1}")])
  func theLastLetterOfATextIsThere(encoding: String, text: String) throws {
    try Python.run(
      "import sys; open(sys.argv[1], 'wb').write(sys.argv[2].encode(sys.argv[3]))", "a.txt", text, encoding,
      in: folder)
    #expect(try texts("a.txt") { $0.encoding = TextEncoding(encoding) } == [text])
  }

  /// Zeros after a gzip member, as tapes have.
  @Test func zerosAfterGzip() throws {
    try Python.run(
      "import gzip; open('a.gz', 'wb').write(gzip.compress(b'one\\n\\n') + gzip.compress(b'two') + bytes(512))",
      in: folder)
    #expect(try texts("a.gz") == ["one", "two"])
  }

  @Test func jsonLines() throws {
    try folder.write(
      "{\"text\":\"a\\n\\nb \\u00e9\",\"id\":1}\n\n{\"text\":\"  \"}\r\n{\"id\":2,\"text\":\"c\"}",
      to: "a.jsonl")
    // An empty one is counted by its reader, as it has no tokens.
    #expect(try texts("a.jsonl") == ["a\n\nb é", "", "c"])
    try folder.write("{\"body\":\"x\"}\n", to: "b.jsonl")
    #expect(try texts("b.jsonl") { $0.field = "body" } == ["x"])
  }

  @Test(arguments: [
    ("[1]", "is not a JSON object but an array"), ("3", "is not a JSON object but a number"),
    ("null", "is not a JSON object but null"), ("{", "lacks a key, at column 2"),
    ("nothing", "has nothing, which is not JSON, at column 1"),
    (#"{"text":"我","score":NaN}"#, "has NaN, which is not JSON, at column 21"),
    (#"{"text":"a","score": -Infinity}"#, "has -Infinity, which is not JSON, at column 22"),
    (#"{"text":"a","done":True}"#, "has True, which is not JSON, at column 20"),
    (#"{"text":"a","id":01}"#, "has 01, which is not JSON, at column 18"),
    (#"{"text":'a'}"#, "has something that is no value, at column 9"),
    (#"{"text":"a",}"#, "lacks a key, at column 13"),
  ])
  func aLineThatIsNoObject(line: String, reason: String) throws {
    try folder.write("{\"text\":\"a\"}\n\(line)\n", to: "a.jsonl")
    #expect(complaint("a.jsonl").contains("a.jsonl:2: \(reason); "), "\(complaint("a.jsonl"))")
  }

  @Test(arguments: ["{}", "{\"text\":3}", "{\"text\":null}", "{\"Text\":\"a\"}"])
  func aLineWithoutTheField(line: String) throws {
    try folder.write("{\"text\":\"a\"}\n\n\(line)\n", to: "a.jsonl")
    #expect(complaint("a.jsonl").contains("a.jsonl:3: has no text in the field 'text'"))
  }

  @Test(arguments: [
    #"{"text":"a","text":"b"}"#, #"{"text":3,"text":"b"}"#, #"{"text":"a","id":1,"\u0074ext":null}"#,
  ])
  func aLineWithTheFieldTwice(line: String) throws {
    try folder.write("{\"text\":\"a\"}\n\(line)\n", to: "a.jsonl")
    #expect(complaint("a.jsonl").contains("a.jsonl:2: has the field 'text' twice; keep one"))
  }

  /// The field of an object within is another one.
  @Test func whatStandsBesideTheFieldIsSkipped() throws {
    try folder.write(
      #"{"meta":{"text":"x","n":[1,-2.5e3,true,null]},"text":"a","list":[{"text":3}]}"#, to: "a.jsonl")
    #expect(try texts("a.jsonl") == ["a"])
  }

  @Test func foldersAreSortedAndRecursive() throws {
    for name in ["b/2.txt", "b/10.txt", "a.txt", "c.jsonl", "skipped.png", ".hidden/x.txt", "b/.y.txt"] {
      try folder.write(name.hasSuffix("jsonl") ? "{\"text\":\"\(name)\"}" : name, to: name)
    }
    let found = try read([folder.url.path]).map { String(decoding: $0.text, as: UTF8.self) }
    #expect(found == ["a.txt", "b/10.txt", "b/2.txt", "c.jsonl"])
    let matched = try read([folder.url.path + "/b/*.txt", folder.file("a.txt").path])
    #expect(matched.map { String(decoding: $0.text, as: UTF8.self) } == ["b/10.txt", "b/2.txt", "a.txt"])
  }

  @Test func inputsThatAreNone() throws {
    #expect(complaint("none.txt").contains("none.txt: does not exist"))
    #expect(complaint("*.none").contains("no file has such a name"))
    try FileManager.default.createDirectory(at: folder.file("empty"), withIntermediateDirectories: false)
    #expect(complaint("empty").contains("empty: holds no .txt"))
  }

  @Test func compressedFiles() throws {
    let text = (0..<40_000).map { "line \($0 * 7919 % 10_007)\n\n" }.joined()
    try folder.write(text, to: "a.txt")
    let expected = try texts("a.txt")
    #expect(expected.count == 40_000)
    let half = Array(text.utf8.prefix(text.utf8.count / 2))
    let rest = Array(text.utf8.dropFirst(half.count))
    // Two frames, as `cat a.zst b.zst` makes them, and a table that readers skip.
    let frames = try [half, rest].map { try ZstdFrame.compress($0, level: 3) }
    let zstd = Data(frames[0] + frames[1] + SeekTable(entries: [(1, 1)]).encoded())
    try zstd.write(to: folder.file("a.txt.zst"))
    #expect(try texts("a.txt.zst") == expected)
    try zstd.prefix(frames[0].count + 100).write(to: folder.file("cut.txt.zst"))
    #expect(complaint("cut.txt.zst").contains("ends in the middle of its compressed data"))
    try (frames[0].prefix(100) + Array("no zstd".utf8) + frames[0].dropFirst(100)).withUnsafeBytes {
      try Data($0).write(to: folder.file("no.txt.zst"))
    }
    #expect(complaint("no.txt.zst").contains("cannot be inflated"))
    // `printf 'hello\n' | zstd --ultra --long=27 -22`: six bytes that ask for a window of 128 MiB.
    try Data([0x28, 0xB5, 0x2F, 0xFD, 0x04, 0x88, 0x31, 0, 0] + Array("hello\n".utf8) + [0, 0, 0, 0])
      .write(to: folder.file("window.txt.zst"))
    #expect(complaint("window.txt.zst").contains("asks for more memory than its size allows"))

    let gzip = try gzipped("a.txt")
    try (gzip + gzip).write(to: folder.file("b.txt.gz"))
    #expect(try texts("b.txt.gz") == expected + expected)
    try gzip.dropLast(5).write(to: folder.file("cut.txt.gz"))
    #expect(complaint("cut.txt.gz").contains("ends in the middle of its compressed data"))
    try (gzip.prefix(10) + [0] + Data(repeating: 0x07, count: 10)).write(to: folder.file("no.txt.gz"))
    #expect(complaint("no.txt.gz").contains("cannot be inflated"))
    try Data().write(to: folder.file("nothing.txt.gz"))
    #expect(complaint("nothing.txt.gz").contains("ends in the middle"))
  }

  private func gzipped(_ name: String) throws -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/gzip")
    process.arguments = ["-k", folder.file(name).path]
    try process.run()
    process.waitUntilExit()
    return try Data(contentsOf: folder.file(name + ".gz"))
  }

  @Test func invalidUTF8IsCountedOrRefused() throws {
    // The first document is 3 bytes and a blank line; the invalid byte is the third of the second.
    let bytes = Data("abc\n\n d".utf8) + [0xFF] + Data("e".utf8) + [0xE4, 0xBD] + Data("f\n".utf8)
    try bytes.write(to: folder.file("a.txt"))
    let documents = try read([folder.file("a.txt").path]) { $0.isLossy = true }
    #expect(documents.map(\.invalidSequences) == [0, 2])
    #expect(complaint("a.txt") { $0.isStrict = true }.contains("a.txt: byte 7 is not valid UTF-8"))
    try (Data("{\"text\":\"a".utf8) + [0xFF] + Data("b\"}\n".utf8)).write(to: folder.file("b.jsonl"))
    #expect(try texts("b.jsonl") { $0.isLossy = true } == ["a\u{FFFD}b"])
    #expect(complaint("b.jsonl") { $0.isStrict = true }.contains("b.jsonl: byte 10 is not valid UTF-8"))
  }

  @Test(arguments: [5, 6, 7, 100])
  func longDocumentsAreCut(limit: Int) throws {
    try folder.write("ab\ncd\nef\n我我我我\n\nx", to: "a.txt")
    let documents = try read([folder.file("a.txt").path]) { $0.maximumDocumentBytes = limit }
    #expect(documents.allSatisfy { $0.text.count <= limit && $0.invalidSequences == 0 })
    let joined = documents.map { String(decoding: $0.text, as: UTF8.self) }.joined()
    #expect(joined.filter { !$0.isWhitespace } == "abcdef我我我我x")
    #expect((documents.count == 2) == (limit == 100))
    try folder.write("{\"text\":\"\(String(repeating: "a", count: 200))\"}", to: "b.jsonl")
    #expect(complaint("b.jsonl") { $0.maximumDocumentBytes = limit }.contains("b.jsonl:1: is longer"))
  }

  /// After any document, another reader goes on to the same documents.
  @Test(arguments: [DocumentBoundary.lines, .paragraphs, .files], [7, 50, 16 << 20])
  func anotherReaderGoesOn(boundary: DocumentBoundary, limit: Int) throws {
    let text =
      "\u{FEFF}\n one\ntwo 我我我我\n \t\r\n\nthree\r\n\n\nendless" + String(repeating: "é我", count: 30)
      + "\n\n x \n"
    try (Data(text.utf8) + [0xFF] + Data("y\n\nz".utf8)).write(to: folder.file("a.txt"))
    try folder.write("\n\n", to: "blank.txt")
    try folder.write("{\"text\":\"a\"}\n\n{\"text\":\"b\"}\r\n{\"text\":\"c\"}", to: "b.jsonl")
    _ = try gzipped("a.txt")
    let names = ["a.txt", "blank.txt", "b.jsonl", "a.txt.gz", "a.txt.zst"]
    try Data(ZstdFrame.compress(Array(Data(contentsOf: folder.file("a.txt"))), level: 3))
      .write(to: folder.file("a.txt.zst"))
    let inputs = try CorpusInputs(names.map { folder.file($0).path })
    var format = CorpusFormat()
    (format.boundary, format.maximumDocumentBytes, format.isLossy) = (boundary, limit, true)
    // A line of JSON may not be cut.
    let files =
      limit < 20 ? try CorpusInputs([folder.file("a.txt").path, folder.file("a.txt.zst").path]) : inputs
    let first = CorpusReader(files, format: format)
    var documents: [Document] = []
    var positions = [first.position]
    while let document = try first.next() {
      documents.append(document)
      positions.append(first.position)
    }
    try #require(documents.count > 5)
    for (count, position) in positions.enumerated() {
      let stored = try JSONDecoder().decode(CorpusPosition.self, from: JSONEncoder().encode(position))
      let second = try CorpusReader(files, format: format, from: stored)
      #expect(second.position == position)
      for document in documents[count...] { #expect(try second.next() == document) }
      #expect(try second.next() == nil)
      #expect(second.position == first.position)
    }
  }

  /// What the messages speak of is the same, too.
  @Test func anotherReaderCountsTheSameLines() throws {
    try folder.write("{\"text\":\"a\"}\n\n{\"text\":\"b\"}\n[]\n", to: "a.jsonl")
    let inputs = try CorpusInputs([folder.file("a.jsonl").path])
    let first = CorpusReader(inputs, format: CorpusFormat())
    _ = try first.next()
    let second = try CorpusReader(inputs, format: CorpusFormat(), from: first.position)
    _ = try second.next()
    #expect(failureMessage { _ = try second.next() }.contains("a.jsonl:4: is not a JSON object"))
  }

  /// A compressed file that has become shorter has no such place any more.
  @Test func aPlaceBeyondTheEnd() throws {
    let text = Array("one\n\ntwo\n\nthree".utf8)
    let path = folder.file("a.txt.zst")
    try Data(ZstdFrame.compress(text, level: 3)).write(to: path)
    let inputs = try CorpusInputs([path.path])
    let first = CorpusReader(inputs, format: CorpusFormat())
    for _ in 0..<2 { _ = try first.next() }
    try Data(ZstdFrame.compress(Array(text.prefix(4)), level: 3)).write(to: path)
    #expect(
      failureMessage { _ = try CorpusReader(inputs, format: CorpusFormat(), from: first.position) }
        .contains("changed between"))
  }

  @Test func aDirectoryInPlaceOfAFile() throws {
    let inputs = try {
      try folder.write("x", to: "d")
      return try CorpusInputs([folder.file("d").path])
    }()
    try FileManager.default.removeItem(at: folder.file("d"))
    try FileManager.default.createDirectory(at: folder.file("d"), withIntermediateDirectories: false)
    let reader = CorpusReader(inputs, format: CorpusFormat())
    #expect(failureMessage { _ = try reader.next() }.contains("d: is a directory"))
  }
}
