import ClozeTestSupport
import Foundation
import Testing

/// `evaluate --dump-logits`: a safetensors file, read here by the format's own rules.
@Suite struct LogitsFileTests {
  /// A tensor of 32-bit values.
  private struct Tensor {
    let type: String
    let shape: [Int]
    let words: [UInt32]

    var floats: [Float] { words.map { Float(bitPattern: $0) } }
  }

  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.pretrain(steps: 5)
  }

  /// Eight bytes with the header's length, the header, the tensors without gaps.
  private func tensors(_ name: String) throws -> [String: Tensor] {
    let data = try work.bytes(name)
    try #require(data.count > 8)
    let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    try #require(8 + length <= data.count)
    #expect(length % 8 == 0)
    let header = try #require(
      try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any])
    let body = Array(data[(8 + length)...])
    var end = 0
    var tensors: [String: Tensor] = [:]
    for (name, entry) in header where name != "__metadata__" {
      let entry = try #require(entry as? [String: Any])
      let shape = try #require(entry["shape"] as? [Int])
      let offsets = try #require(entry["data_offsets"] as? [Int])
      try #require(offsets.count == 2 && offsets[0] <= offsets[1] && offsets[1] <= body.count)
      try #require(offsets[1] - offsets[0] == 4 * shape.reduce(1, *), "\(name)")
      end = max(end, offsets[1])
      tensors[name] = Tensor(
        type: try #require(entry["dtype"] as? String), shape: shape,
        words: stride(from: offsets[0], to: offsets[1], by: 4).map { start in
          (0..<4).reversed().reduce(0) { $0 << 8 | UInt32(body[start + $1]) }
        })
    }
    #expect(end == body.count)
    return tensors
  }

  private func dump(_ text: String, _ more: String...) throws -> (
    output: String, ids: Tensor, logits: Tensor
  ) {
    try work.folder.write(text, to: "few.txt")
    try? FileManager.default.removeItem(at: work.folder.file("logits.safetensors"))
    let arguments =
      ["--model", "run", "--text", "few.txt", "--dump-logits", "logits.safetensors"] + more
    let result = try Program("evaluate", arguments, in: work.folder).wait()
    try #require(result.status == 0, "\(result.errors)")
    let tensors = try tensors("logits.safetensors")
    #expect(tensors.keys.sorted() == ["input_ids", "logits"])
    return (
      result.output, try #require(tensors["input_ids"]), try #require(tensors["logits"])
    )
  }

  private static let documents = [
    "I and the dog sees the cat.", "The doctor and the fish helps the bird.", "I.",
  ]

  @Test func rowsOfDocuments() throws {
    let vocabulary = try work.lines("shards/vocab.txt")
    let (output, ids, logits) = try dump(Self.documents.joined(separator: "\n\n"))
    #expect(ids.type == "I32" && logits.type == "F32")
    // [CLS] The doctor and the fish helps the bird . [SEP], every word a token of its own.
    #expect(ids.shape == [3, 11])
    #expect(logits.shape == [3, 11, vocabulary.count])
    #expect(output == "logits.safetensors: logits \(logits.shape)\n")
    let tokens = ids.words.map { vocabulary[Int($0)] }
    let padding = Array(repeating: "[PAD]", count: 7)
    #expect(
      Array(tokens[0..<11])
        == ["[CLS]", "I", "and", "the", "dog", "sees", "the", "cat", ".", "[SEP]", "[PAD]"])
    #expect(Array(tokens[11..<13]) == ["[CLS]", "The"])
    #expect(Array(tokens[22..<33]) == ["[CLS]", "I", ".", "[SEP]"] + padding)
    // Logits at every token, and nothing but 0 at padding.
    for (position, token) in tokens.enumerated() {
      let row = logits.floats[position * vocabulary.count..<(position + 1) * vocabulary.count]
      #expect(row.allSatisfy { $0.isFinite })
      #expect(row.allSatisfy { $0 == 0 } == (token == "[PAD]"), "position \(position)")
    }
  }

  @Test func aDocumentsLogitsAreItsOwn() throws {
    let together = try dump(Self.documents.joined(separator: "\n\n")).logits
    let (length, width) = (together.shape[1], together.shape[2])
    for (row, document) in Self.documents.enumerated() {
      let precision = Machine.multipliesBFloat16 ? "bfloat16" : "automatic"
      let alone = try dump(document, "--precision", precision, "--workers", "2").logits
      let start = row * length * width
      #expect(alone.words == Array(together.words[start..<start + alone.words.count]))
    }
  }

  @Test(arguments: [(3, ["[CLS]", "I", "[SEP]"]), (5, ["[CLS]", "I", "and", "the", "[SEP]"])])
  func aLongDocumentIsCutBeforeItsEnd(length: Int, tokens: [String]) throws {
    let vocabulary = try work.lines("shards/vocab.txt")
    let ids = try dump(Self.documents[0], "--window-length", "\(length)").ids
    #expect(ids.shape == [1, length])
    #expect(ids.words.map { vocabulary[Int($0)] } == tokens)
  }

  @Test func atMostEightDocuments() throws {
    let lines = (0..<8).map { _ in "The dog." }
    #expect(try dump(lines.joined(separator: "\n"), "--documents", "lines").ids.shape == [8, 5])
    try work.folder.write((lines + ["The cat."]).joined(separator: "\n"), to: "nine.txt")
    let result = try work.run(
      "evaluate", "--model", "run", "--text", "nine.txt", "--documents", "lines", "--dump-logits",
      "none.safetensors")
    #expect(result.status == 64)
    #expect(result.errors.contains("nine.txt: has 9 documents, and logits are written for 8 at most"))
    #expect(!work.exists("none.safetensors"))
  }
}
