import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// Labelled rows as people have them, and what is said of those that cannot be used.
@Suite struct LabelRowsTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func file(_ kind: LabelKind, _ text: String, skipsBadRows: Bool = false) throws -> LabelledFile {
    try LabelledFile(kind, folder.write(text, to: "rows.txt"), skipsBadRows: skipsBadRows)
  }

  private func message(_ kind: LabelKind, _ text: String, skipsBadRows: Bool = false) -> String {
    failureMessage { _ = try file(kind, text, skipsBadRows: skipsBadRows) }
  }

  // MARK: Texts

  @Test func oneTextOrTwo() throws {
    let one = try file(.classification, "\u{FEFF}good\t a fine day \r\nbad\ta wet day\r\n\r\n")
    #expect(
      one.samples == [
        LabelledSample(texts: ["a fine day"], labels: ["good"]),
        LabelledSample(texts: ["a wet day"], labels: ["bad"]),
      ])
    #expect(one.lines == [1, 2])
    let two = try file(.classification, "yes\ta\tb\nno\tc\td")
    #expect(two.samples.map(\.texts) == [["a", "b"], ["c", "d"]])
    #expect(two.labels == ["no", "yes"])
    #expect(one.digest != two.digest)
  }

  @Test(arguments: [
    ("good a fine day\n", ":1: has no tab"),
    ("good\ta\nbad\tb\tc\td\n", ":2: has more than two tabs"),
    ("good\ta\nbad\tb\tc\n", ":2: has 2 texts behind its label, and line 1 has 1"),
    ("good\ta\n \tb\n", ":2: has an empty label"),
    ("good\t\u{A0}\n", ":1: has an empty text"),
    ("good\ta\n\nbad\tb\n", ":2: has no tab"),
    ("", "holds no rows"), ("\n\n", "holds no rows"),
  ]) func badTexts(text: String, expected: String) throws {
    let message = message(.classification, text)
    #expect(message.contains(expected), "\(message)")
  }

  @Test func invalidBytesAndLongLines() throws {
    let url = folder.file("bytes.tsv")
    try Data([0x61, 0x09, 0xFF, 0x0A] + Array("b\tc\n".utf8)).write(to: url)
    #expect(
      failureMessage { _ = try LabelledFile(.classification, url) }.contains(":1: is not valid UTF-8"))
    let kept = try LabelledFile(.classification, url, skipsBadRows: true)
    #expect(kept.samples.map(\.labels) == [["b"]])
    #expect(kept.lines == [2])
    #expect(kept.skipped.count == 1)
    let long = "a\t" + String(repeating: "x", count: 1 << 20) + "\nb\tc\n"
    #expect(message(.classification, long).contains(":1: is longer than 1 MiB"))
  }

  @Test func skippedRowsAreKept() throws {
    let file = try file(.classification, "no tab\nyes\ta\nno\tb\tc\n", skipsBadRows: true)
    #expect(file.samples.count == 1)
    #expect(file.skipped.map { "\($0)".contains("rows.txt:1:") } == [true, false])
    #expect(
      message(.classification, "no tab\n", skipsBadRows: true).contains("all 1 were skipped; the first:"))
  }

  // MARK: Words

  @Test func columns() throws {
    let text = """
      -DOCSTART- -X- -X- O

      EU NNP B-NP B-ORG
      rejects VBZ B-VP O
      # SYM O O

      # text = Peter is
      # newpar
      Peter NNP B-NP B-PER
      -DOCSTART- -X- O O
      ends NN B-NP O
      """
    let file = try file(.tagging, text)
    #expect(
      file.samples == [
        LabelledSample(texts: ["EU", "rejects", "#"], labels: ["B-ORG", "O", "O"]),
        LabelledSample(texts: ["Peter"], labels: ["B-PER"]),
        LabelledSample(texts: ["ends"], labels: ["O"]),
      ])
    #expect(file.lines == [3, 9, 11])
    // A hashtag at the start of a sentence is a word.
    let hashtags = try self.file(.tagging, "#newparty\tB-ORG\n\n#newdoctor O\n")
    #expect(hashtags.samples.map(\.texts) == [["#newparty"], ["#newdoctor"]])
    // Tabs separate columns where there are any, so a word may hold a space.
    let tabs = try self.file(.tagging, "New York\tB-LOC\r\n \t \r\n")
    #expect(tabs.samples == [LabelledSample(texts: ["New York"], labels: ["B-LOC"])])
  }

  @Test(arguments: [
    ("a O\nb\n", ":2: has one column"),
    ("a x O\nb O\n", ":2: has 2 columns, and line 1 has 3"),
    ("sport\tThe match ended early.\n", ":1: has several words where the label of a word is expected"),
    ("a\t\n", ":1: has one column"),
    ("a\t\tO\nb\tx\t\u{A0}\n", ":2: has an empty label"),
    ("1\tThe\tthe\tDET\tDT\t_\t2\tdet\t_\t_\n", "columns of CoNLL-U"),
    ("", "holds no sentences"), ("-DOCSTART- O\n\n", "holds no sentences"),
  ]) func badColumns(text: String, expected: String) throws {
    let message = message(.tagging, text)
    #expect(message.contains(expected), "\(message)")
  }

  @Test func aSentenceWithABadRowIsLeftOutWhole() throws {
    let file = try file(.tagging, "a O\nb\nc O\n\nd O\n\ne\nf O\n", skipsBadRows: true)
    #expect(file.samples.map(\.texts) == [["d"]])
    #expect(file.lines == [5])
    #expect(file.skipped.map { "\($0)".prefix(while: { $0 != " " }).suffix(3) } == [":2:", ":7:"])
  }

  @Test func wordsThatAreToBeLabelled() {
    var sentences = UnlabelledSentences()
    let found = [
      "-DOCSTART- O", "", "# text = a b", "# newdoc id = 1", "a x", "# O", "", "", "b", "-DOCSTART-", "c",
    ].compactMap {
      sentences.read($0)
    }
    #expect(found == [["a", "#"], ["b"]])
    #expect(sentences.finish() == ["c"])
    #expect(sentences.finish() == nil)
  }

  // MARK: What the model reads

  private func tokenizer() throws -> Tokenizer {
    Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + ["a", "b", "c", "d", "##b", "##c"]),
      normalizer: .cased)
  }

  private func encode(
    _ kind: LabelKind, _ texts: [String], labels: [String] = [], maximumLength: Int = 20
  ) throws -> LabelEncoder.Result {
    var encoder = LabelEncoder(labels: ["x", "y"], tokenizer: try tokenizer(), maximumLength: maximumLength)
    return encoder.encode(LabelledSample(texts: texts, labels: labels), kind)
  }

  @Test func textsAndSegments() throws {
    let (cls, sep, a, b) = (Int32(2), Int32(3), Int32(5), Int32(6))
    let one = try encode(.classification, ["a b"], labels: ["y"])
    #expect(
      one.parts == [
        EncodedSample(tokens: [cls, a, b, sep], firstSegmentCount: 4, classified: [0], labels: [1])
      ])
    let two = try encode(.classification, ["a", "b b"], labels: ["z"])
    #expect(two.parts[0].tokens == [cls, a, sep, b, b, sep])
    #expect(two.parts[0].labels == [-1])
    let batch = LabelBatch(one.parts + two.parts)
    #expect(batch.segments == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
    #expect(batch.positions == [0, 1, 2, 3, 0, 1, 2, 3, 4, 5])
    #expect(batch.classified == [0, 4])
    #expect(batch.offsets == [0, 4, 10])
  }

  /// `tokenizers` gives these lengths with truncation "longest_first".
  @Test(arguments: [
    ([4, 4], 11, [4, 4]), ([9, 2], 11, [6, 2]), ([2, 9], 11, [2, 6]), ([9, 9], 11, [4, 4]),
    ([9, 9], 12, [4, 5]), ([9, 8], 12, [5, 4]), ([8, 9], 12, [4, 5]), ([9, 5], 12, [5, 4]), ([12], 8, [6]),
  ]) func longestFirst(counts: [Int], maximumLength: Int, expected: [Int]) throws {
    let texts = counts.map { Array(repeating: "a", count: $0).joined(separator: " ") }
    let result = try encode(.classification, texts, maximumLength: maximumLength)
    let part = try #require(result.parts.first)
    let lengths = part.tokens.split(separator: 3).enumerated().map { $1.count - ($0 == 0 ? 1 : 0) }
    #expect(lengths == expected)
    #expect(result.isCut == (expected != counts))
  }

  @Test func labelsAreOnFirstPieces() throws {
    let result = try encode(.tagging, ["a", "bcb", "", "c"], labels: ["x", "y", "x", "z"])
    let part = try #require(result.parts.first)
    #expect(result.lacksTokens)
    // [CLS] a b ##c ##b [UNK] c [SEP]
    #expect(part.tokens == [2, 5, 6, 10, 9, 1, 7, 3])
    #expect(part.classified == [1, 2, 5, 6])
    #expect(part.labels == [0, 1, 0, -1])
  }

  /// No word of a long sentence is without a label, and no part is longer than the model.
  @Test func longSentencesAreReadInParts() throws {
    let words = (0..<9).map { $0 == 4 ? "bcbcbcbcbc" : "a" }
    let result = try encode(.tagging, words, maximumLength: 6)
    #expect(result.isCut)
    #expect(result.parts.map(\.classified.count) == [4, 1, 4])
    #expect(result.parts.allSatisfy { $0.tokens.count <= 6 && $0.tokens.first == 2 && $0.tokens.last == 3 })
  }

  @Test func findingsNameTheFirstLine() throws {
    let training = try file(.classification, "x\ta\ny\tb\nx\tc\nlabel\td\n")
    let held = LabelledFile(
      .classification,
      [
        LabelledSample(texts: ["a"], labels: ["x"]), LabelledSample(texts: ["d d d d d"], labels: ["q"]),
      ], path: "held.tsv")
    let encoded = try EncodedFile(
      held, labels: training.labels, tokenizer: tokenizer(), maximumLength: 5)
    var findings = RowFindings(of: .classification)
    findings.describe(encoded, maximumLength: 5)
    findings.describeLabels(of: training)
    findings.describeOverlap(of: held, with: training)
    let text = findings.messages.joined(separator: "\n")
    #expect(text.contains("held.tsv: 1 text has more than 5 tokens and lost the end, the first in line 2"))
    #expect(text.contains("held.tsv:2: the label 'q' is none that the model learns"))
    #expect(text.contains("rows.txt:2: the label 'y' occurs once, as 1 others do"))
    #expect(text.contains("held.tsv: 1 of its 2 samples are training samples as well, the first in line 1"))
    #expect(failureMessage { try findings.refuse() }.contains("leave out --strict"))
    #expect(
      failureMessage {
        _ = try EncodedFile(held, labels: ["m"], tokenizer: tokenizer(), maximumLength: 5)
      }.contains("has no label that the model knows, but 'x' in line 1"))
  }
}
