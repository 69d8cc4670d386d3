import ClozeTestSupport
import Foundation
import Testing

/// One corpus in many shapes: however it is cut into files, packed or named, `tokenize` makes the same data folder of it.
@Suite struct CorpusShapeTests {
  private let work: Workplace

  init() throws { work = try Workplace() }

  private func tokenize(_ inputs: [String], to output: String, more: [String] = [], setup: String = "") throws
  {
    let arguments =
      inputs + ["--output", output, "--vocabulary-size", "200", "--validation-rate", "0.1"] + more
    let result = try Program("tokenize", arguments, setup: setup, in: work.folder).wait()
    try #require(result.status == 0, "\(result.errors)")
  }

  private func documents() throws -> [String] {
    String(decoding: try work.bytes("corpus.txt"), as: UTF8.self).components(separatedBy: "\n\n")
  }

  // MARK: Documents

  @Test(arguments: [("lines", 5), ("paragraphs", 4), ("files", 2)])
  func whatADocumentIs(documents: String, count: Int) throws {
    try work.folder.write("one two\nthree\n \t\n\nfour\n", to: "first.txt")
    try work.folder.write("\n\nfive\n\n\nsix seven", to: "second.txt")
    let result = try work.succeed(
      "tokenize", "first.txt", "second.txt", "--output", "data", "--vocabulary-size", "100",
      "--validation-rate", "0", "--documents", documents)
    let rows = try work.table(result.output)
    #expect(rows["documents"] == "\(count) (train \(count), validation 0)")
    #expect(rows["words"] == "7")
  }

  @Test(arguments: ["text", "content"]) func objectsOfLines(field: String) throws {
    try work.tokenize()
    let lines = try documents().enumerated().map { index, text in
      let object: [String: Any] = [field: text, "id": index, "other": "not this"]
      let line = try JSONSerialization.data(withJSONObject: object)
      return String(decoding: line, as: UTF8.self)
    }
    try work.folder.write(lines.joined(separator: "\n\n") + "\n", to: "corpus.jsonl")
    try tokenize(["corpus.jsonl"], to: "data", more: field == "text" ? [] : ["--field", field])
    try work.expectEqual("data", "shards")
  }

  @Test(arguments: [
    ("{\"text\": \"one\"}\n{\"body\": \"two\"}\n", "bad.jsonl:2: has no text in the field 'text'"),
    ("{\"text\": \"one\"}\n\n{\"text\": 3}\n", "bad.jsonl:3: has no text in the field 'text'"),
    ("[\"text\"]\n[]\n", "bad.jsonl:1: is not a JSON object but an array; write one object a line"),
    ("{\"text\": \"one\"\n", "bad.jsonl:1: lacks a comma or a closing brace, at column 15; correct the line"),
  ])
  func aLineThatIsNoObject(text: String, message: String) throws {
    try work.folder.write(text, to: "bad.jsonl")
    let result = try work.run("tokenize", "bad.jsonl", "--output", "data")
    #expect(result.status == 65)
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(!work.exists("data/index.json"))
  }

  // MARK: Files

  @Test func gzipFiles() throws {
    try work.tokenize()
    try tokenize(["packed.txt.gz"], to: "packed", setup: "gzip -c corpus.txt > packed.txt.gz;")
    try work.expectEqual("packed", "shards")
    // Two members in one file, cut in the middle of a word.
    try tokenize(
      ["members.txt.gz"], to: "members",
      setup: "head -c 1001 corpus.txt | gzip > members.txt.gz; "
        + "tail -c +1002 corpus.txt | gzip -1 >> members.txt.gz;")
    try work.expectEqual("members", "shards")
    // Only part of a member.
    let whole = try work.bytes("packed.txt.gz")
    try whole.prefix(whole.count - 9).write(to: work.folder.file("cut.txt.gz"))
    let cut = try work.run("tokenize", "cut.txt.gz", "--output", "cut")
    #expect(cut.status == 65)
    #expect(cut.errors.contains("cut.txt.gz: ends in the middle of its compressed data; fetch it again"))
  }

  /// A zstd frame that holds `data` as it is, for machines without the program.
  /// Source: RFC 8878, sections 3.1.1.1 and 3.1.1.2.
  private func zstdFrame(_ data: Data) -> Data {
    func littleEndian(_ value: Int, _ count: Int) -> Data {
      Data((0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) })
    }
    // One segment, its size in four bytes, no checksum.
    var frame = littleEndian(0xFD2F_B528, 4) + Data([0b1010_0000]) + littleEndian(data.count, 4)
    let blocks = stride(from: 0, to: data.count, by: 1000).map { data.dropFirst($0).prefix(1000) }
    for (number, block) in blocks.enumerated() {
      frame += littleEndian(block.count << 3 | (number == blocks.count - 1 ? 1 : 0), 3) + block
    }
    return frame
  }

  @Test(arguments: [1, 3]) func zstdFiles(frameCount: Int) throws {
    try work.tokenize()
    let text = try work.bytes("corpus.txt")
    let part = (text.count + frameCount - 1) / frameCount
    let frames = stride(from: 0, to: text.count, by: part).map {
      zstdFrame(Data(text.dropFirst($0).prefix(part)))
    }
    #expect(frames.count == frameCount)
    try frames.reduce(Data(), +).write(to: work.folder.file("packed.txt.zst"))
    try tokenize(["packed.txt.zst"], to: "packed")
    try work.expectEqual("packed", "shards")
  }

  @Test func compressedObjects() throws {
    try work.tokenize()
    let lines = try documents().map { text in
      String(decoding: try JSONSerialization.data(withJSONObject: ["text": text]), as: UTF8.self)
    }
    try zstdFrame(Data(lines.joined(separator: "\n").utf8))
      .write(to: work.folder.file("objects.jsonl.zst"))
    try tokenize(["objects.jsonl.zst"], to: "data")
    try work.expectEqual("data", "shards")
  }

  /// The corpus in three files, whichever way they are named; the order is that of the names.
  @Test(arguments: ["parts/part-*.txt", "parts", "parts/part-?.t[x]t", "parts/part-[1-3].txt"])
  func filesAsOneCorpus(input: String) throws {
    try work.tokenize()
    let documents = try documents()
    for part in 0..<3 {
      let share = documents[part * documents.count / 3..<(part + 1) * documents.count / 3]
      try work.folder.write(share.joined(separator: "\n\n"), to: "parts/part-\(part + 1).txt")
    }
    // In a folder, neither hidden files nor those of other kinds are the corpus.
    try work.folder.write("Not this.", to: "parts/.part-4.txt")
    try work.folder.write("Nor this.", to: "parts/notes.md")
    try tokenize([input], to: "data")
    try work.expectEqual("data", "shards")
  }

  @Test func standardInputAmongFiles() throws {
    try work.tokenize()
    let documents = try documents()
    try work.folder.write(documents[..<40].joined(separator: "\n\n"), to: "first.txt")
    try work.folder.write(documents[90...].joined(separator: "\n\n"), to: "last.txt")
    let result = try work.run(
      "tokenize", "first.txt", "-", "last.txt", "--output", "data", "--vocabulary-size", "200",
      "--validation-rate", "0.1", input: documents[40..<90].joined(separator: "\n\n"))
    #expect(result.status == 0)
    try work.expectEqual("data", "shards")
  }

  /// A file that is there is no pattern, whatever its name.
  @Test func aNameThatLooksLikeAPattern() throws {
    try work.tokenize()
    try work.bytes("corpus.txt").write(to: work.folder.file("corpus[1].txt"))
    try work.folder.write("Not this.", to: "corpus1.txt")
    try tokenize(["corpus[1].txt"], to: "data")
    try work.expectEqual("data", "shards")
  }

  @Test func aPatternThatMatchesNothing() throws {
    let result = try work.run("tokenize", "none-*.txt", "--output", "data")
    #expect(result.status == 65)
    #expect(result.errors.contains("none-*.txt: no file has such a name; check the path or the pattern"))
  }
}
