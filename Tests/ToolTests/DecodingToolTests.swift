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

    let long = try work.run("translate", "--model", "zh-en", "--minimum-length", "999", input: "我爱狗。\n")
    #expect(
      long.status == 64 && long.errors.contains("--minimum-length: is 999; choose 0 to "), "\(long.errors)")
    // A reader that takes its time, at a pipe that somebody has made non-blocking.
    let many = String(repeating: "我爱狗。\n", count: 4000)
    try work.folder.write(many, to: "many.txt")
    let nonblocking =
      "import fcntl, os, sys; fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK | os.O_WRONLY); os.execv(sys.argv[1], sys.argv[1:])"
    let translate = Program.folder.appendingPathComponent("translate").path
    let script =
      "set -o pipefail; python3 -c '\(nonblocking)' \(translate) --model zh-en --beam 1 --minimum-length 20 --quiet < many.txt"
      + " | (sleep 1; cat > many.out)"
    let slow = try Program("/bin/bash", ["-c", script], in: work.folder).wait()
    #expect(slow.status == 0, "\(slow.errors)")
    let output = try work.bytes("many.out")
    #expect(output.count > 1 << 16 && output.count { $0 == UInt8(ascii: "\n") } == 4000)
  }

  /// Weights with an infinite number: the figures are printed, and the exit status says that they are none.
  @Test func damagedWeightsEndWith65() throws {
    let work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    try work.finetune()
    let folder = work.folder.file("copy")
    try FileManager.default.copyItem(at: work.folder.file("zh-en/best").resolvingSymlinksInPath(), to: folder)
    try FileManager.default.removeItem(at: folder.appendingPathComponent("checkpoint.json"))
    let weights = folder.appendingPathComponent("model.safetensors")
    var bytes = try Data(contentsOf: weights)
    let headerCount = Int(bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
    let header = try #require(
      JSONSerialization.jsonObject(with: bytes[8..<8 + headerCount]) as? [String: [String: Any]])
    for (name, entry) in header where name.hasSuffix("predictions.bias") {
      let offset = try #require((entry["data_offsets"] as? [Int])?.first)
      bytes.replaceSubrange(8 + headerCount + offset..<12 + headerCount + offset, with: [0, 0, 0x80, 0x7F])
    }
    try bytes.write(to: weights)
    for (tool, arguments) in [("translate", []), ("evaluate", ["--translation", "validation.tsv"])] {
      let result = try Program(tool, ["--model", "copy"] + arguments, input: "我爱狗。\n", in: work.folder).wait()
      #expect(result.status == 65 && result.errors.contains("not finite"), "\(result.errors)")
      #expect(!result.output.isEmpty)
    }
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
