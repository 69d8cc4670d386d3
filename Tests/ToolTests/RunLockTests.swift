import ClozeTestSupport
import Foundation
import Testing

/// A run folder has one writer, and a writer that was killed leaves nothing in the way.
@Suite struct RunLockTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
  }

  private static let endless = [
    "--set", "stop.steps=1000000", "--set", "cadence.validationSteps=1000000", "--set",
    "cadence.checkpointSteps=20",
  ]

  private func arguments(_ program: String, _ output: String) -> [String] {
    program == "pretrain"
      ? ["--config", "small.yaml", "--data", "shards", "--output", output]
      : [
        "--config", "finetune.yaml", "--model", "pretrained", "--train", "train.tsv", "--validation",
        "validation.tsv", "--output", output,
      ]
  }

  @Test(arguments: ["pretrain", "finetune"]) func aSecondWriterIsRefused(program: String) throws {
    try work.pretrain(to: "pretrained")
    let first = try Program(program, arguments(program, "run") + Self.endless, in: work.folder)
    defer { first.process.terminate() }
    while first.process.isRunning, !work.exists("run/latest") { usleep(1000) }
    let settings = try work.bytes("run/config.yaml")

    for more in [[], ["--resume"], ["--resume", "--set", "seed=2"]] {
      let second = try Program(program, arguments(program, "run") + more, in: work.folder).wait()
      #expect(second.status == 74)
      #expect(
        second.errors.contains("run: process \(first.process.processIdentifier) writes into it; let it end"),
        "\(second.errors)")
      #expect(second.output.isEmpty)
    }
    #expect(try work.bytes("run/config.yaml") == settings)
    #expect(first.process.isRunning)

    // The lock goes with its process, not with the file that it leaves.
    kill(first.process.processIdentifier, SIGKILL)
    _ = try first.wait()
    #expect(work.exists("run/run.lock"))
    let steps = try #require(
      try work.names("run").compactMap { Int($0.dropFirst("step-".count)) }.max())
    let third = try Program(
      program, arguments(program, "run") + ["--resume", "--set", "stop.steps=\(steps + 5)"], in: work.folder
    ).wait()
    #expect(third.status == 0, "\(third.errors)")
    #expect(!work.exists("run/run.lock"))
  }

  @Test func whatAKilledRunLeftIsPutInOrder() throws {
    try work.pretrain()
    let straight = try work.contents("run")
    // A checkpoint half-written, one between the two renames of a replacement, and links not yet moved.
    try FileManager.default.copyItem(
      at: work.folder.file("run/step-00000005"), to: work.folder.file("run/step-00000007.partial"))
    try FileManager.default.moveItem(
      at: work.folder.file("run/step-00000010"), to: work.folder.file("run/step-00000010.replaced"))
    for name in ["best", "latest"] {
      try FileManager.default.removeItem(at: work.folder.file("run/\(name)"))
      try FileManager.default.createSymbolicLink(
        atPath: work.folder.file("run/\(name)").path, withDestinationPath: "step-00000005")
    }
    try work.succeed(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--resume", "--set",
      "stop.steps=10")
    let mended = try work.contents("run")
    #expect(mended.keys.sorted() == straight.keys.sorted())
    for (name, bytes) in straight { #expect(mended[name] == bytes, "\(name)") }
  }
}
