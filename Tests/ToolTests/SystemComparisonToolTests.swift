import ClozeTestSupport
import Foundation
import Testing

/// `evaluate --translation --against`: a model compared with another model, and with a file of translations.
@Suite struct SystemComparisonToolTests {
  private let work: Workplace
  private static let noDifference = "  +0.00        1.0000            1.0000\n"

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    try work.finetune()
  }

  private func compare(_ other: String, _ more: String...) throws -> Program.Result {
    let arguments = [
      "--model", "zh-en", "--translation", "validation.tsv", "--beam", "1", "--against", other,
    ]
    return try Program("evaluate", arguments + more, in: work.folder).wait()
  }

  private func json(_ other: String) throws -> [String: Any] {
    let result = try compare(other, "--json")
    try #require(result.status == 0, "\(result.errors)")
    return try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
  }

  /// A model with another tokenizer: texts are compared.
  @Test func twoModels() throws {
    try work.succeed("tokenize", "train.tsv", "--output", "other", "--vocabulary-size", "150")
    try work.succeed(
      "finetune", "--config", "finetune.yaml", "--from-scratch", "--tokenizer", "other", "--train",
      "train.tsv", "--validation", "validation.tsv", "--output", "scratch")
    let found = try json("scratch")
    let against = try #require(found["against"] as? [String: Any])
    #expect((against["path"] as? String)?.contains("scratch") == true)
    #expect((against["hypotheses"] as? [String])?.count == 20)
    let comparison = try #require(found["comparison"] as? [String: Any])
    let scores = try #require(comparison["scores"] as? [[String: Any]])
    #expect(scores.compactMap { $0["name"] as? String } == ["BLEU", "chrF", "chrF++", "TER"])
    for (key, score) in zip(["bleu", "chrF", "chrFPlusPlus", "ter"], scores) {
      let (own, other) = (found[key] as? [String: Any], against[key] as? [String: Any])
      let values = try [own, other].map { try #require($0?["value"] as? Double) }
      #expect(abs(try #require(score["difference"] as? Double) - values[0] + values[1]) < 1e-9)
      for name in ["bootstrapP", "randomizationP"] {
        #expect((0.00001...1).contains(try #require(score[name] as? Double)))
      }
      #expect((own?["interval"] as? [Double])?.count == 2)
      #expect(own?["signature"] as? String != other?["signature"] as? String)
    }
    // The same for any number of workers, and the same in words.
    let text = try compare("scratch", "--workers", "3")
    #expect(text.output.contains(try #require(comparison["verdict"] as? String)))
    #expect(text.output == (try compare("scratch", "--workers", "1").output))
  }

  /// The model's own translations differ from it in nothing, the targets in everything.
  @Test func aFileOfTranslations() throws {
    let sources = try work.lines("validation.tsv").map { $0.split(separator: "\t")[0] + "\n" }.joined()
    let own = try work.succeed("translate", "--model", "zh-en", "--beam", "1", input: sources).output
    try work.folder.write(own, to: "own.txt")
    let same = try compare("own.txt")
    #expect(same.status == 0, "\(same.errors)")
    #expect(same.output.contains(Self.noDifference), "\(same.output)")
    #expect(same.output.contains("Neither is better beyond chance: "))
    let targets = try work.lines("validation.tsv").map { $0.split(separator: "\t")[1] + "\n" }.joined()
    try work.folder.write(targets, to: "targets.txt")
    let better = try compare("targets.txt")
    #expect(better.output.contains("B is better than A by BLEU, chrF, chrF++ and TER (5 %, both tests)."))
    #expect(better.output.contains("|translations:"))
    // A row of the pairs that is left out leaves out its translation.
    try work.folder.write(
      "no tab\n" + String(decoding: work.bytes("validation.tsv"), as: UTF8.self), to: "bad.tsv")
    try work.folder.write("left out\n" + own, to: "shifted.txt")
    let shifted = try work.succeed(
      "evaluate", "--model", "zh-en", "--translation", "bad.tsv", "--skip-bad-rows", "--beam", "1",
      "--against", "shifted.txt")
    #expect(shifted.output.contains(Self.noDifference))
  }

  @Test func whatCannotBeCompared() throws {
    let lines = try work.lines("validation.tsv")
    try work.folder.write(lines.dropLast().map { _ in "x\n" }.joined(), to: "short.txt")
    try FileManager.default.createSymbolicLink(
      at: work.folder.file("link"), withDestinationURL: work.folder.file("zh-en"))
    for (other, status, message) in [
      ("short.txt", Int32(65), "short.txt: has 19 lines, and "),
      ("validation.tsv", 65, "validation.tsv:1: has a tab; "),
      ("run", 65, "run"), ("zh-en", 64, "--against: zh-en is the model that --model names; "),
      ("link", 64, "--against: link is the model that --model names; "), ("nothing", 65, "nothing"),
    ] {
      let result = try compare(other)
      #expect(result.status == status, "\(other): \(result.status) \(result.errors)")
      #expect(result.errors.contains(message), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      #expect(result.output.isEmpty)
    }
    let alone = try work.run("evaluate", "--model", "run", "--text", "corpus.txt", "--against", "zh-en")
    #expect(alone.status == 64)
    #expect(alone.errors.contains("--against compares translations; add --translation FILE"))
  }
}
