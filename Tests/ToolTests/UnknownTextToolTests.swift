import ClozeTestSupport
import Foundation
import Testing

/// What the tools say of text that a tokenizer cannot read, and what its normalization takes.
@Suite struct UnknownTextToolTests {
  private let work: Workplace

  init() throws { work = try Workplace() }

  private func copy(_ fixture: String) throws {
    try FileManager.default.copyItem(at: Fixtures.url(fixture), to: work.folder.file(fixture))
  }

  // MARK: tokenize

  @Test func thaiIsReadWithTheDefaults() throws {
    try copy("thai.txt")
    let result = try work.succeed(
      "tokenize", "thai.txt", "--output", "thai", "--documents", "lines", "--vocabulary-size", "500")
    let rows = try work.table(result.output)
    #expect(rows["unknown characters"] == "none of 13,293 characters")
    #expect(rows["longest word"] == "400 characters")
    #expect(!result.errors.contains("unknown"))
    let file = String(decoding: try work.bytes("thai/tokenizer.json"), as: UTF8.self)
    #expect(file.contains("\"max_input_chars_per_word\": 400,"))
  }

  /// More than a fifth unknown: refused with the mend, an older folder stays, and --allow-unknown goes on.
  @Test func unreadableTextIsRefused() throws {
    try copy("thai.txt")
    let arguments = [
      "thai.txt", "--output", "data", "--documents", "lines", "--vocabulary-size", "500", "--longest-word",
      "100",
    ]
    _ = try work.succeed("tokenize", "corpus.txt", "--output", "data", "--vocabulary-size", "300")
    let before = try work.contents("data")
    let refused = try Program("tokenize", arguments + ["--force"], in: work.folder).wait()
    #expect(refused.status == 65)
    #expect(refused.errors.contains("77.21 % of the characters (10,264 of 13,293) become [UNK]: Thai 10,264"))
    #expect(refused.errors.contains("raise --longest-word"))
    #expect(refused.errors.contains("--allow-unknown"))
    let after = try work.contents("data").filter { !$0.key.contains("incoming.partial") }
    #expect(after == before)

    let allowed = try Program("tokenize", arguments + ["--force", "--allow-unknown"], in: work.folder).wait()
    #expect(allowed.status == 0, "\(allowed.errors)")
    #expect(allowed.errors.contains("warning: unknown text: 77.21 %"))
    // What it says helps, helps.
    let raised = Array(arguments.dropLast(2)) + ["--longest-word", "300", "--force"]
    let result = try Program("tokenize", raised, in: work.folder).wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(try work.table(result.output)["unknown characters"] == "none of 13,293 characters")
  }

  /// 1 % of the characters: counted, named, warned of, and read again by the folder's users.
  @Test func aLittleUnknownTextIsWarnedOf() throws {
    try work.folder.write(
      String(repeating: "the cat sees the dog\n\n", count: 1) + "the cat sees the dog again and กข again\n\n"
        + String(repeating: "a dog and a cat see the cat again\n", count: 6), to: "mixed.txt")
    try work.folder.write(
      ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "see", "##s", "dog", "again", "and", "a"]
        .joined(separator: "\n") + "\n", to: "vocab.txt")
    let result = try work.succeed(
      "tokenize", "mixed.txt", "--output", "data", "--tokenizer", "vocab.txt", "--cased", "--validation-rate",
      "0")
    // 16 + 31 + 6 x 25 characters, of which two are Thai.
    let sentence = "1.02 % of the characters (2 of 197) become [UNK]: Thai 2; most often ก U+0E01, ข U+0E02"
    #expect(result.errors.contains("warning: unknown text: \(sentence)"))
    #expect(result.errors.contains("larger --vocabulary-size or a vocabulary of this text"))
    let index = String(decoding: try work.bytes("data/index.json"), as: UTF8.self)
    #expect(index.contains("\"unknownText\":{\"characters\":197,"))
    #expect(index.contains("\"scripts\":{\"Thai\":2}"))
    // A lost index comes back with it.
    try FileManager.default.removeItem(at: work.folder.file("data/index.json"))
    _ = try work.succeed("tokenize", "--repair", "data")
    #expect(String(decoding: try work.bytes("data/index.json"), as: UTF8.self) == index)
  }

  /// Private use, formats and marks that are stripped: a data folder without a token would train nothing.
  @Test func textOfWhichNothingIsLeftIsRefused() throws {
    try work.folder.write(
      ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "x"].joined(separator: "\n") + "\n", to: "vocab.txt")
    try work.folder.write("\u{E000}\u{E001}\n\n\u{200B}\u{301}\n\n\u{FFFD}\n", to: "nothing.txt")
    let result = try work.run(
      "tokenize", "nothing.txt", "--output", "data", "--tokenizer", "vocab.txt", "--uncased",
      "--allow-unknown")
    #expect(result.status == 65)
    #expect(result.errors.contains("nothing.txt: no document has a token"))
    #expect(!work.exists("data/index.json"))
  }

  // MARK: Accents and case

  @Test(arguments: [
    (["--uncased"], "हिन्दी tiếng Ọmọ", "false"), (["--uncased", "--keep-accents"], "हिन्दी tiếng ọmọ", "false"),
    (["--uncased", "--strip-accents"], "हिनदी tieng omo", "true"), (["--cased"], "हिन्दी tiếng Ọmọ", "null"),
    (["--cased", "--strip-accents"], "हिनदी tieng Omo", "true"),
  ])
  func accentsAreChosenApartFromCase(flags: [String], pieces: String, setting: String) throws {
    try work.folder.write(
      (1...3).map { "हिन्दी tiếng Ọmọ \($0)\n\n" }.joined(), to: "letters.txt")
    let result = try Program(
      "tokenize",
      ["letters.txt", "--output", "data", "--vocabulary-size", "200", "--validation-rate", "0"] + flags,
      in: work.folder
    ).wait()
    #expect(result.status == 0, "\(result.errors)")
    let tokens = String(decoding: try work.bytes("data/vocab.txt"), as: UTF8.self).split(separator: "\n")
    for word in pieces.split(separator: " ") {
      let word = flags.contains("--uncased") ? word.lowercased() : String(word)
      #expect(tokens.contains { $0.unicodeScalars.elementsEqual(word.unicodeScalars) }, "\(word)")
    }
    let file = String(decoding: try work.bytes("data/tokenizer.json"), as: UTF8.self)
    #expect(file.contains("\"strip_accents\": \(setting)"))
    #expect(result.errors.contains("accents: ") == flags.contains("--strip-accents"))
    #expect(result.errors.contains("case: ") == flags.contains("--uncased"))
  }

  @Test(arguments: [
    (["--strip-accents"], "--strip-accents is for a vocabulary to train"),
    (["--longest-word", "200"], "--longest-word is for a vocabulary to train"),
  ])
  func aGivenTokenizerKeepsItsSettings(option: [String], message: String) throws {
    try work.tokenize()
    let result = try Program(
      "tokenize", ["corpus.txt", "--output", "data", "--tokenizer", "shards"] + option, in: work.folder
    ).wait()
    #expect(result.status == 64)
    #expect(result.errors.contains(message))
  }

  // MARK: The other tools

  /// A run's folders, made of text in which 5 of the characters are no longer in the vocabulary.
  private func pretrainedOnPart() throws {
    try work.tokenize()
    try work.pretrain()
    try work.folder.write(
      String(decoding: try work.bytes("corpus.txt"), as: UTF8.self) + "\n\nกขคกขค กขคกขค\n\n"
        + String(repeating: "ข", count: 300), to: "more.txt")
  }

  private let guess = "the model never sees them; use one whose vocabulary is of such text"

  @Test func pretrainWarnsOfItsData() throws {
    try pretrainedOnPart()
    _ = try work.succeed(
      "tokenize", "more.txt", "--output", "data", "--tokenizer", "shards", "--validation-rate", "0.1")
    let arguments = ["--config", "small.yaml", "--data", "data", "--set", "stop.steps=1"]
    let run = try Program("pretrain", arguments + ["--output", "other"], in: work.folder).wait()
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.errors.contains("warning: data: "))
    #expect(run.errors.contains("become [UNK]: Thai 312; most often ข U+0E02, ก U+0E01, ค U+0E04"))
    let plan = try Program("pretrain", arguments + ["--plan", "--output", "planned"], in: work.folder).wait()
    #expect(try work.table(plan.output)["unknown characters"]?.contains("become [UNK]: Thai 312") == true)

    // A folder from before it was counted is read as ever.
    let index = String(decoding: try work.bytes("data/index.json"), as: UTF8.self)
    try work.folder.write(
      index.replacing(/"unknownText":\{.*?"tooLong":\d+\},/, with: ""), to: "data/index.json")
    #expect(!String(decoding: try work.bytes("data/index.json"), as: UTF8.self).contains("unknownText"))
    let old = try Program("pretrain", arguments + ["--plan", "--output", "planned"], in: work.folder).wait()
    #expect(old.status == 0, "\(old.errors)")
    #expect(try work.table(old.output)["unknown characters"] == nil)
  }

  @Test func evaluateWarnsOfTextAndOfASentence() throws {
    try pretrainedOnPart()
    try work.folder.write("我和猫 และ ข\n\n" + "The cat sees 🙂.\n", to: "text.txt")
    let scored = try work.succeed("evaluate", "--model", "run", "--text", "text.txt")
    #expect(scored.errors.contains("warning: text.txt: "))
    #expect(scored.errors.contains("Thai 4, Emoji 1"))
    #expect(scored.errors.contains(guess))
    #expect(scored.output.contains("unknown characters  "))
    let json = try work.succeed("evaluate", "--model", "run", "--text", "text.txt", "--json")
    #expect(json.output.contains("\"scripts\""))
    let filled = try work.succeed("evaluate", "--model", "run", "--fill", "The ก [MASK] sees.")
    #expect(filled.errors.contains("warning: --fill: "))
    #expect(filled.errors.contains("Thai 1; most often ก U+0E01"))
    #expect(try work.succeed("evaluate", "--model", "run", "--fill", "the [MASK]").errors.isEmpty)
  }

  @Test func pairsAreCountedOnBothSides() throws {
    try pretrainedOnPart()
    for name in ["train.tsv", "validation.tsv"] {
      let lines = try work.lines(name)
      try work.folder.write(
        lines.map { name == "train.tsv" ? $0.replacing("\t", with: " กข\t") : $0 + " 🙂" }.joined(
          separator: "\n"),
        to: name)
    }
    try work.finetune()
    let result = try work.run(
      "finetune", "--config", "finetune.yaml", "--model", "run", "--train", "train.tsv", "--validation",
      "validation.tsv", "--output", "again")
    #expect(result.errors.contains("warning: training sources: "))
    #expect(result.errors.contains("warning: validation targets: "))
    #expect(!result.errors.contains("training targets: ") && !result.errors.contains("validation sources: "))
    let scored = try work.succeed(
      "evaluate", "--model", "zh-en", "--translation", "validation.tsv", "--beam", "1")
    #expect(scored.errors.contains("warning: test targets: "))
    #expect(scored.errors.contains("Emoji 20; most often 🙂 U+1F642"))

    // A line that cannot be read is named, the first ten each and all of them once.
    let known = try #require(work.lines("validation.tsv").first?.split(separator: "\t").first)
    let lines = (1...40).map { $0 % 2 == 0 ? "\(known) ก" : String(known) }
    let translated = try work.succeed(
      "translate", "--model", "zh-en", "--beam", "1", input: lines.joined(separator: "\n") + "\n")
    #expect(translated.output.split(separator: "\n", omittingEmptySubsequences: false).count == 41)
    let warnings = translated.errors.split(separator: "\n").filter { $0.hasPrefix("warning: ") }
    #expect(warnings.count == 11)
    #expect(warnings.first?.hasPrefix("warning: line 2: ") == true)
    #expect(warnings.dropLast().last?.hasPrefix("warning: line 20: ") == true)
    #expect(
      warnings.last?.hasPrefix("warning: 20 lines have characters that the model does not know") == true)
    #expect(warnings.last?.contains("Thai 20; most often ก U+0E01") == true)
  }

  // MARK: Nothing to learn

  @Test func aCorpusOfUnknownTextAloneIsNotTrainedOn() throws {
    try work.tokenize()
    try work.folder.write((1...40).map { "ก\($0) ขค ก ข\n\n" }.joined(), to: "thai.txt")
    try work.folder.write(
      ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "x"].joined(separator: "\n") + "\n", to: "vocab.txt")
    let arguments = [
      "thai.txt", "--output", "data", "--tokenizer", "vocab.txt", "--cased", "--validation-rate", "0.3",
    ]
    let refused = try Program("tokenize", arguments, in: work.folder).wait()
    #expect(refused.status == 65 && refused.errors.contains("100.00 % of the characters"))
    #expect(!work.exists("data/index.json"))
    #expect(try Program("tokenize", arguments + ["--allow-unknown"], in: work.folder).wait().status == 0)
    for more in [[], ["--plan"], ["--verify-resume", "2"]] {
      let run = try Program(
        "pretrain", ["--config", "small.yaml", "--data", "data", "--output", "other"] + more, in: work.folder
      ).wait()
      #expect(run.status == 65)
      #expect(run.errors.contains("there is nothing to predict; tokenize with a vocabulary of this text"))
      #expect(!work.exists("other"))
    }
  }
}
