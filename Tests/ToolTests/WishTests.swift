import ClozeTestSupport
import Foundation
import Testing

/// What a person asks for on the command line is done or refused, never dropped without a word.
@Suite struct WishTests {
  private let work: Workplace

  init() throws { work = try Workplace() }

  // MARK: Options given twice

  @Test(arguments: [
    ("tokenize", ["corpus.txt", "--output", "x", "--field", "a", "--field", "b"], "--field", "a"),
    ("tokenize", ["corpus.txt", "--output", "x", "--output", "y"], "--output", "x"),
    ("tokenize", ["corpus.txt", "--output=x", "--output", "y"], "--output", "x"),
    ("pretrain", ["--data", "x", "--output", "a", "--output=b"], "--output", "a"),
    (
      "pretrain", ["--config", "small.yaml", "--data", "x", "--output", "a", "--config", "b"], "--config",
      "small.yaml"
    ),
    ("evaluate", ["--model", "a", "--model", "b", "--text", "corpus.txt"], "--model", "a"),
    ("finetune", ["--train", "a", "--train", "b", "--model", "c"], "--train", "a"),
    ("translate", ["--model", "a", "--beam", "2", "--beam", "3"], "--beam", "2"),
  ])
  func anOptionGivenTwiceIsRefused(tool: String, arguments: [String], option: String, first: String) throws {
    let result = try Program(tool, arguments, in: work.folder).wait()
    #expect(result.status == 64)
    #expect(
      result.errors.contains("\(option) is given twice, first as '\(first)'; give it once"),
      "\(result.errors)")
    #expect(!work.exists("x") && !work.exists("y"))
  }

  /// What may be repeated may still be, and a value is no option, whatever it looks like.
  @Test func optionsThatRepeatStillDo() throws {
    try work.tokenize()
    try work.succeed(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=2",
      "--set",
      "seed=2", "--quiet", "--quiet")
    try work.succeed("evaluate", "--model", "run", "--fill", "The [MASK] --fill sees", "--top-k", "2")
  }

  // MARK: Resuming

  @Test func resumingNothingIsRefused() throws {
    try work.tokenize()
    try work.pretrain()
    let pretrain = ["--config", "small.yaml", "--data", "shards", "--output", "new", "--set", "stop.steps=2"]
    let finetune = [
      "--config", "finetune.yaml", "--model", "run", "--train", "train.tsv", "--validation", "validation.tsv",
      "--output", "new", "--set", "stop.steps=2",
    ]
    for (tool, arguments) in [("pretrain", pretrain), ("finetune", finetune)] {
      let result = try Program(tool, arguments + ["--resume"], in: work.folder).wait()
      #expect(result.status == 64)
      #expect(result.errors.contains("new: holds no run to resume; check --output"), "\(result.errors)")
      #expect(!work.exists("new"))
      for word in ["memory", "resumed at step 2"] {
        let begun = try Program(tool, arguments + ["--resume-or-start"], in: work.folder).wait()
        #expect(begun.status == 0)
        #expect(begun.errors.contains(word), "\(begun.errors)")
      }
      try FileManager.default.removeItem(at: work.folder.file("new"))
    }
  }

  /// A run that was killed before its first checkpoint is there, and begins at step 0.
  @Test func aRunWithoutACheckpointSaysSo() throws {
    try work.tokenize()
    try work.pretrain()
    for step in [5, 10] {
      try FileManager.default.removeItem(at: work.folder.file("run/step-000000\(step == 5 ? "05" : "10")"))
    }
    let result = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=10",
      "--resume")
    #expect(result.status == 0)
    #expect(result.errors.contains("has no checkpoint yet; the run starts at step 0"), "\(result.errors)")
  }

  /// A terminal that closes sends SIGHUP, and `nohup` has it ignored.
  @Test func nohupStillIgnoresTheTerminal() throws {
    try work.tokenize()
    let program = try Program(
      "pretrain",
      ["--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=200"],
      setup: "trap '' HUP;", in: work.folder)
    while program.process.isRunning, (try? work.bytes("run/metrics.jsonl").count) ?? 0 == 0 { usleep(1000) }
    kill(program.process.processIdentifier, SIGHUP)
    #expect(try program.wait().status == 0)
  }

  // MARK: The figures at the end

  /// What is printed as best is the best's, in a run that was resumed after it, too.
  @Test func theBestOfAResumedRun() throws {
    try work.tokenize()
    try work.pretrain()
    func arguments(_ steps: Int, _ more: String...) -> [String] {
      [
        "--config", "finetune.yaml", "--model", "run", "--train", "train.tsv", "--validation",
        "validation.tsv",
        "--output", "zh-en", "--set", "stop.steps=\(steps)", "--set", "validation.patience=1",
      ] + more
    }
    _ = try Program("finetune", arguments(10), in: work.folder).wait()
    let resumed = try Program("finetune", arguments(20, "--resume"), in: work.folder).wait()
    try #require(resumed.status == 0, "\(resumed.errors)")
    let table = try work.table(resumed.output)
    let best = try #require(table["best step"].flatMap { Int($0) })
    let figures = try #require(try validations("zh-en")[best])
    for (name, value) in figures {
      #expect(table["best \(name)"] == String(format: "%.3f", value), "\(name)")
    }
    #expect(try destination("zh-en/best").hasSuffix("\(best)"))
  }

  @Test func theBestOfAPretrainingRun() throws {
    try work.tokenize()
    // At this rate the loss rises after the first validation.
    let result = try work.succeed(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=40",
      "--set",
      "optimizer.learningRate=0.3")
    let table = try work.table(result.output)
    let best = try #require(table["best step"].flatMap { Int($0) })
    let validations = try validations("run")
    let figures = try #require(validations[best])
    #expect(validations.values.allSatisfy { $0["validationLoss"] ?? 0 >= figures["validationLoss"] ?? 0 })
    #expect(
      table["best validation loss"]?.hasPrefix(String(format: "%.4f nats", figures["validationLoss"] ?? 0))
        == true)
    #expect(try destination("run/best").hasSuffix("\(best)"))
  }

  private func validations(_ run: String) throws -> [Int: [String: Double]] {
    let events = try work.lines("\(run)/metrics.jsonl").compactMap {
      try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }.filter { $0["event"] as? String == "validation" }
    return Dictionary(
      events.map { ($0["step"] as? Int ?? -1, $0["figures"] as? [String: Double] ?? [:]) },
      uniquingKeysWith: { $1 })
  }

  private func destination(_ link: String) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: work.folder.file(link).path)
  }

  // MARK: Pairs

  @Test func aPathThatExistsIsThatPath() throws {
    try work.tokenize()
    try work.pretrain()
    for (name, copy) in [("train.tsv", "train,1.tsv"), ("validation.tsv", "held, out.tsv")] {
      try work.bytes(name).write(to: work.folder.file(copy))
    }
    try work.succeed(
      "finetune", "--config", "finetune.yaml", "--model", "run", "--train", "train,1.tsv", "--validation",
      "held, out.tsv", "--output", "zh-en")
  }

  @Test func oddPairsAreNamedOrRefused() throws {
    try work.tokenize()
    try work.pretrain()
    let shared = try work.lines("train.tsv").prefix(3).joined(separator: "\n") + "\n"
    try work.folder.write(
      shared + String(decoding: work.bytes("validation.tsv"), as: UTF8.self), to: "both.tsv")
    try work.folder.write(
      "\tno source\n" + String(decoding: work.bytes("train.tsv"), as: UTF8.self), to: "bad.tsv")
    func finetune(_ more: String...) throws -> Program.Result {
      try Program(
        "finetune",
        [
          "--config", "finetune.yaml", "--model", "run", "--train", "bad.tsv", "--validation", "both.tsv",
          "--output", "x",
        ]
          + more, in: work.folder
      ).wait()
    }
    let refused = try finetune()
    #expect(refused.status == 65)
    #expect(refused.errors.contains("bad.tsv:1: has an empty source"))
    let strict = try finetune("--skip-bad-rows", "--strict-pairs")
    #expect(strict.status == 65)
    #expect(!work.exists("x"))
    let result = try finetune("--skip-bad-rows")
    #expect(result.status == 0)
    for text in [
      "bad.tsv: 1 row cannot be used and was left out: ",
      "both.tsv: 3 of its 23 pairs are training pairs as well",
    ] {
      #expect(result.errors.contains(text), "\(result.errors)")
      #expect(strict.errors.contains(text), "\(strict.errors)")
    }
    // `evaluate` knows the pairs that a model was trained on.
    let own = try work.run(
      "evaluate", "--model", "x", "--translation", "bad.tsv", "--skip-bad-rows", "--beam", "1")
    #expect(own.status == 0)
    #expect(own.errors.contains("bad.tsv: holds the pairs that the model was trained on"), "\(own.errors)")
  }

  /// The signature tells apart whatever was computed otherwise.
  @Test func aTranslationScoreNamesWhatItComesFrom() throws {
    try work.tokenize()
    try work.pretrain()
    try work.finetune()
    func signatures(_ more: String...) throws -> [String] {
      let arguments = [
        "--model", "zh-en", "--translation", "validation.tsv", "--json", "--precision", "float32",
      ]
      let result = try Program("evaluate", arguments + more, in: work.folder).wait()
      let score = try #require(
        try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
      return try ["bleu", "chrF", "chrFPlusPlus"].map {
        try #require((score[$0] as? [String: Any])?["signature"] as? String)
      }
    }
    let base = try signatures()
    for signature in base {
      #expect(signature.contains("|beam:5|penalty:1.0|minimum:1|precision:float32|tokenizer:"))
    }
    for other in [["--beam", "2"], ["--length-penalty", "0.5"], ["--minimum-length", "0"]] {
      let found = try signatures(other[0], other[1])
      for (one, two) in zip(base, found) { #expect(one != two) }
    }
  }

  // MARK: Rows of JSON lines

  /// A null, a missing field, a number, what is no JSON, and a list: each is refused by its line, or counted and left out.
  @Test func badRowsOfJSONLines() throws {
    let bad = [
      #"{"text": null}"#, #"{"title": "x"}"#, #"{"text": 3}"#, #"{"text": "x", "score": NaN}"#, #"[1]"#,
      #"{"text": "a", "text": "b"}"#, #"{"text": "cut"#,
    ]
    let good = (0..<40).map { #"{"text": "tale \#($0) of the harbour"}"# }
    for (index, row) in bad.enumerated() {
      try work.folder.write((good + [row] + good).joined(separator: "\n"), to: "bad.jsonl")
      let result = try work.run("tokenize", "bad.jsonl", "--output", "refused", "--vocabulary-size", "200")
      #expect(result.status == 65, "\(index)")
      #expect(result.errors.contains("bad.jsonl:41: "), "\(result.errors)")
      #expect(result.errors.contains("--skip-bad-rows"), "\(result.errors)")
    }
    try work.folder.write((good + bad).joined(separator: "\n"), to: "bad.jsonl")
    try work.folder.write(good.joined(separator: "\n"), to: "good.jsonl")
    let arguments = ["--vocabulary-size", "200", "--validation-rate", "0.2"]
    let skipped = try Program(
      "tokenize", ["bad.jsonl", "--skip-bad-rows", "--output", "skipped"] + arguments, in: work.folder
    ).wait()
    #expect(skipped.status == 0)
    #expect(
      skipped.errors.contains("7 rows cannot be used and were left out; the first: ")
        && skipped.errors.contains("bad.jsonl:41: has no text in the field 'text'"), "\(skipped.errors)")
    _ = try Program("tokenize", ["good.jsonl", "--output", "good"] + arguments, in: work.folder).wait()
    try work.expectEqual("skipped", "good")
  }

  // MARK: A reader that goes away

  @Test func aClosedPipeEndsQuietly() throws {
    try work.tokenize()
    try work.pretrain()
    try work.finetune()
    let lines = String(repeating: "我和狗看见马。\n", count: 3000)
    // The pipe's reader is gone before the first line is written.
    let result = try work.run(
      "translate", "--model", "zh-en", "--beam", "1", "--quiet", input: lines,
      setup: "exec > >(exec true); sleep 0.2;")
    #expect(result.status == 0)
    #expect(result.errors.isEmpty, "\(result.errors)")
  }
}
