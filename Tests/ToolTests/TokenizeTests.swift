import ClozeTestSupport
import Foundation
import Testing

/// What `tokenize` says of a corpus, what it makes of it, and what it leaves alone.
@Suite struct TokenizeTests {
  private let work: Workplace

  init() throws { work = try Workplace() }

  /// Runs `tokenize` and gives its table by the rows' names.
  private func report(_ arguments: String...) throws -> [String: String] {
    let result = try Program("tokenize", arguments, in: work.folder).wait()
    try #require(result.status == 0, "\(result.errors)")
    return try work.table(result.output)
  }

  private func unigrams(_ folder: String) throws -> [Int] {
    let data = Array(try work.bytes("\(folder)/unigrams.bin"))
    return stride(from: 0, to: data.count, by: 8).map { start in
      (0..<8).reversed().reduce(0) { $0 << 8 | Int(data[start + $1]) }
    }
  }

  /// H = -Σ p ln p.
  private func entropy(_ counts: [Int]) -> Double {
    let total = Double(counts.reduce(0, +))
    return counts.filter { $0 > 0 }.map { -Double($0) / total * log(Double($0) / total) }.reduce(0, +)
  }

  // MARK: The report

  private static let tokens =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    + ["the", "cat", "dog", "##s", "see", ".", "[", "]", "MASK"]

  /// A corpus of which every figure can be counted by hand.
  @Test(arguments: ["1", "2"]) func everyRow(workers: String) throws {
    try work.folder.write(Self.tokens.joined(separator: "\n") + "\n", to: "vocab.txt")
    // Documents: 22 bytes, 6 words, 8 tokens: the cat see ##s the dog ##s .
    var text = Data("the cat sees the dogs.\n\n".utf8)
    // 22 bytes, 9 words, 10 tokens: the [ MASK ] see ##s . [ [UNK] ]
    text += Data("the [MASK] sees.\n[SEP]\n\n".utf8)
    // The first again, and once more with white space around it.
    text += Data("the cat sees the dogs.\n\n  the cat sees the dogs. \n\n".utf8)
    // 12 bytes, of which 2 are no UTF-8 and not read; 3 words, 3 tokens: the [UNK] .
    text += Data("the ".utf8) + Data([0xff, 0xfe]) + Data("horse.\n\n".utf8)
    // Nothing is left of this one.
    text += Data([0xff])
    try text.write(to: work.folder.file("tiny.txt"))

    let rows = try report(
      "tiny.txt", "--output", "tiny", "--tokenizer", "vocab.txt", "--cased", "--validation-rate", "0",
      "--workers", workers, "--lossy")
    #expect(rows["documents"] == "3 (train 3, validation 0)")
    #expect(rows["words"] == "18")
    #expect(rows["tokens"] == "21 (train 21, validation 0)")
    #expect(rows["vocabulary"]?.hasPrefix("14 tokens, ") == true)
    // 21 tokens of 2 bytes and 3 ends of 4.
    #expect(rows["bytes/token before compression"] == "2.571")
    let bytes = try work.bytes("tiny/train-00000.zst").count
    #expect(rows["bytes/token on disk"] == String(format: "%.3f", Double(bytes) / 21))
    #expect(rows["bytes of text/token"] == "2.667")
    #expect(rows["unknown tokens"] == "9.5238 %")
    // SEP and horse, of 18, 19 and 9 characters; of their letters the vocabulary has ##s alone.
    #expect(
      rows["unknown characters"]
        == "17.39 % of the characters (8 of 46) become [UNK]: Latin 8; most often "
        + "E U+0045, P U+0050, S U+0053, e U+0065, h U+0068, o U+006F, r U+0072")
    #expect(rows["pieces per word"] == "1.167")
    #expect(rows["exact duplicates dropped"] == "2")
    #expect(rows["documents without tokens dropped"] == "1")
    #expect(rows["documents cut at 16 MiB"] == "0")
    #expect(rows["literal special tokens"] == "2")
    #expect(rows["invalid UTF-8 sequences"] == "3")
    #expect(rows["output"]?.hasSuffix("/tiny") == true)

    let counts = [0, 2, 0, 0, 0, 4, 1, 1, 3, 2, 3, 2, 2, 1]
    #expect(try unigrams("tiny") == counts)
    // Of what a model can be asked for: without the two [UNK].
    #expect(rows["unigram entropy"] == String(format: "%.4f nats/token", entropy(Array(counts[2...]))))
    #expect(rows["files converted to UTF-8"] == "0")
    #expect(rows.count == 19)
  }

  /// With a vocabulary of its own and a held-out part: the counts are the train split's alone.
  @Test(arguments: [("150", "0.1"), ("300", "0.4")])
  func figuresOfATrainedVocabulary(size: String, rate: String) throws {
    let rows = try report(
      "corpus.txt", "--output", "data", "--vocabulary-size", size, "--validation-rate", rate)
    let match = try #require(rows["tokens"]?.wholeMatch(of: /(\d+) \(train (\d+), validation (\d+)\)/))
    let (tokens, train, held) = (
      try #require(Int(match.1)), try #require(Int(match.2)), try #require(Int(match.3))
    )
    #expect(train + held == tokens && held > 0)
    let counts = try unigrams("data")
    #expect(counts.reduce(0, +) == train)
    #expect(rows["unigram entropy"] == String(format: "%.4f nats/token", entropy(counts)))
    let vocabulary = try work.bytes("data/vocab.txt").split(separator: 10)
    #expect(vocabulary.count == counts.count)
    #expect(rows["vocabulary"]?.hasPrefix("\(vocabulary.count) tokens, ") == true)
    let disk = try work.contents("data").filter { $0.key.hasSuffix(".zst") }.values.reduce(0) {
      $0 + $1.count
    }
    #expect(rows["bytes/token on disk"] == String(format: "%.3f", Double(disk) / Double(tokens)))
    let words = try #require(rows["words"].flatMap { Int($0) })
    #expect(rows["pieces per word"] == String(format: "%.3f", Double(tokens) / Double(words)))
    #expect(rows["unknown tokens"] == "0.0000 %")
  }

  @Test(arguments: [("0", "validation"), ("1", "train")])
  func anEmptySplitIsSaid(rate: String, split: String) throws {
    try work.tokenize()
    let result = try work.succeed(
      "tokenize", "corpus.txt", "--output", "data", "--tokenizer", "shards", "--validation-rate", rate)
    #expect(result.errors.contains("warning: "))
    let message =
      "data: no document fell to the \(split) split, without which pretrain refuses the folder: "
      + "--validation-rate is \(rate).0; choose a share between 0 and 1"
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(try !work.names("data").contains { $0.hasPrefix(split) })
  }

  // MARK: Letters

  @Test func uncasedTextHasNoCapitals() throws {
    try work.folder.write("The Dog. THE DÓG.\n\nthe dog. the dog.", to: "letters.txt")
    let cased = try report(
      "letters.txt", "--output", "cased", "--vocabulary-size", "100", "--validation-rate", "0")
    let uncased = try report(
      "letters.txt", "--output", "uncased", "--vocabulary-size", "100", "--validation-rate", "0", "--uncased")
    func letters(_ folder: String) throws -> String {
      String(decoding: try work.bytes("\(folder)/vocab.txt"), as: UTF8.self)
        .split(separator: "\n").dropFirst(5).joined()
    }
    #expect(try letters("cased").contains("T"))
    #expect(try letters("cased").contains("Ó"))
    #expect(try letters("uncased") == letters("uncased").lowercased())
    #expect(try letters("uncased").contains("ó"))
    for (folder, setting) in [("cased", "false"), ("uncased", "true")] {
      let configuration = String(
        decoding: try work.bytes("\(folder)/tokenizer_config.json"), as: UTF8.self)
      #expect(configuration.contains("\"do_lower_case\": \(setting)"))
    }
    #expect(cased["words"] == "12" && uncased["words"] == "12")
    // Of a given tokenizer its own setting holds, and it is said.
    for (folder, flag) in [("cased", "--uncased"), ("uncased", "--cased")] {
      let result = try work.succeed(
        "tokenize", "letters.txt", "--output", "again", "--tokenizer", folder, "--validation-rate", "0", flag,
        "--force")
      #expect(result.errors.contains("warning: \(flag): the tokenizer \(folder) has a setting of its own"))
      try work.expectEqual("again", folder)
    }
  }

  /// A bare vocab.txt says nothing of letters, so the flag does.
  @Test(arguments: [("--cased", "66.6667 %"), ("--uncased", "0.0000 %")])
  func aBareVocabularyFollowsTheFlag(flag: String, unknown: String) throws {
    try work.folder.write(Self.tokens.joined(separator: "\n") + "\n", to: "vocab.txt")
    try work.folder.write("THE Cat.\n", to: "letters.txt")
    let rows = try report(
      "letters.txt", "--output", "data", "--tokenizer", "vocab.txt", "--validation-rate", "0", flag,
      "--allow-unknown")
    #expect(rows["unknown tokens"] == unknown)
  }

  // MARK: Workers and seeds

  /// More text than one worker takes at a time, and tokens for several frames.
  @Test func sameBytesForAnyNumberOfWorkers() throws {
    let words = RandomValues.tokens(360_000, below: 700, seed: 5).map { String(9_973 * ($0 + 36), radix: 36) }
    let documents = stride(from: 0, to: words.count, by: 120).map { start in
      words[start..<start + 120].joined(separator: " ") + "."
    }
    let size = try work.folder.write(documents.joined(separator: "\n\n"), to: "large.txt")
      .resourceValues(forKeys: [.fileSizeKey]).fileSize
    #expect(size ?? 0 > 3 << 19)
    for workers in ["1", "2", "3"] {
      try work.succeed(
        "tokenize", "large.txt", "--output", "data-\(workers)", "--vocabulary-size", "900",
        "--validation-rate", "0.2", "--workers", workers)
    }
    #expect(
      try work.names("data-1") == [
        "index.json", "provenance.json", "tokenizer.json", "tokenizer_config.json", "train-00000.zst",
        "unigrams.bin", "validation-00000.zst", "vocab.txt",
      ])
    try work.expectEqual("data-2", "data-1")
    try work.expectEqual("data-3", "data-1")
  }

  @Test func theSeedDecidesWhatIsHeldOut() throws {
    try work.tokenize()
    func split(_ seed: String, to output: String) throws -> [String: String] {
      try report(
        "corpus.txt", "--output", output, "--tokenizer", "shards", "--validation-rate", "0.3", "--seed", seed)
    }
    let (one, again, other) = (
      try split("1", to: "one"), try split("1", to: "again"), try split("2", to: "other")
    )
    try work.expectEqual("again", "one")
    #expect(again["documents"] == one["documents"])
    #expect(try work.bytes("other/validation-00000.zst") != work.bytes("one/validation-00000.zst"))
    #expect(try work.bytes("other/index.json") != work.bytes("one/index.json"))
    // The same text and tokens, split otherwise.
    #expect(other["corpus"] == one["corpus"])
    #expect(other["words"] == one["words"])
    #expect(other["vocabulary"] == one["vocabulary"])
  }

  // MARK: A folder that holds data

  @Test(arguments: [["other.txt"], ["-"], ["other.txt", "--tokenizer", "shards"]])
  func anotherCorpusIsRefused(arguments: [String]) throws {
    try work.tokenize()
    try work.folder.write("Another text.\n\nIt has two documents.", to: "other.txt")
    try work.folder.write("Mine.", to: "shards/notes.txt")
    let before = try work.contents("shards")
    var more = ["--output", "shards", "--validation-rate", "0", "--allow-unknown"]
    if !arguments.contains("--tokenizer") { more += ["--vocabulary-size", "200"] }
    let result = try Program(
      "tokenize", arguments + more, input: "Another text.\n\nIt has two documents.", in: work.folder
    ).wait()
    #expect(result.status == 64)
    #expect(result.errors.contains("shards: already holds the data of corpus "))
    #expect(result.errors.contains("choose another --output, or replace it with --force"))
    #expect(result.output.isEmpty)
    #expect(try work.contents("shards") == before)

    // With the flag its data go, and nothing else.
    let forced = try Program(
      "tokenize", arguments + more + ["--force"], input: "Another text.\n\nIt has two documents.",
      in: work.folder
    ).wait()
    #expect(forced.status == 0, "\(forced.errors)")
    #expect(try work.table(forced.output)["documents"] == "2 (train 2, validation 0)")
    #expect(
      try work.names("shards") == [
        "index.json", "notes.txt", "provenance.json", "tokenizer.json", "tokenizer_config.json",
        "train-00000.zst",
        "unigrams.bin", "vocab.txt",
      ])
    #expect(try work.bytes("shards/notes.txt") == Data("Mine.".utf8))
  }

  /// The same text needs no flag, neither to make the same data again nor to split them otherwise.
  @Test func theSameCorpusMayComeAgain() throws {
    try work.tokenize()
    let before = try work.contents("shards")
    try work.tokenize()
    #expect(try work.contents("shards") == before)
    try work.succeed(
      "tokenize", "corpus.txt", "--output", "shards", "--vocabulary-size", "200", "--validation-rate", "0.1",
      "--seed", "9")
    #expect(try work.contents("shards") != before)
  }

  /// Data that cannot be read are not replaced because they cannot be compared.
  @Test func dataThatCannotBeReadAreNotReplaced() throws {
    try work.tokenize()
    let whole = try work.contents("shards")
    func tokenize(_ more: String...) throws -> Program.Result {
      let arguments = ["-", "--output", "shards", "--vocabulary-size", "100", "--validation-rate", "0"]
      return try Program("tokenize", arguments + more, input: "Another text.", in: work.folder).wait()
    }
    for index in ["{", "{\"my\": 1}", "{\"version\": 1}"] {
      try work.folder.write(index, to: "shards/index.json")
      let before = try work.contents("shards")
      // Where it comes from is in provenance.json, too.
      let other = try tokenize()
      #expect(
        other.status == 64 && other.errors.contains("already holds the data of corpus"), "\(other.errors)")
      #expect(try work.contents("shards") == before)
    }
    try work.folder.write("", to: "shards/provenance.json")
    let unknown = try tokenize()
    #expect(unknown.status == 65 && unknown.errors.contains("replace them with --force"), "\(unknown.errors)")
    #expect(whole.keys.sorted() == (try work.contents("shards").keys.sorted()))
    #expect(try tokenize("--force").status == 0)
  }

  @Test(arguments: [
    ("config.json", "a model or a checkpoint"), ("checkpoint.json", "a model or a checkpoint"),
    ("vocab.txt", "a tokenizer"),
  ])
  func aFolderOfAModelIsNotTokenizedInto(name: String, content: String) throws {
    try work.folder.write("[PAD]", to: "model/\(name)")
    let result = try work.run("tokenize", "corpus.txt", "--output", "model")
    #expect(
      result.status == 64 && result.errors.contains("model: holds \(content); choose another"),
      "\(result.errors)")
    #expect(try work.names("model") == [name])
  }

  /// What can be read only once is copied for the second pass.
  @Test(arguments: [
    "mkfifo pipe; cat corpus.txt > pipe & tokenize pipe", "tokenize <(cat corpus.txt)",
    "cat corpus.txt | tokenize /dev/stdin",
  ])
  func pipesAreText(command: String) throws {
    try work.tokenize()
    let tokenize = Program.folder.appendingPathComponent("tokenize").path
    let script =
      "\(command.replacing("tokenize", with: tokenize)) --output data --vocabulary-size 200 --validation-rate 0.1"
    let result = try Program("/bin/bash", ["-c", script], in: work.folder).wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(try work.contents("data") == work.contents("shards"))
  }

  /// A row without text is a document, which is counted among those that have no tokens.
  @Test func rowsWithoutText() throws {
    try work.folder.write("{\"text\": \"One text.\"}\n{\"text\": \" \"}\n", to: "rows.jsonl")
    let result = try work.succeed(
      "tokenize", "rows.jsonl", "--output", "rows", "--vocabulary-size", "100", "--validation-rate", "0")
    let table = try work.table(result.output)
    #expect(table["documents"] == "1 (train 1, validation 0)")
    #expect(table["documents without tokens dropped"] == "1")
  }

  @Test func theOutputFolderIsNoInput() throws {
    try work.folder.write("One text.", to: "same/a.txt")
    let result = try work.run("tokenize", "same", "--output", "same")
    #expect(
      result.status == 65 && result.errors.contains("same: is the output folder, which is left out"),
      "\(result.errors)")
  }

  /// What standard input gives waits in the output folder under a name that may be somebody's.
  @Test func filesOfOthersStay() throws {
    try work.folder.write("Mine.", to: "data/standard-input.txt")
    try work.succeed(
      "tokenize", "-", "--output", "data", "--vocabulary-size", "100", "--validation-rate", "0",
      input: "One text.")
    #expect(try work.bytes("data/standard-input.txt") == Data("Mine.".utf8))
  }

  /// A folder of text is a natural place for its shards, whose vocabulary is no text of the corpus.
  @Test(arguments: [[], ["--force"]]) func aDataFolderInsideItsCorpusIsNoText(more: [String]) throws {
    try work.folder.write("One text.\n\nAnother text.", to: "corpora/corpus.txt")
    func tokenize(_ more: [String]) throws -> Program.Result {
      let arguments = [
        "corpora", "--output", "corpora/shards", "--vocabulary-size", "100", "--validation-rate", "0",
      ]
      return try Program("tokenize", arguments + more, in: work.folder).wait()
    }
    #expect(try tokenize([]).status == 0)
    let first = try work.contents("corpora/shards")
    let second = try tokenize(more)
    #expect(second.status == 0, "\(second.errors)")
    #expect(try work.contents("corpora/shards") == first)
  }
}
