import ClozeTestSupport
import Foundation
import Testing

/// `tokenize --verify`, `--repair` and `--inspect`.
@Suite struct FolderModeTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
  }

  private func damage(_ name: String, at place: Int) throws {
    var data = try work.bytes(name)
    data[place < 0 ? data.count + place : place] ^= 0x10
    try data.write(to: work.folder.file(name))
  }

  @Test func aSoundFolder() throws {
    let before = try work.contents("shards")
    let rows = try work.table(try work.succeed("tokenize", "--verify", "shards").output)
    #expect(rows["problems"] == "0" && rows["frames in quarantine"] == "0")
    #expect(rows["shards"] == "2")
    #expect(try work.succeed("tokenize", "--repair", "shards").output.contains("nothing was wrong"))
    #expect(try work.contents("shards") == before)
  }

  /// Everything wrong at once, a line each; exit 65; then mended.
  @Test func everyProblemHasALine() throws {
    try damage("shards/train-00000.zst", at: 60)
    try damage("shards/validation-00000.zst", at: -1)
    try damage("shards/unigrams.bin", at: 9)
    let found = try work.run("tokenize", "--verify", "shards")
    #expect(found.status == 65)
    let lines = found.errors.split(separator: "\n")
    for text in ["train-00000.zst: bytes 0 to", "validation-00000.zst: its seek table", "unigrams.bin: "] {
      #expect(
        lines.contains { $0.hasPrefix("tokenize: ") && $0.contains(text) && $0.contains("; ") }, "\(lines)")
    }
    #expect(try work.table(found.output)["problems"] == "\(lines.count)")

    let repaired = try work.succeed("tokenize", "--repair", "shards")
    #expect(repaired.output.contains("put 1 frames of train in quarantine: 0"))
    let checked = try work.table(try work.succeed("tokenize", "--verify", "shards").output)
    #expect(checked["problems"] == "0" && checked["frames in quarantine"] == "1")
    #expect(try work.succeed("tokenize", "--inspect", "shards").output.contains("train in quarantine"))
  }

  @Test func aLostIndexComesBack() throws {
    let before = try work.contents("shards")
    try FileManager.default.removeItem(at: work.folder.file("shards/index.json"))
    let lost = try work.run("tokenize", "--verify", "shards")
    #expect(lost.status == 65 && lost.errors.contains("shards: holds no index.json"))
    try work.succeed("tokenize", "--repair", "shards")
    #expect(try work.contents("shards") == before)
  }

  /// Every file of the folder is compared, and mended.
  @Test(arguments: ["vocab.txt", "tokenizer_config.json", "provenance.json", "tokenizer.json"])
  func aChangedFileBesideTheShards(name: String) throws {
    let before = try work.contents("shards")
    let changed =
      name == "provenance.json"
      ? try work.bytes("shards/\(name)") + Data(" ".utf8)
      : Data(
        String(decoding: try work.bytes("shards/\(name)"), as: UTF8.self).replacing(
          "a", with: "b", maxReplacements: 1
        ).utf8)
    for file in [changed, nil] {
      let url = work.folder.file("shards/\(name)")
      if let file { try file.write(to: url) } else { try FileManager.default.removeItem(at: url) }
      let found = try work.run("tokenize", "--verify", "shards")
      #expect(found.status == 65, "\(found.output)")
      #expect(found.errors.contains("shards"), "\(found.errors)")
      guard name != "tokenizer.json" else { return }
      #expect(found.errors.contains("shards/\(name): "), "\(found.errors)")
      #expect(try work.succeed("tokenize", "--repair", "shards").output.contains("wrote \(name) again"))
      #expect(try work.contents("shards") == before)
    }
  }

  /// A folder in the place of a shard does not hide the other problems.
  @Test func aFolderInThePlaceOfAShard() throws {
    let shard = work.folder.file("shards/train-00000.zst")
    try FileManager.default.removeItem(at: shard)
    try FileManager.default.createDirectory(at: shard, withIntermediateDirectories: false)
    try damage("shards/unigrams.bin", at: 9)
    let found = try work.run("tokenize", "--verify", "shards")
    #expect(found.status == 65)
    #expect(found.errors.contains("train-00000.zst: is a directory"), "\(found.errors)")
    #expect(found.errors.contains("unigrams.bin: "), "\(found.errors)")
    #expect(found.output.contains("problems"))
  }

  @Test func documentsAreShownAsText() throws {
    let rows = try work.table(try work.succeed("tokenize", "--inspect", "shards").output)
    #expect(rows["train"]?.contains("documents") == true && rows["validation"] != nil)
    let text = String(decoding: try work.bytes("corpus.txt"), as: UTF8.self)
    let first = try work.table(try work.succeed("tokenize", "--inspect", "shards", "0").output)
    let words = try #require(first["text"]).filter { $0 != " " }
    #expect(text.filter { $0 != " " && $0 != "\n" }.contains(words), "\(words)")
    let held = try work.table(
      try work.succeed("tokenize", "--inspect", "shards", "1", "--split", "validation").output)
    #expect(held["document"]?.contains("in the validation split") == true)
    let beyond = try work.run("tokenize", "--inspect", "shards", "99999")
    #expect(
      beyond.status == 64 && beyond.errors.contains("has no document 99999 in the train split; choose 0 to"))
  }

  /// A vocabulary may hold what a terminal obeys; none of it reaches one.
  @Test func escapesAreNotPrintedRaw() throws {
    let evil = "\u{1B}[31mred\u{202E}\u{9B}2J\u{7}"
    let tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "fine"]
    try work.folder.write("fine fine\n", to: "one.txt")
    try work.folder.write((tokens + [evil]).joined(separator: "\n") + "\n", to: "vocab.txt")
    try work.succeed(
      "tokenize", "one.txt", "--output", "evil", "--tokenizer", "vocab.txt", "--validation-rate", "0",
      "--cased")
    for arguments in [["--inspect", "evil"], ["--inspect", "evil", "0"], ["--verify", "evil"]] {
      let shown = try Program("tokenize", arguments, in: work.folder).wait()
      #expect(shown.status == 0, "\(shown.errors)")
      let scalars = (shown.output + shown.errors).unicodeScalars
      #expect(
        !scalars.contains { $0.value < 32 && $0 != "\n" || 0x7F...0x9F ~= $0.value || $0 == "\u{202E}" })
    }
  }

  @Test(arguments: [
    (["--verify", "shards", "--repair", "shards"], "--verify and --repair are given"),
    (
      ["--verify", "shards", "--output", "x"],
      "leave out --output"
    ),
    (["--repair", "shards", "--vocabulary-size=500"], "--vocabulary-size is for text that is tokenized"),
    (["corpus.txt", "--repair", "shards"], "leave out corpus.txt"),
    (["--inspect", "shards", "x"], "takes one document's number"),
    (["--inspect", "shards", "-1"], "Unknown option"),
    (["--inspect", "shards", "1", "2"], "takes one document's number"),
    (["--inspect", "shards", "--split", "train"], "add its number"),
    (["corpus.txt", "--output", "x", "--split", "train"], "add --inspect"),
    (["corpus.txt"], "no --output is given"), (["--output", "x"], "no input is named"),
    (["corpus.txt", "--output", "x", "--shard-frames", "0"], "--shard-frames is 0"),
  ])
  func whatDoesNotGoTogether(arguments: [String], text: String) throws {
    let before = try work.contents("shards")
    let result = try Program("tokenize", arguments, in: work.folder).wait()
    #expect(result.status == 64 && result.errors.contains(text), "\(result.errors)")
    #expect(try work.contents("shards") == before)
    #expect(!work.exists("x"))
  }

  @Test(arguments: ["--verify", "--repair", "--inspect"]) func whatIsNoDataFolder(mode: String) throws {
    for path in ["nowhere", "corpus.txt"] {
      let result = try work.run("tokenize", mode, path)
      #expect(result.status == 65 && result.errors.contains("\(path)"), "\(result.errors)")
    }
  }
}
