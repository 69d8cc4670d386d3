import Foundation
import Testing

/// The programs one after the other, as the README tells it.
@Suite struct PipelineTests {
  @Test func textBecomesATranslator() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    #expect(
      try work.names("run") == [
        "best", "config.yaml", "latest", "metrics.jsonl", "step-00000005", "step-00000010",
      ])

    let scores = try work.succeed("evaluate", "--model", "run", "--data", "shards", "--json")
    let score = try #require(
      try JSONSerialization.jsonObject(with: Data(scores.output.utf8)) as? [String: Any])
    let signature = try #require(score["signature"] as? String)
    #expect(signature.hasPrefix("acc|rate:15|scheme:80-10-10|unit:token|length:64|seed:7|tokenizer:"))
    #expect(
      try work.succeed("evaluate", "--model", "run", "--data", "shards", "--json").output == scores.output)

    let filled = try work.succeed(
      "evaluate", "--model", "run", "--fill", "The [MASK] and the cat .", "--top-k", "3")
    #expect(filled.output.split(separator: "\n").count >= 3)
    #expect(
      try work.succeed("evaluate", "--model", "run", "--text", "corpus.txt").output.contains(
        "unigram accuracy"))

    try work.finetune()
    let scored = try work.succeed("evaluate", "--model", "zh-en", "--translation", "validation.tsv")
    #expect(scored.output.contains("|tok:13a|"))
  }

  @Test func aStartFromScratchIsOneFlagAway() throws {
    let work = try Workplace()
    try work.tokenize()
    let result = try work.succeed(
      "finetune", "--config", "finetune.yaml", "--from-scratch", "--tokenizer", "shards", "--train",
      "train.tsv",
      "--validation", "validation.tsv", "--output", "zh-en", "--set", "model.hiddenSize=32", "--set",
      "model.headCount=2", "--set", "model.layerCount=1")
    #expect(result.errors.contains("new"))
    #expect(!result.errors.contains("loaded from"))
  }

  @Test func translationsComeInTheOrderOfTheLines() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    try work.finetune()
    let lines = "我爱狗。\n\n老师看见猫。\n孩子和牛帮助鱼。\n"
    let together = try work.succeed("translate", "--model", "zh-en", input: lines).output
      .split(separator: "\n", omittingEmptySubsequences: false)
    #expect(together.count == 5)
    #expect(together[1].isEmpty)
    for (index, line) in lines.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      .dropLast()
    {
      let alone = try work.succeed("translate", "--model", "zh-en", input: line + "\n").output
      #expect(alone == together[index] + "\n")
    }
    let best = try work.succeed("translate", "--model", "zh-en", "--n-best", "3", input: lines).output
      .split(separator: "\n").map { $0.split(separator: "\t", omittingEmptySubsequences: false) }
    #expect(best.filter { $0[0] == "2" }.count == 3)
    #expect(best.filter { $0[0] == "2" }.allSatisfy { Double($0[1]) ?? 1 < 0 })
    #expect(String(best[0][2]) == together[0])
  }

  @Test func quietRunsSayNothing() throws {
    let work = try Workplace()
    let first = try work.succeed(
      "tokenize", "corpus.txt", "--output", "shards", "--vocabulary-size", "200", "--validation-rate", "0.1",
      "--quiet")
    let second = try work.succeed(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=2",
      "--quiet")
    for result in [first, second] {
      #expect(result.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("warning: ") })
      #expect(!result.output.isEmpty)
    }
  }

  @Test func textThroughAPipeGivesTheSameShards() throws {
    let work = try Workplace()
    try work.tokenize()
    let text = String(decoding: try work.bytes("corpus.txt"), as: UTF8.self)
    try work.succeed(
      "tokenize", "-", "--output", "piped", "--vocabulary-size", "200", "--validation-rate", "0.1",
      "--workers", "3",
      input: text)
    #expect(try work.names("piped") == work.names("shards"))
    for name in try work.names("shards") {
      #expect(try work.bytes("piped/\(name)") == work.bytes("shards/\(name)"), "\(name)")
    }
  }

  @Test(arguments: [
    "tokenize", "pretrain", "evaluate", "finetune", "translate", "predict", "augment", "search",
  ])
  func helpHasAnExample(tool: String) throws {
    let help = try Workplace(isEmpty: true).succeed(tool, "--help").output
    #expect(help.contains("Example"))
    #expect(help.contains("--quiet"))
  }
}
