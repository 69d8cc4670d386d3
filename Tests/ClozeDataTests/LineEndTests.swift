import ClozeCore
import ClozeData
import ClozeTestSupport
import Foundation
import Testing

/// LF, CR LF and CR end a line, and the text is the same.
@Suite struct LineEndTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(_ name: String, _ boundary: DocumentBoundary = .paragraphs, limit: Int = 16 << 20) throws
    -> [Document]
  {
    var format = CorpusFormat()
    (format.boundary, format.maximumDocumentBytes) = (boundary, limit)
    let reader = CorpusReader(try CorpusInputs([folder.file(name).path]), format: format)
    var documents: [Document] = []
    while let document = try reader.next() { documents.append(document) }
    return documents
  }

  /// Paragraphs longer than a chunk of the reader, so that line ends lie across its border too.
  private func text(shift: Int) -> String {
    String(repeating: "x", count: shift) + "\n"
      + (0..<30_000).map { "line \($0) 我\n" + ($0 % 7 == 0 ? "\n" : "") }.joined()
  }

  @Test(arguments: [DocumentBoundary.lines, .paragraphs, .files]) func allLineEndsAreOne(
    boundary: DocumentBoundary
  ) throws {
    for shift in [0, 1, 2, 3] {
      let text = text(shift: shift)
      try folder.write(text, to: "lf.txt")
      let expected = try read("lf.txt", boundary)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      let mixed = lines.enumerated().map { $0.1 + ["\n", "\r\n", "\r"][$0.0 * 7 % 3] }.joined()
      for (name, changed) in [
        ("crlf", text.replacing("\n", with: "\r\n")), ("cr", text.replacing("\n", with: "\r")),
        // A CR before an empty line's LF would be one line end with it.
        ("mixed", mixed.replacing("\r\n", with: "\r\n")),
      ] {
        try folder.write(changed, to: "\(name).txt")
        if name == "mixed" {
          // As Python's universal line ends read it.
          try Python.run("t = open('mixed.txt').read(); open('lf.txt', 'w').write(t)", in: folder)
          #expect(try read("mixed.txt", boundary) == read("lf.txt", boundary))
        } else {
          #expect(try read("\(name).txt", boundary) == expected, "\(name)")
        }
      }
    }
  }

  /// Both bytes of the line end on the two sides of every border between chunks of 2^18 bytes.
  @Test func aLineEndAcrossAChunksBorder() throws {
    let first = String(repeating: "a", count: 1 << 18 - 1)
    try folder.write(first + "\r\nb\r\n\r\nc\r\n", to: "a.txt")
    #expect(try read("a.txt", .lines).map(\.text.count) == [first.utf8.count, 1, 1])
    #expect(try read("a.txt").map(\.text.count) == [first.utf8.count + 2, 1])
    try folder.write(first + "\r", to: "b.txt")
    #expect(try read("b.txt", .lines).map(\.text.count) == [first.utf8.count])
  }

  @Test func linesAreCountedAlike() throws {
    for lineEnd in ["\n", "\r\n", "\r"] {
      try folder.write(
        ["{\"text\":\"a\"}", "", "{\"text\":\"b\"}", "{}"].joined(separator: lineEnd), to: "a.jsonl")
      #expect(failureMessage { _ = try read("a.jsonl") }.contains("a.jsonl:4: has no text"))
      try folder.write(["a\tb", "c\td", "e"].joined(separator: lineEnd), to: "a.tsv")
      #expect(
        failureMessage { _ = try TranslationPairs(.table(folder.file("a.tsv"))) }.contains(
          "a.tsv:3: has no tab")
      )
      try folder.write(["a\tb", "c\td", ""].joined(separator: lineEnd), to: "a.tsv")
      #expect(
        try TranslationPairs(.table(folder.file("a.tsv"))).pairs == [
          .init(source: "a", target: "b"), .init(source: "c", target: "d"),
        ])
    }
  }

  /// After any document, another reader goes on to the same documents, whatever the text's bytes are.
  @Test(arguments: ["crlf.txt", "cr.txt", "utf16.txt", "utf16.gz", "crlf.zst"], [20, 16 << 20])
  func anotherReaderGoesOn(name: String, limit: Int) throws {
    let text =
      "one\r\ntwo 我我我我\r\n\r\nthree\r\n\r\n" + String(repeating: "é我", count: 30) + "\r\n\r\n x \r\n\r\ny"
    try folder.write(text, to: "crlf.txt")
    try folder.write(text.replacing("\r\n", with: "\r"), to: "cr.txt")
    try Data(ZstdFrame.compress(Array(text.utf8), level: 3)).write(to: folder.file("crlf.zst"))
    try Python.run(
      """
      import gzip
      d = open('crlf.txt', newline='').read().encode('utf-16')
      open('utf16.txt', 'wb').write(d); open('utf16.gz', 'wb').write(gzip.compress(d))
      """, in: folder)
    let inputs = try CorpusInputs([folder.file(name).path, folder.file("crlf.txt").path])
    var format = CorpusFormat()
    format.maximumDocumentBytes = limit
    let first = CorpusReader(inputs, format: format)
    var (documents, positions): ([Document], [CorpusPosition]) = ([], [first.position])
    while let document = try first.next() {
      documents.append(document)
      positions.append(first.position)
    }
    try #require(documents.count > 5)
    for (count, position) in positions.enumerated() {
      let stored = try JSONDecoder().decode(CorpusPosition.self, from: JSONEncoder().encode(position))
      let second = try CorpusReader(inputs, format: format, from: stored)
      for document in documents[count...] { #expect(try second.next() == document) }
      #expect(try second.next() == nil)
      #expect(second.position == first.position && second.shape == first.shape)
    }
    #expect(first.shape.conversions == (name.hasPrefix("utf16") ? ["UTF-16LE": 1] : [:]))
  }

  /// What is known of a file before a place counts after it.
  @Test func invalidBytesAreCountedOn() throws {
    let good = String(repeating: "Forty bytes of text that is all right..\n\n", count: 40)
    try (Data("a".utf8) + [0xFF, 0xFF] + Data("b\n\n\(good)".utf8)).write(to: folder.file("a.txt"))
    let inputs = try CorpusInputs([folder.file("a.txt").path])
    // Of unknown length, so that the end tells.
    try Data(ZstdFrame.compress(Array(Data(contentsOf: folder.file("a.txt"))), level: 3)).write(
      to: folder.file("a.zst"))
    let packed = try CorpusInputs([folder.file("a.zst").path])
    #expect(
      failureMessage { _ = try CorpusReader(inputs, format: .init()).next() }.contains(
        "byte 1 is not valid UTF-8"))
    let first = CorpusReader(packed, format: .init())
    _ = try first.next()
    let second = try CorpusReader(packed, format: .init(), from: first.position)
    #expect(
      failureMessage { while try second.next() != nil {} }
        .contains("byte 1 of the inflated text is not valid UTF-8, the first of 2 such bytes"))
  }
}
