import Foundation
import Testing

/// `translate` with the options that change what is found.
@Suite struct DecodingToolTests {
  @Test func sampledTranslationsDoNotDependOnWorkersAndChunks() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    try work.finetune()
    let lines = (0..<40).map { ["我爱狗。", "老师看见猫。", "", "孩子和牛帮助鱼。"][$0 % 4] }.joined(separator: "\n") + "\n"
    func sample(_ options: String..., input: String) throws -> [Substring] {
      try Program(
        "translate", ["--model", "zh-en", "--sample", "--quiet"] + options, input: input, in: work.folder
      ).wait().output.split(separator: "\n", omittingEmptySubsequences: false)
    }
    let one = try sample("--workers", "1", input: lines)
    #expect(one.count == 41 && one[2].isEmpty)
    // The same sentence in many lines has many translations.
    #expect(Set(one).count > 20)
    #expect(try sample("--workers", "3", input: lines) == one)
    #expect(try sample("--seed", "0", "--temperature", "1", "--top-k", "0", input: lines) == one)
    // The draws of a line follow from its number, so without the last lines the first ones stay.
    let first =
      lines.split(separator: "\n", omittingEmptySubsequences: false).prefix(7).joined(separator: "\n") + "\n"
    #expect(try sample(input: first).prefix(7) == one.prefix(7))
    #expect(try sample("--seed", "1", input: lines) != one)
    let greedy = try work.succeed("translate", "--model", "zh-en", "--beam", "1", input: lines).output
    #expect(try sample("--top-k", "1", input: lines).joined(separator: "\n") == greedy)

    // Rewarded, translations are longer.
    func length(_ options: String...) throws -> Int {
      let options = ["--model", "zh-en", "--minimum-length", "0", "--length-penalty", "0"] + options
      return try Program("translate", options, input: lines, in: work.folder).wait().output.utf8.count
    }
    #expect(try length("--length-reward", "20") > length())
    let blocked = try work.succeed(
      "translate", "--model", "zh-en", "--no-repeat-ngram", "1", "--length-reward", "20", input: "我爱狗。\n"
    ).output
    let words = blocked.split(separator: " ")
    #expect(words.count > 3 && Set(words).count == words.count)
  }

  @Test(arguments: [
    (["--top-k", "3"], "--temperature, --top-k and --seed are options of --sample"),
    (["--sample", "--beam", "2"], "leave out --beam and --length-reward"),
    (["--sample", "--length-reward", "1"], "leave out --beam and --length-reward"),
    (["--beam", "1", "--length-reward", "1"], "choose a --beam of 2 or more"),
    (["--sample", "--n-best", "2"], "--n-best is 2; choose 1 with --sample"),
    (["--sample", "--temperature", "0"], "--temperature is 0.0; choose 0.01 to 100"),
    (["--sample", "--top-k=-1"], "--top-k is -1; choose 0 to 100000"),
    (["--no-repeat-ngram=-1"], "--no-repeat-ngram is -1; choose 0 to 1000"),
    (["--length-reward=-1"], "--length-reward is -1.0; choose 0 to 100"),
  ])
  func optionsThatDoNotFitAreRefused(options: [String], message: String) throws {
    let work = try Workplace(isEmpty: true)
    let result = try Program("translate", ["--model", "x"] + options, in: work.folder).wait()
    #expect(result.status == 64)
    #expect(result.errors.contains(message), "\(result.errors)")
  }
}
