import ClozeTestSupport
import Foundation
import Testing

/// Wrong input to each program: an error that says where, what and what to do, the right exit status, and nothing
/// half-written.
@Suite struct BadInputTests {
  private static let usage: Int32 = 64
  private static let data: Int32 = 65
  private static let inputOutput: Int32 = 74

  private func expect(
    _ result: Program.Result, _ status: Int32, _ message: String, location: SourceLocation = #_sourceLocation
  ) {
    #expect(result.status == status, "\(result.errors)", sourceLocation: location)
    #expect(result.errors.contains(message), "\(result.errors)", sourceLocation: location)
    #expect(result.output.isEmpty, sourceLocation: location)
  }

  // MARK: tokenize

  @Test func anEmptyCorpus() throws {
    let work = try Workplace(isEmpty: true)
    try work.folder.write(" \n\n", to: "empty.txt")
    expect(try work.run("tokenize", "empty.txt", "--output", "shards"), Self.data, "empty.txt: no text in it")
    #expect(!work.exists("shards/index.json"))
  }

  @Test func aMissingCorpus() throws {
    let work = try Workplace(isEmpty: true)
    expect(try work.run("tokenize", "none.txt", "--output", "shards"), Self.data, "none.txt: does not exist")
  }

  @Test func invalidUTF8() throws {
    let work = try Workplace()
    var text = try work.bytes("corpus.txt")
    text.replaceSubrange(100..<101, with: [0xff])
    try text.write(to: work.folder.file("corpus.txt"))
    expect(
      try work.run("tokenize", "corpus.txt", "--output", "shards", "--vocabulary-size", "200", "--strict"),
      Self.data,
      "corpus.txt: byte 100 is not valid UTF-8")
    #expect(!work.exists("shards/index.json"))
    let lenient = try work.run("tokenize", "corpus.txt", "--output", "shards", "--vocabulary-size", "200")
    #expect(lenient.status == 0)
    #expect((lenient.output + lenient.errors).contains("invalid UTF-8"))
  }

  @Test func aTruncatedCompressedCorpus() throws {
    let work = try Workplace()
    try work.tokenize()
    let shard = try #require(try work.names("shards").first { $0.hasSuffix(".zst") })
    let whole = try work.bytes("shards/\(shard)")
    try whole.prefix(whole.count / 2).write(to: work.folder.file("half.txt.zst"))
    let result = try work.run("tokenize", "half.txt.zst", "--output", "other")
    expect(result, Self.data, "half.txt.zst: ")
    #expect(!work.exists("other/index.json"))
  }

  // MARK: Shards

  @Test func aTruncatedShard() throws {
    let work = try Workplace()
    try work.tokenize()
    let shard = try #require(try work.names("shards").first { $0.hasPrefix("train") })
    let whole = try work.bytes("shards/\(shard)")
    try whole.prefix(whole.count - 10).write(to: work.folder.file("shards/\(shard)"))
    let result = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=5")
    expect(result, Self.data, "shards/\(shard): ")
    #expect(!work.exists("run"))
  }

  @Test func anIndexThatDoesNotMatch() throws {
    let work = try Workplace()
    try work.tokenize()
    let index = String(decoding: try work.bytes("shards/index.json"), as: UTF8.self)
    try work.folder.write(index.replacing("\"documents\"", with: "\"document\""), to: "shards/index.json")
    let result = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=5")
    expect(result, Self.data, "shards/index.json: ")
  }

  @Test func aVocabularyThatDoesNotMatchTheShards() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.succeed(
      "tokenize", "train.tsv", "--output", "other", "--vocabulary-size", "150", "--validation-rate", "0.1")
    for name in ["vocab.txt", "tokenizer.json", "tokenizer_config.json"] {
      try work.bytes("other/\(name)").write(to: work.folder.file("shards/\(name)"))
    }
    let result = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=5")
    expect(result, Self.data, "shards: the shards were made with tokenizer")
    #expect(!work.exists("run"))
  }

  @Test func aVocabularySizeThatDoesNotMatchTheShards() throws {
    let work = try Workplace()
    try work.tokenize()
    let sized = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--set",
      "model.vocabularySize=99")
    expect(sized, Self.usage, "model.vocabularySize: is 99")
  }

  @Test func aFolderThatIsNone() throws {
    let work = try Workplace()
    let result = try work.run("pretrain", "--config", "small.yaml", "--data", "corpus.txt", "--output", "run")
    expect(result, Self.data, "corpus.txt: is not a directory")
  }

  // MARK: Settings

  @Test(arguments: [
    ("model.hiddenSiz=64", "unknown key 'model.hiddenSiz'; did you mean 'model.hiddenSize'?"),
    ("model.headCount=5", "model.hiddenSize: is 32, which 5 heads cannot share"),
    ("model.headCount=32", "model.hiddenSize: is 32; rotary positions need heads of an even width"),
    ("model.family=roberta", "model.family: is roberta, whose models have learned positions"),
    ("batch.windowLength=65", "batch.windowLength: is 65"),
    ("masking.strategy=words", "masking.strategy"),
    ("stop.steps=0", "stop: sets no limit"),
    ("seed", "is not of the form key=value"),
  ])
  func aWrongSetting(setting: String, message: String) throws {
    let work = try Workplace()
    let result = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=5",
      "--set",
      setting)
    expect(result, Self.usage, message)
    #expect(!work.exists("run"))
  }

  @Test func aSettingsFileThatIsAFolder() throws {
    let work = try Workplace()
    let result = try work.run("pretrain", "--config", "streams", "--data", "shards", "--output", "run")
    expect(result, Self.data, "streams: is a directory")
  }

  // MARK: Checkpoints and pairs

  @Test func aCheckpointCutInHalf() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    let file = work.folder.file("run/best/model.safetensors")
    let whole = try Data(contentsOf: file)
    try whole.prefix(whole.count / 2).write(to: file)
    let results = [
      try work.run("evaluate", "--model", "run/best", "--data", "shards"),
      try work.run("evaluate", "--model", "run/best", "--fill", "The [MASK]"),
      try work.run(
        "finetune", "--config", "finetune.yaml", "--model", "run/best", "--train", "train.tsv",
        "--validation",
        "validation.tsv", "--output", "zh-en"),
    ]
    for result in results { expect(result, Self.data, "is damaged, model.safetensors has") }
    #expect(!work.exists("zh-en"))
    // The run has an older checkpoint that is whole.
    let older = try work.succeed("evaluate", "--model", "run", "--data", "shards")
    #expect(older.errors.contains("is damaged, model.safetensors has"))
    #expect(older.output.contains("/step-00000005, "))
  }

  @Test func aDamagedFileOfATranslator() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    try work.finetune()
    // Another vocabulary of the same size: only its digest tells.
    var words = String(decoding: try work.bytes("zh-en/best/vocab.txt"), as: UTF8.self)
      .split(separator: "\n")
    words.swapAt(20, 21)
    for name in ["tokenizer.json", "checkpoint.json"] {
      try FileManager.default.removeItem(at: work.folder.file("zh-en/best/\(name)"))
    }
    try work.folder.write(words.joined(separator: "\n") + "\n", to: "zh-en/best/vocab.txt")
    let result = try work.run("translate", "--model", "zh-en/best", input: "我\n")
    expect(result, Self.data, "was trained with the tokenizer")
  }

  @Test func pairsLongerThanTheModel() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    let result = try work.run(
      "finetune", "--model", "run", "--train", "train.tsv", "--validation", "validation.tsv", "--output",
      "zh-en")
    expect(result, Self.usage, "batch.maximumLength: is 128; choose at most 64, the positions of the model")
    #expect(!work.exists("zh-en"))
  }

  @Test func aReaderThatWentAway() throws {
    let work = try Workplace()
    let full = try work.run(
      "tokenize", "corpus.txt", "--output", "shards", "--vocabulary-size", "200", "--validation-rate", "0.1",
      setup: "exec >/dev/full;")
    #expect(full.status == Self.inputOutput)
    #expect(full.errors.contains("standard output: the disk is full"))
    // A run goes on though nobody hears of it.
    let deaf = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=10",
      setup: "exec 2> >(head -c 1 >/dev/null);")
    #expect(deaf.status == 0)
    #expect(work.exists("run/step-00000010"))
  }

  @Test func aSecondCorpusThatCannotBeRead() throws {
    let work = try Workplace()
    try work.tokenize()
    let before = try work.names("shards")
    let index = try work.bytes("shards/index.json")
    try work.folder.write("{\"text\": \"a\"}\n{\"text\": \n", to: "bad.jsonl")
    let result = try work.run(
      "tokenize", "bad.jsonl", "--output", "shards", "--tokenizer", "shards", "--force")
    expect(result, Self.data, "bad.jsonl:2: ends too soon, at column 10; correct the line")
    #expect(try work.names("shards") == before)
    #expect(try work.bytes("shards/index.json") == index)
  }

  @Test func aLineWithoutATab() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.folder.write("我\tI\n我爱你。 I love you.\n", to: "bad.tsv")
    let result = try work.run(
      "finetune", "--from-scratch", "--tokenizer", "shards", "--train", "bad.tsv", "--validation",
      "validation.tsv",
      "--output", "zh-en")
    expect(result, Self.data, "bad.tsv:2: ")
    #expect(!work.exists("zh-en"))
  }

  @Test func aModelThatCannotTranslate() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    expect(try work.run("translate", "--model", "run", input: "我\n"), Self.data, "run/")
    let scored = try work.run("evaluate", "--model", "run", "--translation", "validation.tsv")
    expect(scored, Self.data, "run/")
  }

  // MARK: A full disk

  /// A limit on the size of files stands for a disk that fills up in the middle of a write.
  @Test(.limitsFileSizes) func aDiskThatFillsUpDuringTokenizing() throws {
    let work = try Workplace()
    let result = try work.run(
      "tokenize", "corpus.txt", "--output", "shards", "--vocabulary-size", "200",
      setup: "trap '' XFSZ; ulimit -f 1;")
    expect(result, Self.inputOutput, "shards")
    #expect(!work.exists("shards/index.json"))
    #expect(
      ((try? work.names("shards")) ?? []).allSatisfy { !$0.contains("partial") && !$0.hasSuffix(".zst") })
  }

  @Test(.limitsFileSizes) func aDiskThatFillsUpDuringACheckpoint() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.pretrain(steps: 5)
    let result = try Program(
      "pretrain",
      [
        "--config", "small.yaml", "--data", "shards", "--output", "run", "--resume", "--set", "stop.steps=10",
        "--set", "cadence.diskWaitMinutes=0",
      ],
      setup: "ulimit -f 16;", in: work.folder
    ).wait()
    expect(result, Self.inputOutput, "run/step-00000010")
    #expect(result.errors.contains("the disk is full, the last whole checkpoint stays; "))
    #expect(!result.errors.contains("waiting"))
    #expect(try work.names("run") == ["best", "config.yaml", "latest", "metrics.jsonl", "step-00000005"])
    // With room again the run goes on.
    try work.succeed(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--resume", "--set",
      "stop.steps=10")
  }

  /// The run waits; it goes on where there is room again, and a signal ends the waiting.
  @Test(.limitsFileSizes, arguments: [true, false]) func aDiskThatHasRoomAgain(goesOn: Bool) throws {
    let work = try Workplace()
    try work.tokenize()
    try work.pretrain(to: "straight")
    let arguments = [
      "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=10",
    ]
    let program = try Program("pretrain", arguments, setup: "ulimit -S -f 16;", in: work.folder)
    while program.process.isRunning, !(try program.errorsSoFar.contains("waiting up to 10m00s")) {
      usleep(1000)
    }
    #expect(program.process.isRunning)
    #expect(!work.exists("run/latest"))
    if goesOn {
      let process = program.process.processIdentifier
      _ = try Process.run(
        URL(fileURLWithPath: "/usr/bin/env"),
        arguments: ["prlimit", "--pid", "\(process)", "--fsize=unlimited:"])
    } else {
      program.process.interrupt()
    }
    let result = try program.wait()
    #expect(result.status == (goesOn ? 0 : Self.inputOutput), "\(result.errors)")
    if goesOn {
      let file = "latest/model.safetensors"
      #expect(try work.bytes("run/\(file)") == work.bytes("straight/\(file)"))
    } else {
      #expect(try work.names("run") == ["config.yaml", "metrics.jsonl"])
    }
  }
}
