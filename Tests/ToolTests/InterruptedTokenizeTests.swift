import ClozeTestSupport
import Foundation
import Testing

/// `tokenize` killed at any moment, and run again with the same arguments.
@Suite struct InterruptedTokenizeTests {
  private let work: Workplace
  private let arguments = [
    "large.txt", "--vocabulary-size", "900", "--validation-rate", "0.2", "--checkpoint-megabytes", "1",
    "--shard-frames", "1",
  ]

  /// Text for a dozen shards of one frame.
  init() throws {
    work = try Workplace()
    let words = RandomValues.tokens(500_000, below: 700, seed: 5).map { String(9_973 * ($0 + 36), radix: 36) }
    let documents = stride(from: 0, to: words.count, by: 125).map { start in
      words[start..<start + 125].joined(separator: " ") + "."
    }
    try work.folder.write(documents.joined(separator: "\n\n"), to: "large.txt")
  }

  private func program(_ output: String, _ more: String...) throws -> Program {
    try Program("tokenize", arguments + ["--output", output] + more, in: work.folder)
  }

  /// Waits until `condition` holds or the program has ended, then kills it.
  /// - Returns: whether the program was still at work.
  @discardableResult
  private func kill(_ program: Program, when condition: () -> Bool) -> Bool {
    while program.process.isRunning, !condition() { usleep(500) }
    let isRunning = program.process.isRunning
    Foundation.kill(program.process.processIdentifier, SIGKILL)
    program.process.waitUntilExit()
    return isRunning
  }

  private func hasCheckpoint(_ folder: String) -> Bool {
    let progress = try? work.bytes("\(folder)/incoming.partial/progress.json")
    return progress.map { String(decoding: $0, as: UTF8.self).contains("\"checkpoint\"") } ?? false
  }

  @Test func endsWithTheSameBytes() throws {
    let start = Date()
    let report = try program("reference", "--workers", "1").wait()
    try #require(report.status == 0, "\(report.errors)")
    let duration = Date().timeIntervalSince(start)
    // At moments spread over the time of a whole run; in one folder, so that kills follow kills.
    for part in 1...6 {
      let end = Date().addingTimeInterval(duration * Double(part) / 7)
      kill(try program("data", "--workers", "\(1 + part % 2)")) { Date() > end }
    }
    let result = try program("data", "--workers", "2").wait()
    try #require(result.status == 0, "\(result.errors)")
    try work.expectEqual("data", "reference")
    // And it says the same of it.
    var (said, expected) = (try work.table(result.output), try work.table(report.output))
    for key in ["output"] { (said[key], expected[key]) = (nil, nil) }
    #expect(said == expected)
  }

  /// Killed as soon as there is a checkpoint: what is in full shards is not written again.
  @Test func goesOnAfterTheLastCheckpoint() throws {
    try #require(try program("reference").wait().status == 0)
    try #require(kill(try program("data", "--workers", "1")) { hasCheckpoint("data") })
    let first = work.folder.file("data/incoming.partial/train-00000.zst").path
    let before = try #require(
      try FileManager.default.attributesOfItem(atPath: first)[.systemFileNumber] as? NSNumber)
    let result = try program("data", "--workers", "2").wait()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("going on after "))
    #expect(!result.errors.contains("counting words"))
    let after =
      try FileManager.default.attributesOfItem(
        atPath: work.folder.file("data/train-00000.zst").path)[.systemFileNumber] as? NSNumber
    #expect(after == before)
    try work.expectEqual("data", "reference")
  }

  /// A full shard that changed is found out, though nobody waits for it to be read.
  @Test func aDamagedShardIsWrittenAgain() throws {
    try #require(try program("reference").wait().status == 0)
    try #require(kill(try program("data")) { hasCheckpoint("data") })
    let shard = "data/incoming.partial/train-00000.zst"
    var bytes = try work.bytes(shard)
    bytes[bytes.count / 2] ^= 4
    try bytes.write(to: work.folder.file(shard))
    let result = try program("data").wait()
    #expect(result.status == 0 && result.errors.contains("going on after"), "\(result.errors)")
    #expect(result.errors.contains("train-00000.zst: is not as the unfinished run wrote it; all documents"))
    try work.expectEqual("data", "reference")
  }

  /// A full disk ends a run, which then goes on from its last checkpoint.
  @Test(.limitsFileSizes) func aFullDiskLosesNoCheckpoint() throws {
    // One shard, which is what grows.
    let arguments = Array(arguments.dropLast(2))
    func run(_ output: String, setup: String = "") throws -> Program.Result {
      try Program("tokenize", arguments + ["--output", output], setup: setup, in: work.folder).wait()
    }
    try #require(try run("reference").status == 0)
    let full = try run("data", setup: "ulimit -f 400;")
    #expect(full.status == 74 && full.errors.contains("make room for about "), "\(full.errors)")
    #expect(full.errors.contains("which resumes"), "\(full.errors)")
    let result = try run("data")
    #expect(result.status == 0 && result.errors.contains("going on after"), "\(result.errors)")
    try work.expectEqual("data", "reference")
  }

  /// Another seed, size, case or text: what was left is of no use, and in no way.
  @Test(arguments: [["--seed", "2"], ["--uncased"], ["--shard-frames", "2"], ["small.txt"]])
  func anotherRunBeginsAnew(more: [String]) throws {
    try work.folder.write("Another text.\n\nIt has two documents.", to: "small.txt")
    try #require(kill(try program("data")) { hasCheckpoint("data") })
    let all = arguments.filter { !more.contains($0) || $0 == "1" }
    func run(_ output: String) throws -> Program.Result {
      // The last of an option's values would not hold, so the others are left out.
      var kept = all
      if more[0] == "--shard-frames" { kept.removeLast(1) }
      return try Program("tokenize", kept + more + ["--output", output], in: work.folder).wait()
    }
    let (result, expected) = (try run("data"), try run("fresh"))
    #expect(result.status == expected.status && result.status == 0, "\(result.errors)")
    #expect(!result.errors.contains("going on after"))
    try work.expectEqual("data", "fresh")
  }

  /// The place to go on from is one in the text, whatever the file's bytes are.
  @Test(arguments: [
    "t.replace('\\n', '\\r\\n').encode()", "t.replace('\\n', '\\r').encode()", "t.encode('utf-16')",
    "gzip.compress(t.encode('utf-32'), 1)",
  ]) func otherBytesAreGoneOnFrom(bytes: String) throws {
    try #require(try program("reference").wait().status == 0)
    try Python.run(
      "import gzip\nt = open('large.txt').read()\nopen('large.txt', 'wb').write(\(bytes))", in: work.folder)
    try #require(kill(try program("data")) { hasCheckpoint("data") })
    let result = try program("data").wait()
    #expect(result.status == 0 && result.errors.contains("going on after"), "\(result.errors)")
    #expect(
      try work.table(result.output)["files converted to UTF-8"] == (bytes.contains("utf-") ? "1 from " : "0")
        + (bytes.contains("utf-16") ? "UTF-16LE" : bytes.contains("utf-32") ? "UTF-32LE" : ""))
    try work.expectEqual("data", "reference")
  }

  /// The same text under another time: read once to see that it is the same, then gone on from.
  @Test func theSameTextWrittenAgainIsGoneOnFrom() throws {
    try #require(try program("reference").wait().status == 0)
    try #require(kill(try program("data")) { hasCheckpoint("data") })
    let text = try work.bytes("large.txt")
    try text.write(to: work.folder.file("large.txt"))
    let result = try program("data").wait()
    #expect(result.status == 0 && result.errors.contains("going on after"), "\(result.errors)")
    try work.expectEqual("data", "reference")
    // And through a pipe, which has no name and no time.
    let piped = ["-"] + arguments.dropFirst()
    let input = String(decoding: text, as: UTF8.self)
    let first = try Program("tokenize", piped + ["--output", "piped"], input: input, in: work.folder)
    try #require(kill(first) { hasCheckpoint("piped") })
    let second = try Program("tokenize", piped + ["--output", "piped"], input: input, in: work.folder).wait()
    #expect(second.status == 0 && second.errors.contains("going on after"), "\(second.errors)")
    try work.expectEqual("piped", "reference")
  }

  /// With a given tokenizer the text is not read before it is encoded: it is compared as far as the checkpoint.
  @Test func aGivenTokenizerGoesOnWithTheSameText() throws {
    try work.tokenize()
    let arguments = ["-", "--tokenizer", "shards", "--allow-unknown"] + self.arguments.dropFirst(3)
    let text = String(decoding: try work.bytes("large.txt"), as: UTF8.self)
    func start(_ output: String, _ text: String) throws -> Program {
      try Program("tokenize", arguments + ["--output", output], input: text, in: work.folder)
    }
    try #require(try start("reference", text).wait().status == 0)
    let end = String(text.prefix(text.utf8.count - 100))
    let other = "Another" + text.dropFirst(9)
    try #require(try start("other", other).wait().status == 0)
    for output in ["same", "shorter", "changed"] {
      try #require(kill(try start(output, text)) { hasCheckpoint(output) })
    }
    let same = try start("same", text).wait()
    #expect(same.status == 0 && same.errors.contains("going on after"), "\(same.errors)")
    try work.expectEqual("same", "reference")
    // What comes after the checkpoint may be another text: nothing of it was written.
    let shorter = try start("shorter", end).wait()
    #expect(shorter.status == 0 && shorter.errors.contains("going on after"), "\(shorter.errors)")
    try #require(try start("end", end).wait().status == 0)
    try work.expectEqual("shorter", "end")
    let changed = try start("changed", other).wait()
    #expect(changed.status == 0 && !changed.errors.contains("going on after"), "\(changed.errors)")
    try work.expectEqual("changed", "other")
  }

  /// Where there is no checkpoint and no vocabulary of its own, a full disk leaves nothing, and the message says so.
  @Test(.limitsFileSizes) func aFullDiskBeforeTheFirstCheckpoint() throws {
    try work.tokenize()
    func run(_ limit: Int) throws -> Program.Result {
      try Program(
        "tokenize",
        ["large.txt", "--tokenizer", "shards", "--checkpoint-megabytes", "1000", "--output", "data"],
        setup: "ulimit -f \(limit);", in: work.folder
      ).wait()
    }
    let encoding = try run(60)
    #expect(encoding.status == 74 && encoding.errors.contains("make room for about "), "\(encoding.errors)")
    #expect(encoding.errors.contains("more and run again, which starts again"), "\(encoding.errors)")
    // There is no room even for the tokenizer.
    let staging = try run(1)
    #expect(
      staging.status == 74
        && staging.errors.contains("the disk is full; make room and run again, which starts again"),
      "\(staging.errors)")
    #expect(!work.exists("data/incoming.partial"))
  }

  /// A text that changed begins anew.
  @Test func aTextThatChangedBeginsAnew() throws {
    try #require(kill(try program("data")) { hasCheckpoint("data") })
    var text = try work.bytes("large.txt")
    text[1000] = 0x41
    try text.write(to: work.folder.file("large.txt"))
    let result = try program("data").wait()
    #expect(result.status == 0 && !result.errors.contains("going on after"), "\(result.errors)")
    try #require(try program("fresh").wait().status == 0)
    try work.expectEqual("data", "fresh")
  }

  /// What is there stays until the new data are whole.
  @Test func earlierDataOutliveAKill() throws {
    try work.succeed(
      "tokenize", "corpus.txt", "--output", "data", "--vocabulary-size", "200", "--validation-rate", "0.1")
    let before = try work.contents("data")
    try #require(kill(try program("data", "--force")) { hasCheckpoint("data") })
    for (name, bytes) in before { #expect(try work.bytes("data/\(name)") == bytes) }
    #expect(try program("data", "--force").wait().status == 0)
    try #require(try program("fresh").wait().status == 0)
    try work.expectEqual("data", "fresh")
  }
}
