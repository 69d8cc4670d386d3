import Foundation
import Testing

/// `augment`: back-translation, run as a person runs it.
@Suite struct AugmentTests {
  private let work: Workplace
  /// English, 1,300 different lines.
  private let lines: [String]

  /// A translator from English into Chinese, `en-zh`.
  init() throws {
    work = try Workplace()
    try work.trainReverse()
    let words = ["dog", "cat", "horse", "bird", "fish", "cow"]
    lines = (0..<1300).map { number in
      var rest = number
      let chosen = (0..<5).map { _ in
        defer { rest /= words.count }
        return words[rest % words.count]
      }
      return "The \(chosen.joined(separator: " sees the "))."
    }
    try work.folder.write(lines.joined(separator: "\n") + "\n", to: "english.txt")
  }

  private func augment(_ output: String, _ options: String...) throws -> Program {
    try Program(
      "augment", ["--reverse-model", "en-zh", "--text", "english.txt", "--output", output] + options,
      in: work.folder)
  }

  private func succeed(_ output: String, _ options: String..., location: SourceLocation = #_sourceLocation)
    throws -> Program.Result
  {
    let arguments = ["--reverse-model", "en-zh", "--text", "english.txt", "--output", output] + options
    let result = try Program("augment", arguments, in: work.folder).wait()
    try #require(result.status == 0, "\(result.errors)", sourceLocation: location)
    return result
  }

  /// Rows are what the columns say, every line is a pair or counted, and neither workers nor kills change a byte.
  @Test func killedAndResumedItWritesTheSameBytes() throws {
    let report = try succeed("whole.tsv", "--sample", "--seed", "3", "--workers", "1")
    let rows = String(decoding: try work.bytes("whole.tsv"), as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false)
    }
    let known = Set(lines)
    try #require(rows.count > 20)
    #expect(rows.allSatisfy { $0.count == 5 && known.contains(String($0[1])) && !$0[0].isEmpty })
    #expect(rows.allSatisfy { $0[2] == "back-translation" && Double($0[3]) ?? 1 < 0 && $0[4].count == 8 })
    #expect(Set(rows.map { $0[0] }).count == rows.count)
    let table = try work.table(report.output)
    let leftOut = table.filter { $0.key.hasPrefix("left out") }.values.reduce(0) {
      $0 + (Int($1.filter(\.isNumber)) ?? 0)
    }
    #expect(table["lines"] == "1,300" && leftOut + rows.count == 1300)

    let program = try augment("cut.tsv", "--sample", "--seed", "3", "--workers", "2")
    while program.process.isRunning, !work.exists("cut.tsv.progress") { usleep(2000) }
    kill(program.process.processIdentifier, SIGKILL)
    program.process.waitUntilExit()
    #expect(!work.exists("cut.tsv"))
    let again = try augment("cut.tsv", "--sample", "--seed", "3").wait()
    #expect(again.status == 64 && again.errors.contains("add --resume to continue"), "\(again.errors)")
    let other = try augment("cut.tsv", "--sample", "--seed", "4", "--resume").wait()
    #expect(other.status == 64 && other.errors.contains("other settings"), "\(other.errors)")
    let resumed = try succeed("cut.tsv", "--sample", "--seed", "3", "--workers", "2", "--resume")
    #expect(resumed.errors.contains("going on after"))
    #expect(try work.bytes("cut.tsv") == work.bytes("whole.tsv"))
    #expect(try work.bytes("cut.tsv.json") == work.bytes("whole.tsv.json"))
    #expect(
      !work.exists("cut.tsv.progress") && !work.exists("cut.tsv.partial") && !work.exists("cut.tsv.lock"))

    // Finished is finished; with other text it is not the file that was asked for.
    // As a process leaves it that is killed between the last rename and the end.
    try work.folder.write("1", to: "cut.tsv.lock")
    #expect(try succeed("cut.tsv", "--sample", "--seed", "3", "--resume").errors.contains("has finished it"))
    #expect(!work.exists("cut.tsv.lock"))
    try work.folder.write(lines.dropLast().joined(separator: "\n") + "\n", to: "english.txt")
    let shorter = try augment("cut.tsv", "--sample", "--seed", "3", "--resume").wait()
    #expect(shorter.status == 65 && shorter.errors.contains("begun with another text"), "\(shorter.errors)")
  }

  @Test func standardInputAndLimitReadTheSameLines() throws {
    try work.folder.write(lines.prefix(100).joined(separator: "\n"), to: "first.txt")
    _ = try succeed("limited.tsv", "--beam", "1", "--limit", "100")
    try work.succeed(
      "augment", "--reverse-model", "en-zh", "--output", "piped.tsv", "--beam", "1",
      input: lines.prefix(100).joined(separator: "\n") + "\n")
    try work.succeed(
      "augment", "--reverse-model", "en-zh", "--output", "two.tsv", "--beam", "1", "--text", "first.txt",
      "english.txt",
      "--limit", "100")
    #expect(try work.bytes("piped.tsv") == work.bytes("limited.tsv"))
    #expect(try work.bytes("two.tsv") == work.bytes("limited.tsv"))
  }

  @Test func linesThatGiveNoPairAreCounted() throws {
    let long = [String](repeating: "dog", count: 80).joined(separator: " ")
    let report = try work.succeed(
      "augment", "--reverse-model", "en-zh", "--output", "x.tsv", "--beam", "1",
      input: "The dog.\n\n\(long)\nThe ж.\nThe dog.\n")
    let table = try work.table(report.output)
    #expect(table["lines"] == "5")
    #expect(table["left out, without a token"] == "1")
    #expect(table["left out, longer than the model"] == "1")
    #expect(table["left out, with [UNK]"] == "1")
  }

  @Test func wrongInputsAreRefusedInOneLine() throws {
    try work.finetune()
    let forward = try work.run(
      "augment", "--reverse-model", "zh-en", "--text", "english.txt", "--output", "x.tsv")
    #expect(forward.status == 65)
    #expect(
      forward.errors.contains(
        "zh-en: translates from Han into Latin, and the text is Latin; give the translator of the other direction"
      ))
    #expect(!work.exists("x.tsv.partial") && !work.exists("x.tsv"))
    let encoder = try work.run(
      "augment", "--reverse-model", "run", "--text", "english.txt", "--output", "x.tsv")
    #expect(encoder.status == 65 && encoder.errors.split(separator: "\n").count == 1, "\(encoder.errors)")
    // Settings of the classifiers count, those of the machine too.
    let workers = try work.run(
      "augment", "--discriminate", "none.tsv", "--train", "none.tsv", "--model", "run", "--output", "x.tsv",
      "--set",
      "compute.workers=2000")
    #expect(workers.status == 64 && workers.errors.contains("compute.workers: is 2000"), "\(workers.errors)")
    let missing = try work.run(
      "augment", "--reverse-model", "en-zh", "--text", "none.txt", "--output", "x.tsv")
    #expect(missing.status == 65 && missing.errors.contains("none.txt: does not exist"))
    for (options, message) in [
      (["--sample", "--beam", "2"], "leave out --beam"), (["--seed", "2"], "options of --sample"),
      (["--limit", "0"], "--limit is 0"), (["--length-ratio", "0.5"], "--length-ratio is 0.5"),
    ] {
      let result = try Program(
        "augment", ["--reverse-model", "en-zh", "--output", "x.tsv"] + options, in: work.folder
      ).wait()
      #expect(result.status == 64 && result.errors.contains(message), "\(result.errors)")
    }
  }

  /// Where the scripts do not differ, a model that copies gives itself away.
  @Test func aModelThatCopiesIsWarnedOf() throws {
    let rows = try ["train", "validation"].map { name in
      (name, String(decoding: try work.bytes("\(name).reversed.tsv"), as: UTF8.self).split(separator: "\n"))
    }
    for (name, rows) in rows {
      let copies = rows.map { row in
        let text = row.split(separator: "\t")[0].split(separator: " ")[4...].joined(separator: " ")
        return "\(text)\t\(text)"
      }
      try work.folder.write(copies.joined(separator: "\n") + "\n", to: "\(name).copies.tsv")
    }
    try work.succeed(
      "finetune", "--config", "finetune.yaml", "--model", "run", "--train", "train.copies.tsv",
      "--validation",
      "validation.copies.tsv", "--output", "copies", "--set", "stop.steps=250", "--set",
      "optimizer.learningRate=5e-3", "--set", "cadence.validationSteps=250", "--set",
      "cadence.checkpointSteps=250",
      "--set", "cadence.logSteps=50")
    let text = rows[0].1.prefix(60).map {
      $0.split(separator: "\t")[0].split(separator: " ")[4...].joined(separator: " ")
    }
    let result = try work.succeed(
      "augment", "--reverse-model", "copies", "--output", "x.tsv", "--beam", "1",
      input: text.joined(separator: "\n"))
    #expect(
      result.errors.contains("it may be a translator into the language of the text"),
      "\(result.output)\(result.errors)")
  }
}
