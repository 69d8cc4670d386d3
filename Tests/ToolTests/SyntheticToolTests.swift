import Foundation
import Testing

/// `augment`, then `finetune --synthetic`.
@Suite struct SyntheticToolTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    for name in ["train", "validation"] {
      let rows = String(decoding: try work.bytes("\(name).tsv"), as: UTF8.self).split(separator: "\n")
      let reversed = rows.map { $0.split(separator: "\t").reversed().joined(separator: "\t") }
      try work.folder.write(reversed.joined(separator: "\n") + "\n", to: "\(name).reversed.tsv")
    }
    try work.succeed(
      "finetune", "--config", "finetune.yaml", "--model", "run", "--train", "train.reversed.tsv",
      "--validation",
      "validation.reversed.tsv", "--output", "en-zh")
    let words = ["dog", "cat", "horse", "bird", "fish", "cow"]
    let lines = (0..<200).map {
      "The \(words[$0 % 6]) helps the \(words[$0 / 6 % 6]) and the \(words[$0 / 36])."
    }
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
    let labels = try finetune("--output", "out", "--task", "classification")
    #expect(labels.status == 64 && labels.errors.contains("--synthetic goes with --task translation"))
    try work.finetune()
    #expect(try finetune("--output", "zh-en", "--resume").status == 64)
  }
}
