import Foundation
import Testing

/// `augment`, then `finetune --synthetic`.
@Suite struct SyntheticToolTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.trainReverse()
    let words = ["dog", "cat", "horse", "bird", "fish", "cow"]
    let lines = (0..<200).map {
      "The \(words[$0 % 6]) helps the \(words[$0 / 6 % 6]) and the \(words[$0 / 36])."
    }
    let sentences = (0..<1296).map { number in
      "The \([1, 6, 36, 216].map { words[number / $0 % 6] }.joined(separator: " sees the "))."
    }
    try work.folder.write(sentences.joined(separator: "\n") + "\n", to: "english.txt")
    try work.succeed(
      "augment", "--reverse-model", "en-zh", "--output", "synthetic.tsv", "--sample",
      input: lines.joined(separator: "\n") + "\n")
  }

  private func finetune(_ options: String..., synthetic: Bool = true) throws -> Program.Result {
    let common = [
      "--config", "finetune.yaml", "--model", "run", "--train", "train.tsv", "--validation", "validation.tsv",
    ]
    return try Program(
      "finetune", common + (synthetic ? ["--synthetic", "synthetic.tsv"] : []) + options, in: work.folder
    ).wait()
  }

  @Test func theControlIsAnOrdinaryRun() throws {
    let result = try finetune("--output", "out")
    try #require(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("verdict"))
    #expect(Set(try work.names("out")) == ["best", "control", "synthetic", "verdict.json"])
    let plain = try finetune("--output", "plain", synthetic: false)
    try #require(plain.status == 0, "\(plain.errors)")
    for name in ["model.safetensors", "optimizer.safetensors"] {
      #expect(try work.bytes("out/control/latest/\(name)") == work.bytes("plain/latest/\(name)"))
      #expect(try work.bytes("out/synthetic/latest/\(name)") != work.bytes("plain/latest/\(name)"))
    }
    let verdict = try #require(
      try JSONSerialization.jsonObject(with: work.bytes("out/verdict.json")) as? [String: Any])
    let decision = try #require(verdict["decision"] as? String)
    #expect(result.output.contains(" \(decision): "), "\(result.output)")
    // The folder translates with the winner.
    let input = "我爱狗。\n"
    let winner = decision == "kept" ? "out/synthetic" : "out/control"
    let expected = try work.succeed("translate", "--model", winner, input: input).output
    for model in ["out", "out/best"] {
      #expect(try work.succeed("translate", "--model", model, input: input).output == expected)
    }

    #expect(try finetune("--output", "out").status == 64)
    // Killed between the runs, it goes on; what has ended has the same bytes.
    let (control, before) = (
      try work.bytes("out/control/latest/model.safetensors"), try work.bytes("out/verdict.json")
    )
    try FileManager.default.removeItem(at: work.folder.file("out/synthetic"))
    try FileManager.default.removeItem(at: work.folder.file("out/verdict.json"))
    let resumed = try finetune("--output", "out", "--resume", "--set", "compute.workers=1")
    try #require(resumed.status == 0, "\(resumed.errors)")
    #expect(try work.bytes("out/control/latest/model.safetensors") == control)
    #expect(try work.bytes("out/verdict.json") == before)
  }

  @Test func wrongInputsAreRefusedInOneLine() throws {
    try work.succeed(
      "tokenize", "corpus.txt", "--output", "other", "--vocabulary-size", "200", "--uncased",
      "--validation-rate", "0.1")
    let scratch = try work.run(
      "finetune", "--config", "finetune.yaml", "--from-scratch", "--tokenizer", "other", "--train",
      "train.tsv",
      "--validation", "validation.tsv", "--output", "out", "--synthetic", "synthetic.tsv", "--set",
      "model.hiddenSize=32", "--set", "model.headCount=2")
    #expect(scratch.status == 65)
    #expect(scratch.errors.contains("synthetic.tsv: its pairs were made with tokenizer"), "\(scratch.errors)")
    #expect(scratch.errors.split(separator: "\n").count == 1)
    #expect(!work.exists("out"))
    try work.folder.write("a\tb\n", to: "plain.tsv")
    let plain = try finetune("--output", "out", "--synthetic", "plain.tsv", synthetic: false)
    #expect(plain.status == 65 && plain.errors.contains("has no plain.tsv.json beside it"), "\(plain.errors)")
    let minutes = try finetune("--output", "out", "--set", "stop.minutes=5")
    #expect(minutes.status == 64 && minutes.errors.contains("stop: has minutes or tokens beside steps"))
    let labels = try finetune("--output", "out", "--task", "classification")
    #expect(labels.status == 64 && labels.errors.contains("--synthetic goes with --task translation"))
    try work.finetune()
    #expect(try finetune("--output", "zh-en", "--resume").status == 64)
  }

  /// The discriminator keeps a share of the pairs, with the probability of `real` as their score, and `finetune` takes them.
  @Test func aDiscriminatorChooses() throws {
    try work.succeed(
      "augment", "--reverse-model", "en-zh", "--text", "english.txt", "--output", "many.tsv", "--sample",
      "--seed", "1")
    let options = [
      "--discriminate", "many.tsv", "--train", "train.tsv", "--model", "run", "--keep", "0.25", "--set",
      "batch.maximumLength=48", "--set", "stop.steps=20", "--set", "cadence.validationSteps=10", "--set",
      "cadence.checkpointSteps=10",
    ]
    func choose(_ output: String, _ more: String...) throws -> Program.Result {
      try Program("augment", options + ["--output", output] + more, in: work.folder).wait()
    }
    let result = try choose("chosen.tsv", "--workers", "1")
    try #require(result.status == 0, "\(result.errors)")
    let rows = try ["many.tsv", "chosen.tsv"].map {
      String(decoding: try work.bytes($0), as: UTF8.self).split(separator: "\n").map {
        $0.split(separator: "\t")
      }
    }
    #expect(abs(rows[1].count - (rows[0].count + 3) / 4) <= 1)
    let known = Set(rows[0].map { Array($0[..<2]) })
    #expect(
      rows[1].allSatisfy { known.contains(Array($0[..<2])) && $0[2] == "discriminated back-translation" })
    #expect(rows[1].allSatisfy { (0...1).contains(Double($0[3]) ?? -1) })
    #expect(!work.exists("chosen.tsv.folds") && !work.exists("chosen.tsv.partial"))
    #expect(result.output.contains("50 % is chance"))

    let again = try choose("again.tsv", "--workers", "2", "--resume")
    try #require(again.status == 0, "\(again.errors)")
    #expect(try work.bytes("again.tsv") == work.bytes("chosen.tsv"))
    #expect(try choose("again.tsv", "--resume").errors.contains("has finished it"))
    #expect(try choose("again.tsv").status == 64)
    let trained = try finetune("--output", "out", "--synthetic", "chosen.tsv", synthetic: false)
    #expect(trained.status == 0, "\(trained.errors)")
  }

  /// A round: the generator draws, a discriminator judges, the generator learns. What it cannot learn from is refused.
  @Test func theGeneratorLearnsFromTheDiscriminator() throws {
    try work.succeed(
      "augment", "--reverse-model", "en-zh", "--text", "english.txt", "--output", "many.tsv", "--sample")
    try work.succeed(
      "augment", "--discriminate", "many.tsv", "--train", "train.tsv", "--model", "run", "--keep", "1",
      "--output", "judged.tsv", "--set", "batch.maximumLength=48", "--set", "stop.steps=20", "--set",
      "cadence.validationSteps=10", "--set", "cadence.checkpointSteps=10")
    func teach(_ output: String, _ options: [String] = [], model: String = "en-zh") throws
      -> Program.Result
    {
      let arguments = [
        "--config", "finetune.yaml", "--model", model, "--train", "train.reversed.tsv", "--validation",
        "validation.reversed.tsv", "--output", output,
      ]
      return try Program("finetune", arguments + options, in: work.folder).wait()
    }
    let taught = try teach("taught", ["--rewards", "judged.tsv"])
    try #require(taught.status == 0, "\(taught.errors)")
    #expect(taught.errors.contains(" samples of the model with a mean reward of 0."), "\(taught.errors)")
    #expect(try work.lines("taught/metrics.jsonl")[0].contains("\"policy\":"))
    let plain = try teach("plain")
    try #require(plain.status == 0, "\(plain.errors)")
    #expect(
      try work.bytes("taught/latest/model.safetensors") != work.bytes("plain/latest/model.safetensors"))
    try work.succeed(
      "augment", "--reverse-model", "taught", "--text", "english.txt", "--output", "second.tsv", "--sample")

    for (options, model, status, message) in [
      (["--rewards", "many.tsv"], "en-zh", 65, "many.tsv: no discriminator has judged its pairs"),
      (["--rewards", "judged.tsv"], "taught", 65, "has drawn its sources, and --model is"),
      (["--rewards", "judged.tsv", "--synthetic", "many.tsv"], "en-zh", 64, "without --synthetic"),
      (["--rewards", "train.tsv"], "en-zh", 65, "has no train.tsv.json beside it"),
      (["--rewards", "none.tsv"], "en-zh", 65, "none.tsv: does not exist"),
      (["--rewards", "judged.tsv", "--set", "policy.weight=-1"], "en-zh", 64, "policy.weight: is -1.0"),
    ] {
      let result = try teach("none", options, model: model)
      #expect(result.status == status && result.errors.contains(message), "\(result.errors)")
      #expect(!work.exists("none"))
    }
  }

  @Test(arguments: [
    (["--discriminate", "x.tsv"], "needs --train FILE"),
    ([], "give --reverse-model FOLDER to make pairs, or"),
    (
      ["--discriminate", "x.tsv", "--train", "y", "--model", "z", "--sample"],
      "leave out --text, --beam, --sample"
    ),
    (["--discriminate", "x.tsv", "--train", "y", "--model", "z", "--keep", "0"], "--keep is 0.0"),
    (["--discriminate", "x.tsv", "--train", "y", "--model", "z", "--folds", "1"], "--folds is 1"),
    (["--reverse-model", "x", "--keep", "0.5"], "are options of --discriminate"),
    (["--reverse-model", "x", "--set", "seed=1"], "are settings of the classifiers"),
  ])
  func optionsThatDoNotFitAreRefused(options: [String], message: String) throws {
    let result = try Program("augment", options + ["--output", "o.tsv"], in: work.folder).wait()
    #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
  }
}
