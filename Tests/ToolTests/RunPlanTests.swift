import ClozeTestSupport
import Foundation
import Testing

/// What `pretrain` says before a run, and what it proves of resuming, on a person's own data.
@Suite struct RunPlanTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
  }

  private func pretrain(_ more: String...) throws -> Program.Result {
    try Program(
      "pretrain", ["--config", "small.yaml", "--data", "shards", "--output", "run"] + more, in: work.folder
    ).wait()
  }

  // MARK: --plan

  @Test func aPlanSaysWhatARunTakesAndWritesNothing() throws {
    let before = try work.names()
    let result = try pretrain("--plan", "--set", "stop.steps=40")
    #expect(result.status == 0, "\(result.errors)")
    let table = try work.table(result.output)
    #expect(
      table.keys.sorted() == [
        "disk", "epochs", "memory", "repeated tokens", "special tokens", "speed", "time",
        "train/validation overlap", "unknown characters", "unknown tokens",
      ])
    #expect(try #require(table["memory"]).contains("2 gradient lanes"))
    #expect(try #require(table["time"]).contains("to the end at step 40; "))
    #expect(try #require(table["disk"]).contains(": at most 5 checkpoints of "))
    #expect(try work.names() == before)
  }

  /// Each document is 59 random letters, a character of its own and one footer of 60 letters, so half of the text is
  /// repeated, and one in ten says [MASK].
  @Test func whatATextIsLike() throws {
    var random: UInt64 = 1
    func letters(_ count: Int) -> String {
      (0..<count).map { _ in
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return String(UnicodeScalar(UInt8(97 + (random >> 33) % 26)))
      }.joined(separator: " ")
    }
    let footer = letters(60)
    let documents = (0..<400).map { number in
      let own = UnicodeScalar(UInt32(0x4E00 + number)).map(String.init) ?? ""
      return "\(letters(59)) \(own) \(footer)" + (number % 10 == 0 ? "\n[MASK]" : "")
    }
    try work.folder.write(documents.joined(separator: "\n\n"), to: "footers.txt")
    let made = try work.succeed(
      "tokenize", "footers.txt", "--output", "shards", "--vocabulary-size", "1000", "--validation-rate",
      "0.1",
      "--force")
    let index = try #require(work.table(made.output)["literal special tokens"])
    #expect(index == "40")
    let result = try pretrain("--plan", "--set", "stop.minutes=0.1", "--set", "stop.steps=0")
    #expect(result.status == 0, "\(result.errors)")
    let table = try work.table(result.output)
    for row in ["repeated tokens", "train/validation overlap"] {
      let share = try #require(table[row]?.firstMatch(of: /([0-9.]+) %/)).1
      #expect(abs(try #require(Double(share)) - 50) < 1, "\(result.output)")
    }
    #expect(result.output.contains("Most often, "))
    let spelled = try #require(table["special tokens"]?.firstMatch(of: /ordinary pieces, ([0-9]+) times/)).1
    #expect(try (30...40).contains(#require(Int(spelled))))
    // Six seconds at the probe's speed, over the windows that there are.
    let speed = try #require(table["speed"]?.firstMatch(of: /([0-9,]+) tokens/)).1
    let windows = try #require(table["epochs"]?.firstMatch(of: /([0-9.]+) over ([0-9,]+) windows of 32/))
    func number(_ text: Substring) throws -> Double {
      try #require(Double(text.replacing(",", with: "")))
    }
    let expected = try 6 * number(speed) / (32 * number(windows.2))
    #expect(abs(try number(windows.1) - expected) < 0.01 + 0.05 * expected)
    #expect(try #require(table["time"]).hasPrefix("6s to the end"))
  }

  @Test func aPlanOfARunThatGoesOn() throws {
    try work.pretrain()
    let before = try work.contents("run")
    let result = try pretrain("--plan", "--resume", "--set", "stop.steps=20")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try #require(work.table(result.output)["time"]).contains("at step 20 from step 10"))
    #expect(try work.contents("run") == before)
    #expect(try pretrain("--plan", "--set", "stop.steps=20").status == 64)
    // Its minutes and its steps count from its beginning.
    let past = try pretrain("--plan", "--resume", "--set", "stop.steps=10", "--set", "stop.minutes=60")
    #expect(past.output.contains("0s to the end at step 10 from step 10"), "\(past.output)")
    #expect(past.output.contains("the run has reached its limit; raise it to go on"))
  }

  /// 65,536 wide, 1,024 layers: petabytes.
  @Test func aPlanThatDoesNotFit() throws {
    let result = try pretrain(
      "--plan", "--set", "model.layerCount=1024", "--set", "model.hiddenSize=65536", "--set",
      "model.feedForwardSize=262144")
    #expect(result.status == 74)
    #expect(result.errors.contains("pretrain: memory: the run needs "))
    #expect(result.output.contains("memory"))
    #expect(!work.exists("run"))
  }

  // MARK: --verify-resume

  @Test(arguments: ["1", "2", "5"]) func resumingIsProved(workers: String) throws {
    let before = try work.names()
    let result = try pretrain("--verify-resume", "5", "--set", "compute.workers=\(workers)")
    #expect(result.status == 0, "\(result.errors)")
    let table = try work.table(result.output)
    #expect(table["resumed"] == "2 steps with \(workers == "1" ? 2 : 1), stopped, 3 with \(workers)")
    #expect(try work.names() == before)
    // They are the bytes of the run itself.
    try work.pretrain(steps: 5)
    let manifest = String(decoding: try work.bytes("run/latest/checkpoint.json"), as: UTF8.self)
    for file in ["model.safetensors", "optimizer.safetensors"] {
      let digest = try #require(table[file]?.wholeMatch(of: /the same bytes, ([0-9a-f]{64})/)?.1)
      #expect(manifest.contains(digest))
    }
  }

  /// Blocks that are not BERT's resume exactly, too.
  @Test(arguments: [
    "localAttention/geglu, attention/none", "[attention/swiglu, localAttention] x 1", "recurrent, gatedMLP",
  ])
  func resumingOtherBlocksIsProved(blocks: String) throws {
    let result = try pretrain(
      "--verify-resume", "4", "--set", "model.layerCount=2", "--set", "model.blocks='\(blocks)'", "--set",
      "model.localWindow=8")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try #require(work.table(result.output)["model.safetensors"]).hasPrefix("the same bytes"))
  }

  @Test func oneStepCannotBeHalved() throws {
    #expect(try pretrain("--verify-resume", "1").status == 64)
    #expect(try pretrain("--verify-resume", "4", "--resume").status == 64)
  }
}
