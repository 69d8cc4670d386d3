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
        "disk", "epochs", "memory", "special tokens", "speed", "time", "train/validation overlap",
        "unknown tokens",
      ])
    #expect(try #require(table["memory"]).contains("2 gradient lanes"))
    #expect(try #require(table["time"]).contains("to the end at step 40; "))
    #expect(try #require(table["disk"]).contains(": 4 checkpoints of "))
    #expect(try work.names() == before)
  }

  @Test func aPlanOfARunThatGoesOn() throws {
    try work.pretrain()
    let before = try work.contents("run")
    let result = try pretrain("--plan", "--resume", "--set", "stop.steps=20")
    #expect(result.status == 0, "\(result.errors)")
    #expect(try #require(work.table(result.output)["time"]).contains("at step 20 from step 10"))
    #expect(try work.contents("run") == before)
    #expect(try pretrain("--plan", "--set", "stop.steps=20").status == 64)
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

  @Test func oneStepCannotBeHalved() throws {
    #expect(try pretrain("--verify-resume", "1").status == 64)
    #expect(try pretrain("--verify-resume", "4", "--resume").status == 64)
  }
}
