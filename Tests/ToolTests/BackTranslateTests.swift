import Foundation
import Testing

/// `scripts/back-translate`: rounds in which two translators make pairs for each other.
@Suite struct BackTranslateTests {
  private let work: Workplace
  private let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../scripts/back-translate").standardizedFileURL.path

  init() throws {
    work = try Workplace()
    try work.trainReverse()
    let words = ["dog", "cat", "horse", "bird", "fish", "cow"]
    let sentences = (0..<36).map { "The \(words[$0 % 6]) helps the \(words[$0 / 6])." }
    try work.folder.write(sentences.joined(separator: "\n") + "\n", to: "english.txt")
    try work.folder.write("我爱狗。\n我爱猫。\n狗爱我。\n", to: "chinese.txt")
  }

  private func backTranslate(_ options: String...) throws -> Program.Result {
    try Program(
      script,
      [
        "--config", "finetune.yaml", "--model", "run", "--train", "train.tsv", "--validation",
        "validation.tsv", "--source-text", "chinese.txt", "--target-text", "english.txt",
      ] + options, setup: "export CLOZE_BIN=\(Program.folder.path);", in: work.folder
    ).wait()
  }

  @Test func roundsEndWithTheModelThatWasKept() throws {
    let result = try backTranslate("--output", "out", "--rounds", "2", "--sample")
    try #require(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("== round 1, forward"))
    let verdict = String(decoding: try work.bytes("out/round-1/forward/verdict.json"), as: UTF8.self)
    let isKept = verdict.contains("\"decision\" : \"kept\"")
    #expect(result.output.contains("== round 1, reverse") == isKept)
    for direction in ["forward", "reverse"] where isKept || direction == "forward" {
      #expect(
        try work.bytes("out/round-1/\(direction)/control/latest/model.safetensors")
          == work.bytes("out/pairs-alone/\(direction)/latest/model.safetensors"))
    }
    #expect(try !work.succeed("translate", "--model", "out/best", input: "我爱狗。\n").output.isEmpty)

    // Killed within a round, it goes on to the same bytes.
    let rows = try work.bytes("out/round-1/forward.tsv")
    let model = try work.bytes("out/round-1/forward/synthetic/latest/model.safetensors")
    try FileManager.default.removeItem(at: work.folder.file("out/round-1"))
    let resumed = try backTranslate("--output", "out", "--rounds", "2", "--sample")
    try #require(resumed.status == 0, "\(resumed.errors)")
    #expect(try work.bytes("out/round-1/forward.tsv") == rows)
    #expect(try work.bytes("out/round-1/forward/synthetic/latest/model.safetensors") == model)
  }

  @Test func wrongOptionsAreRefusedInOneLine() throws {
    for (options, text) in [
      (["--output", "out", "--rounds", "0"], "--rounds is 0; choose 1 to 99"),
      ([], "--output is missing"), (["--outptu", "out"], "--outptu: is not an option"),
      (["--output"], "--output needs a value"),
    ] {
      let result = try Program(
        script,
        [
          "--model", "run", "--train", "train.tsv", "--validation", "validation.tsv", "--source-text",
          "chinese.txt", "--target-text", "english.txt",
        ] + options, in: work.folder
      ).wait()
      #expect(result.status == 64)
      #expect(result.errors.contains(text) && result.errors.filter { $0 == "\n" }.count == 1)
    }
    let missing = try backTranslate("--output", "out", "--train", "none.tsv")
    #expect(missing.status == 66 && missing.errors.contains("none.tsv: does not exist"))
  }
}
