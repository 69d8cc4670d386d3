import ClozeTestSupport
import Foundation
import Testing

/// A pretraining run is never lost: stopped, resumed, damaged, mistaken for another.
@Suite struct RunTests {
  private static let steps = 10
  /// What decides where a run ends up; the checkpoint's manifest also holds the time that it took.
  private static let files = ["model.safetensors", "optimizer.safetensors", "config.json", "vocab.txt"]

  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
  }

  private func start(_ output: String, _ more: String...) throws -> Program {
    try Program("pretrain", arguments(output) + more, in: work.folder)
  }

  private func resume(_ output: String, _ more: String...) throws -> Program.Result {
    try Program("pretrain", arguments(output) + ["--resume"] + more, in: work.folder).wait()
  }

  private func arguments(_ output: String) -> [String] {
    ["--config", "small.yaml", "--data", "shards", "--output", output, "--set", "stop.steps=\(Self.steps)"]
  }

  private func expectEqualEnds(_ first: String, _ second: String) throws {
    let name = "step-000000\(Self.steps)"
    for file in Self.files {
      #expect(
        try work.bytes("\(first)/\(name)/\(file)") == work.bytes("\(second)/\(name)/\(file)"), "\(file)")
    }
  }

  @Test func tenStepsAreFiveAndFive() throws {
    #expect(try start("straight").wait().status == 0)
    // As a run that was killed after its checkpoint at step 5.
    #expect(try start("broken", "--set", "compute.workers=1").wait().status == 0)
    for name in ["best", "latest", "step-00000010"] {
      try FileManager.default.removeItem(at: work.folder.file("broken/\(name)"))
    }
    let result = try resume("broken", "--set", "compute.workers=3")
    #expect(result.status == 0)
    #expect(result.errors.contains("resumed at step 5 from "))
    try expectEqualEnds("straight", "broken")
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGUSR1]) func aSignalSavesAndLosesNothing(signal: Int32) throws
  {
    let longer = [
      "--set", "stop.steps=300", "--set", "cadence.validationSteps=300", "--set",
      "cadence.checkpointSteps=300",
    ]
    let program = try Program("pretrain", arguments("stopped") + longer, in: work.folder)
    // Steps are written to the log as they are taken.
    while program.process.isRunning, (try? work.bytes("stopped/metrics.jsonl").count) ?? 0 == 0 {
      usleep(1000)
    }
    kill(program.process.processIdentifier, signal)
    let result = try program.wait()
    #expect(result.status == 128 + signal)
    #expect(result.errors.contains("continue with --resume"))
    #expect(result.output.isEmpty)

    #expect(try Program("pretrain", arguments("straight") + longer, in: work.folder).wait().status == 0)
    #expect(
      try Program("pretrain", arguments("stopped") + longer + ["--resume"], in: work.folder).wait().status
        == 0)
    for file in Self.files {
      #expect(try work.bytes("straight/latest/\(file)") == work.bytes("stopped/latest/\(file)"), "\(file)")
    }
    #expect(try work.names("stopped").allSatisfy { !$0.contains("partial") })
  }

  @Test func aDamagedCheckpointIsNamedAndAnOlderOneUsed() throws {
    #expect(try start("straight").wait().status == 0)
    #expect(try start("damaged").wait().status == 0)
    let file = work.folder.file("damaged/step-00000010/model.safetensors")
    let half = try Data(contentsOf: file)
    try half.prefix(half.count / 2).write(to: file)
    let result = try resume("damaged")
    #expect(result.status == 0)
    #expect(result.errors.contains("damaged/step-00000010: is damaged, model.safetensors has"))
    #expect(result.errors.contains("resumed at step 5"))
    try expectEqualEnds("straight", "damaged")
  }

  @Test func aFinishedRunIsNotOverwritten() throws {
    #expect(try start("run").wait().status == 0)
    let before = try work.bytes("run/metrics.jsonl")
    let again = try start("run", "--set", "seed=2").wait()
    #expect(again.status == 64)
    #expect(again.errors.contains("run: already holds a run; add --resume"))
    let other = try resume("run", "--set", "seed=2")
    #expect(other.status == 64)
    #expect(other.errors.contains("seed: 1 there, 2 here"))
    #expect(try work.bytes("run/metrics.jsonl") == before)
    let settings = String(decoding: try work.bytes("run/config.yaml"), as: UTF8.self)
    #expect(settings.contains("seed: 1\n"))
  }

  /// As after a move to a processor for which `automatic` means something else.
  @Test func aRunKeepsItsPrecision() throws {
    let precision = Machine.otherPrecision
    #expect(try start("run", "--set", "compute.precision=\(precision)").wait().status == 0)
    let result = try resume("run", "--set", "stop.steps=15")
    #expect(result.status == 0, "\(result.errors)")
    let settings = String(decoding: try work.bytes("run/config.yaml"), as: UTF8.self)
    #expect(settings.contains("precision: \(precision)\n"))
  }

  /// Without its settings nothing says whether these are the run's own.
  @Test func aRunWithoutItsSettingsIsNotResumed() throws {
    #expect(try start("run").wait().status == 0)
    let names = try work.names("run").filter { $0 != "config.yaml" }
    try FileManager.default.removeItem(at: work.folder.file("run/config.yaml"))
    let result = try resume("run", "--set", "stop.steps=15")
    #expect(
      result.status == 64 && result.errors.contains("run/config.yaml: does not exist beside the checkpoints"))
    #expect(try work.names("run") == names)
  }

  @Test func aRunGoesOnWithItsOwnTextOnly() throws {
    #expect(try start("run").wait().status == 0)
    let before = try work.bytes("run/config.yaml")
    try work.folder.write("Another text.\n\nIt has two documents.", to: "more.txt")
    try work.succeed(
      "tokenize", "corpus.txt", "more.txt", "--output", "shards", "--tokenizer", "run/best",
      "--validation-rate",
      "0.1", "--force")
    let result = try resume("run", "--set", "stop.steps=20")
    #expect(result.status == 65)
    #expect(result.errors.contains("was made with another corpus"))
    #expect(try work.bytes("run/config.yaml") == before)
    #expect(!work.exists("run/step-00000020"))
  }

  /// A model of some size, so that it and not the program is what is measured.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["CLOZE_SANITIZER"] == nil, "a sanitizer takes memory of its own"
    ))
  func memoryIsSaidBeforeItIsNeeded() throws {
    let sizes = ["hiddenSize=256", "feedForwardSize=1024", "headCount=4", "layerCount=4"]
      .flatMap { ["--set", "model.\($0)"] }
    let result = try Program(
      "pretrain",
      arguments("run") + sizes + ["--set", "batch.windows=16", "--set", "batch.microbatchWindows=8"],
      in: work.folder
    ).wait()
    #expect(result.status == 0, "\(result.errors)")
    func megabytes(_ name: String, in text: String) throws -> Double {
      let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(name) })
      let words = line.dropFirst(name.count).split(separator: " ")
      #expect(words.last == "MB")
      return try #require(Double(words[0]))
    }
    let planned = try megabytes("memory ", in: result.errors)
    let peak = try megabytes("peak memory ", in: result.output)
    #expect(peak <= 1.1 * planned && peak >= 0.9 * planned, "\(planned) MB said, \(peak) MB held")
  }

  @Test func aLongerRunGoesOnWhereAShorterOneEnded() throws {
    #expect(try start("run").wait().status == 0)
    let result = try resume("run", "--set", "stop.steps=15")
    #expect(result.status == 0)
    #expect(try work.names("run").contains("step-00000015"))
    let latest = try FileManager.default.destinationOfSymbolicLink(
      atPath: work.folder.file("run/latest").path)
    #expect(latest == "step-00000015")
  }
}
