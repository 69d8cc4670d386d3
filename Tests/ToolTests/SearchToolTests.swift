import ClozeTestSupport
import Foundation
import FoundationXML
import Testing

@Suite struct SearchToolTests {
  let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.folder.write(Self.settings, to: "search.yaml")
  }

  private static let base = """
    model: {layerCount: 1, hiddenSize: 32, headCount: 2, feedForwardSize: 64, positionCount: 64}
    batch: {windowLength: 32, windows: 4, microbatchWindows: 2}
    optimizer: {schedule: {warmupSteps: 2}}
    validation: {windows: 4}
    cadence: {logSteps: 1}
    """

  private static let settings = """
    base: small.yaml
    space:
      optimizer.learningRate: {from: 1.0e-4, to: 0.1, scale: logarithmic}
      optimizer.schedule.shape: [linear, cosine, constantThenDecay]
      optimizer.schedule.decayFraction: {from: 0.1, to: 0.8, when: {optimizer.schedule.shape: constantThenDecay}}
      model.hiddenSize: {from: 16, to: 48, multipleOf: 16}
      model.blocks: {sequence: [attention, recurrent], lengths: [1, 2]}
    proposer: evolution
    trials: 12
    seeds: 2
    rungs: {count: 2, factor: 3}
    """

  private func search(_ more: String...) throws -> Program.Result { try search(more) }

  private func search(_ more: [String]) throws -> Program.Result {
    try Program("search", Self.arguments + more, in: work.folder).wait()
  }

  private static let arguments = [
    "--config", "search.yaml", "--data", "shards", "--output", "study",
  ]

  private func limitBase(workers: Int = 0) throws {
    try work.folder.write(
      Self.base + "\nstop: {steps: 9}\ncompute: {workers: \(workers)}\n", to: "small.yaml")
  }

  private func journal(_ study: String) throws -> [String] {
    String(decoding: try work.bytes("\(study)/trials.jsonl"), as: UTF8.self).split(separator: "\n").map(
      String.init)
  }

  // MARK: Whole studies

  @Test func aStudy() throws {
    try limitBase()
    let plan = try search("--plan")
    #expect(plan.status == 0, "\(plan.errors)")
    let table = try work.table(plan.output)
    #expect(table["trials"] == "12: 9 evolution, 3 random as control; and base with 2 seeds")
    #expect(plan.errors.contains("set seeds to 3 or more"), "\(plan.errors)")
    #expect(table["rungs"] == "at steps 3, 9; 1 of 3 trials goes on to the next")
    #expect(!work.exists("study"))

    let result = try search()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("6 of 14 trials came to the end, 8 stopped at a rung, 0 failed."))
    #expect(result.output.contains("(mean of 2 seeds)"))
    // 14 proposals, 2 + 12 + 4 losses.
    #expect(try journal("study").count == 1 + 14 + 18)
    // Numbers of a range have four digits.
    for line in try journal("study") {
      guard let rate = line.firstMatch(of: /optimizer\.learningRate=([0-9.]+)/) else { continue }
      #expect(rate.output.1.drop { "0.".contains($0) }.count <= 5, "\(line)")
    }
    // A trial that went on is one run, whose steps were computed once.
    let log = String(decoding: try work.bytes("study/trials/0001/metrics.jsonl"), as: UTF8.self)
    #expect(log.split(separator: "\n").count { $0.contains("\"train\"") } == 9)
    try work.succeed(
      "pretrain", "--config", "study/best.yaml", "--data", "shards", "--output", "found", "--set",
      "stop.steps=2")
    let page = try work.bytes("study/report.html")
    #expect(XMLParser(data: page).parse())
    // Its end is there already.
    #expect(try search("--resume").output == result.output)
    #expect(try search().status == 64)
  }

  /// Killed again and again, with other numbers of workers, it ends with the journal and the best settings of one that was not.
  @Test func aKilledStudyEndsTheSame() throws {
    try limitBase()
    #expect(try search().status == 0)
    let (expected, best) = (try work.bytes("study/trials.jsonl"), try work.bytes("study/best.yaml"))
    let page = try work.bytes("study/report.html")
    try FileManager.default.removeItem(at: work.folder.file("study"))
    var kills = 0
    for count in [3, 9, 16, 24] {
      try limitBase(workers: 1 + count % 2)
      let program = try Program("search", Self.arguments + ["--resume-or-start"], in: work.folder)
      while program.process.isRunning, ((try? journal("study").count) ?? 0) < count { usleep(2000) }
      kill(program.process.processIdentifier, SIGKILL)
      kills += try program.wait().status == SIGKILL ? 1 : 0
    }
    #expect(kills > 0)
    // The best settings name the workers of the base.
    try limitBase()
    #expect(try search("--resume").status == 0)
    #expect(try work.bytes("study/trials.jsonl") == expected)
    #expect(try work.bytes("study/best.yaml") == best)
    #expect(try work.bytes("study/report.html") == page)
  }

  /// Interrupted again and again, each time after a few events: it saves and says so by its status.
  @Test func anInterruptedStudy() throws {
    try limitBase()
    var interruptions = 0
    for count in 1...12 {
      let program = try Program("search", Self.arguments + ["--resume-or-start"], in: work.folder)
      while program.process.isRunning, ((try? journal("study").count) ?? 0) < 2 * count { usleep(500) }
      program.process.terminate()
      let result = try program.wait()
      #expect(program.process.terminationReason == .exit, "\(result.errors)")
      #expect([0, 143].contains(result.status), "\(result.status) \(result.errors)")
      interruptions += result.status == 143 ? 1 : 0
    }
    #expect(interruptions > 3)
    #expect(try search("--resume").status == 0)
  }

  /// Trials side by side: the journal is that of one trial after the other, also when it is killed.
  @Test(arguments: [0, 3]) func trialsSideBySide(lag: Int) throws {
    try limitBase()
    #expect(try search("--set", "lag=\(lag)").status == 0)
    let expected = try work.bytes("study/trials.jsonl")
    try FileManager.default.removeItem(at: work.folder.file("study"))
    let several = ["--set", "lag=\(lag)", "--set", "trialsAtOnce=3"]
    for count in [6, 18] {
      let program = try Program("search", Self.arguments + several + ["--resume-or-start"], in: work.folder)
      while program.process.isRunning, ((try? journal("study").count) ?? 0) < count { usleep(2000) }
      kill(program.process.processIdentifier, SIGKILL)
      _ = try program.wait()
    }
    #expect(try search(several + ["--resume"]).status == 0)
    #expect(try work.bytes("study/trials.jsonl") == expected)
  }

  @Test func anotherStudyIsNotResumed() throws {
    try limitBase()
    #expect(try search("--set", "trials=3", "--set", "seeds=1").status == 0)
    let other = try search("--set", "trials=3", "--set", "seeds=2", "--resume")
    #expect(other.status == 65)
    #expect(other.errors.contains("not begun with this 'settings'; resume with what it was begun with"))
    #expect(try search("--plan", "--resume").status == 0)
  }

  /// What refuses a study before it begins is in the way of no other.
  @Test func aRefusedStudyLeavesNoStudy() throws {
    try limitBase()
    for _ in 0..<2 {
      let result = try search("--set", "trials=0", "--set", "minutes=1e-9")
      #expect(result.status == 64 && result.errors.contains("minutes: is "), "\(result.errors)")
      let large = try search("--set", "trials=0", "--set", "minutes=1e-9", "--set", "rungs.factor=9")
      #expect(large.status == 64 && large.errors.contains("minutes: is "), "\(large.errors)")
    }
  }

  @Test(arguments: [("\"rung\":0", "\"rung\":9", 5), ("\"trials\":3", "\"trials\":300000000", 1)])
  func aJournalThatWasChangedIsRefused(text: String, other: String, line: Int) throws {
    try limitBase()
    #expect(try search("--set", "trials=3", "--set", "seeds=1").status == 0)
    let journal = String(decoding: try work.bytes("study/trials.jsonl"), as: UTF8.self)
    try #require(journal.contains(text))
    try work.folder.write(journal.replacing(text, with: other), to: "study/trials.jsonl")
    let result = try search("--set", "trials=3", "--set", "seeds=1", "--resume")
    #expect(
      result.status == 65 && result.errors.contains("line \(line) does not follow"),
      "\(result.status) \(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
  }

  /// Rates at which weights overflow: the trial fails, and the study goes on.
  @Test func trialsThatDiverge() throws {
    try limitBase()
    let space = """
      base: small.yaml
      space:
        optimizer.learningRate: [1.0e-3, 1.0e30]
      trials: 6
      seeds: 1
      control: 0
      rungs: {count: 1}
      """
    try work.folder.write(space, to: "search.yaml")
    let result = try search()
    #expect(result.status == 0, "\(result.errors)")
    #expect(try journal("study").contains { $0.contains("\"failed\"") && $0.contains("diverged") })
    #expect(
      String(decoding: try work.bytes("study/best.yaml"), as: UTF8.self).contains("learningRate: 0.001"))
  }

  // MARK: Limits

  /// With limits that only some trials are within, a trial is measured before it runs, and what was decided is in the journal.
  @Test func trialsThatNeedTooMuch() throws {
    try limitBase()
    let space = """
      base: small.yaml
      space:
        model.hiddenSize: [32, 65536]
      limits: {memoryGB: 4, secondsPerStep: 1000.0}
      proposer: random
      trials: 4
      seeds: 1
      control: 0
      rungs: {count: 1}
      """
    try work.folder.write(space, to: "search.yaml")
    let result = try search()
    #expect(result.status == 0, "\(result.errors)")
    let lines = try journal("study")
    let refused = lines.filter { $0.contains("\"failed\"") }
    #expect(!refused.isEmpty)
    #expect(
      refused.allSatisfy { $0.contains("it needs more memory than limits.memoryGB, 4.0\"") }, "\(refused)")
    #expect(result.errors.contains(" of memory or more"))
    let admitted = lines.filter { $0.contains("\"admitted\"") }
    #expect(admitted.count + refused.count == 4)
    #expect(!admitted.isEmpty)
    // A trial that is not made has no folder.
    #expect(
      try FileManager.default.contentsOfDirectory(
        atPath: work.folder.file("study/trials").path
      ).count == 1 + admitted.count)
    // After a kill the decision is that of the journal, and is not made again.
    let place = try #require(lines.firstIndex { $0.contains("\"admitted\"") })
    let part = lines.prefix(place + 1).map { $0 + "\n" }.joined()
    try work.folder.write(part, to: "study/trials.jsonl")
    #expect(try search("--resume").status == 0)
    #expect(try journal("study") == lines)
  }

  /// No step is so fast.
  @Test func stepsThatTakeTooLong() throws {
    try limitBase()
    let options = ["trials=2", "seeds=1", "control=0", "rungs.count=1", "limits.secondsPerStep=1.0e-9"]
    let result = try search(options.flatMap { ["--set", $0] })
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      try journal("study").count { $0.contains("its steps take longer than limits.secondsPerStep, 1e-09\"") }
        == 2)
    #expect(result.errors.contains(" s a step"))
    #expect(result.output.contains("1 of 3 trials came to the end, 0 stopped at a rung, 2 failed."))
  }

  /// What is proposed depends on the order of the settings, so it belongs to what the study is.
  @Test func theOrderOfTheSpaceBelongsToTheStudy() throws {
    try limitBase()
    let settings = ["optimizer.learningRate: [1.0e-3, 2.0e-3]", "model.hiddenSize: [16, 32]"]
    func write(_ settings: some Sequence<String>) throws {
      let lines = settings.map { "  \($0)\n" }.joined()
      try work.folder.write("base: small.yaml\nspace:\n\(lines)trials: 2\nseeds: 1\n", to: "search.yaml")
    }
    try write(settings)
    #expect(try search().status == 0)
    try write(settings.reversed())
    let other = try search("--resume")
    #expect(other.status == 65 && other.errors.contains("not begun with this 'space'"), "\(other.errors)")
  }

  /// A study that has to repeat points says so, and options that do nothing are refused.
  @Test func aSmallSpaceAndOptionsOfAnotherMode() throws {
    try limitBase()
    try work.folder.write(
      "base: small.yaml\nspace:\n  masking.strategy: [token, span]\ntrials: 3\nrungs: {count: 1}\n",
      to: "search.yaml")
    let plan = try search("--plan")
    #expect(plan.status == 0 && plan.output.contains("all trials run to the end"), "\(plan.errors)")
    #expect(!plan.output.contains("too few"))
    #expect(plan.errors.contains("the space has at most 2 points, fewer than the 3 trials"), "\(plan.errors)")
    for option in [["--lossy"], ["--documents", "lines"], ["--skip-bad-rows"]] {
      let result = try search(option + ["--plan"])
      #expect(result.status == 64 && result.errors.contains("\(option[0]) is for "), "\(result.errors)")
    }
  }

  // MARK: Wrong spaces

  @Test(arguments: [
    (
      "optimizer.learningRat: [0.1, 0.2]",
      "space: unknown key 'optimizer.learningRat'; did you mean 'optimizer.learningRate'?"
    ),
    (
      "optimizer: [0.1, 0.2]",
      "space.optimizer: is a section; write the whole path of a setting, such as 'optimizer.algorithm'"
    ),
    ("optimizer.learningRate: 0.1", "space.optimizer.learningRate: is the single value '0.1'"),
    ("optimizer.learningRate: {from: 0.1, to: 0.01}", "goes from 0.1 to 0.01; write from below to"),
    ("optimizer.learningRate: {from: 0, to: 0.1, scale: logarithmic}", "above 0 for scale: logarithmic"),
    ("optimizer.learningRate: {from: 1, to: 2, step: 1}", "has 'step'; its words are from, to,"),
    (
      "optimizer.learningRate: {from: -1, to: 1}",
      "optimizer.learningRate=-1.0 is refused by the runs themselves: "
    ),
    (
      "model.hiddenSize: {from: 32, to: 35}",
      "model.hiddenSize=35 is refused by the runs themselves: model.hiddenSize: is 35, "
    ),
    ("model.activation: [gelu, tanhh]", "model.activation=tanhh is refused by the runs themselves: "),
    ("model.hiddenSize: {sequence: [16, 32], lengths: [1, 2]}", "is no list; a sequence is for model.blocks"),
    ("model.blocks: {sequence: [attention, recurrent]}", "has no lengths; write the least and the greatest"),
    ("model.blocks: {sequence: [attention, lstm], lengths: [1, 2]}", "is refused by the runs themselves: "),
    ("model.hiddenSize: {from: 16, to: 1.0e+19}", "is a whole number, and 1e+19 is none, or too large"),
    ("model.layerCount: [1.2, 1.7]", "is a whole number, and 1.2 is none, or too large"),
    (
      "model.blocks: {sequence: [attention, recurrent], lengths: [1, 1000000000000]}", "at most 1000, such as"
    ),
    ("seed: {from: 1, to: 9}", "space.seed: is the same in all trials"),
    (
      "model.activation: {choices: [gelu, relu], scale: linear}",
      "has 'scale', which means nothing beside 'choices'"
    ),
    (
      "model.layerCount: {from: 1, to: 3}\n  model.dropout: {from: 0, to: 0.1, when: {model.layerCount: {from: 4, to: 9}}}",
      "depends on model.layerCount, which has no value from 4.0 to 9.0; choose numbers of its own range"
    ),
    (
      "model.hiddenSize: {from: 16, to: 64, multipleOf: 16}\n  model.dropout: {from: 0, to: 0.1, when: {model.hiddenSize: {from: 17, to: 31}}}",
      "depends on model.hiddenSize, which has no value from 17.0 to 31.0"
    ),
    ("batch.windows: [4, 4.0]", "space.batch.windows: names a number twice; leave one out"),
    ("batch.windowLength: [16, 32]", "decides what is scored, so that losses could not be compared"),
    ("stop.steps: [16, 32]", "space.stop.steps: is the same in all trials; set it in base"),
    (
      "optimizer.schedule.decayFraction: {from: 0.1, to: 0.5, when: {optimizer.schedule.shape: linear}}",
      "depends on 'optimizer.schedule.shape', which the space does not vary"
    ),
  ])
  func aWrongSpaceIsOneClearLine(line: String, message: String) throws {
    try limitBase()
    try work.folder.write("base: small.yaml\nspace:\n  \(line)\ntrials: 3\n", to: "search.yaml")
    let result = try search()
    #expect(result.status == 64)
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    #expect(!work.exists("study"))
  }

  @Test(arguments: [
    ("trials=-1", "trials: is -1; choose 0 to"),
    ("rungs.count=5", "rungs.count: is 5, with the first rung at step 1 / 81 of a run; base has 9 steps"),
    (
      "limits.parameters=10",
      "space: not one of 500 random points of it is allowed, the last one since its model has"
    ),
    ("limits.memoryGB=-1", "limits.memoryGB: is -1.0; choose 0 for none"),
    ("limits.secondsPerStep=-0.5", "limits.secondsPerStep: is -0.5; choose 0 for none"),
    ("base=missing.yaml", "missing.yaml: does not exist"),
    ("proposer=magic", "proposer: is 'magic'; choose one of random"),
    ("base={stop: {minutes: 1.0, steps: 0}}", "base.stop: limits trials by minutes"),
    ("base={objective: denoising}", "base.objective: is denoising; a search trains with objective masked"),
  ])
  func wrongSettings(override: String, message: String) throws {
    try limitBase()
    let result = try search("--set", override)
    #expect([64, 65].contains(result.status))
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
  }
}
