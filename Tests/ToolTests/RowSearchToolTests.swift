import ClozeTestSupport
import Foundation
import Testing

/// `search` over fine-tuning, as a user meets it.
@Suite struct RowSearchToolTests {
  let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    let (animals, verbs) = (["dog", "bird", "cat"], ["sees", "hears", "likes", "follows"])
    let sentences = animals.flatMap { one in
      verbs.flatMap { verb in animals.map { "The \(one) \(verb) the \($0)." } }
    }
    let pairs = sentences.map { "\($0)\t\($0.uppercased())" }
    try work.folder.write(pairs[..<28].joined(separator: "\n"), to: "train.tsv")
    try work.folder.write(pairs[28...].joined(separator: "\n"), to: "validation.tsv")
    let rows = sentences.map { "\($0.contains("dog") ? "dog" : "none")\t\($0)" }
    try work.folder.write(rows[..<28].joined(separator: "\n"), to: "train-labels.tsv")
    try work.folder.write(rows[20...].joined(separator: "\n"), to: "validation-labels.tsv")
    try work.folder.write(Self.settings, to: "search.yaml")
    try work.folder.write(Self.base, to: "base.yaml")
  }

  private static let base = """
    decoder: {layerCount: 1}
    batch: {tokensPerMicrobatch: 128, microbatches: 2, maximumLength: 32}
    optimizer: {schedule: {warmupSteps: 2}}
    stop: {steps: 6}
    cadence: {logSteps: 1}
    compute: {workers: 1}
    """

  private static let settings = """
    task: translation
    base: base.yaml
    space:
      optimizer.learningRate: {from: 1.0e-4, to: 0.1, scale: logarithmic}
      decoder.layerCount: {from: 1, to: 2}
      wordDropout.target: {from: 0.0, to: 0.3}
    limits: {parameters: 100000000, memoryGB: 8}
    proposer: evolution
    control: 0
    trials: 3
    seeds: 2
    rungs: {count: 2, factor: 3}
    """

  private static let pairOptions = [
    "--config", "search.yaml", "--model", "run", "--train", "train.tsv", "--validation", "validation.tsv",
  ]

  private func search(_ more: [String], rows: [String] = pairOptions) throws -> Program.Result {
    try Program("search", rows + ["--output", "study"] + more, in: work.folder).wait()
  }

  private func lines() throws -> [String] { try work.lines("study/trials.jsonl") }

  /// The score of the trials is that by which the runs rank their checkpoints.
  @Test func translators() throws {
    let plan = try search(["--plan"])
    #expect(plan.status == 0, "\(plan.errors)")
    #expect(try work.table(plan.output)["rungs"]?.hasPrefix("at steps 2, 6; 1 of 3 trials") == true)
    #expect(!work.exists("study"))

    let result = try search([])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("The best chrF is ") || result.output.contains("No trial is better"))
    #expect(result.output.contains("  chrF  "))
    let measured = try lines().filter { $0.contains("\"measured\"") }
    #expect(measured.count == 2 + 3 + 1)
    #expect(try lines().count { $0.contains("\"admitted\"") } == 3)
    let (journal, best) = (try work.bytes("study/trials.jsonl"), try work.bytes("study/best.yaml"))
    let log = try work.lines("study/trials/0001/metrics.jsonl").filter { $0.contains("\"validation\"") }
    let score = try #require(log.last?.firstMatch(of: /"score":([-0-9.e]+)/)).1
    let loss = try #require(
      measured.first { $0.contains("\"trial\":1,") && $0.contains("\"step\":6") }?.firstMatch(
        of: /"loss":([-0-9.e]+)/)
    ).1
    #expect(try #require(Double(loss)) == -(try #require(Double(score))))
    try work.succeed(
      "finetune", "--config", "study/best.yaml", "--model", "run", "--train", "train.tsv", "--validation",
      "validation.tsv", "--output", "found", "--set", "stop.steps=2")

    // Killed again and again, it ends with the same bytes.
    try FileManager.default.removeItem(at: work.folder.file("study"))
    for count in [4, 8, 12] {
      let program = try Program(
        "search", Self.pairOptions + ["--output", "study", "--resume-or-start"], in: work.folder)
      while program.process.isRunning, ((try? lines().count) ?? 0) < count { usleep(2000) }
      kill(program.process.processIdentifier, SIGKILL)
      _ = try program.wait()
    }
    #expect(try search(["--resume"]).status == 0)
    #expect(try work.bytes("study/trials.jsonl") == journal)
    #expect(try work.bytes("study/best.yaml") == best)
  }

  @Test func classifiersByTheirLoss() throws {
    try work.folder.write(
      "validation: {rankBy: loss}\nstop: {steps: 4}\nbatch: {maximumLength: 32}\n", to: "base.yaml")
    let space = "space: {optimizer.learningRate: [0.0001, 0.001], labelSmoothing: {from: 0.0, to: 0.2}}"
    try work.folder.write(
      "task: classification\nbase: base.yaml\n\(space)\ntrials: 3\nrungs: {count: 2}\ncontrol: 0\n",
      to: "search.yaml")
    let result = try search(
      [],
      rows: [
        "--config", "search.yaml", "--model", "run", "--train", "train-labels.tsv", "--validation",
        "validation-labels.tsv",
      ])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("  loss  "))
    #expect(result.errors.contains("warning"), "rows that are in both sets: \(result.errors)")
    // Losses are positive, as scores to be raised would not be.
    #expect(
      try lines().filter { $0.contains("\"measured\"") }.allSatisfy { !$0.contains("\"loss\":-") })
  }

  @Test(arguments: [
    ("space: {model.hiddenSize: [16, 32]}", "is that of the model that the runs start from; leave it out"),
    ("space: {batch.maximumLength: [16, 32]}", "decides what is scored"),
    ("space: {validation.beamSize: [1, 2]}", "decides what is scored"),
    ("space: {synthetic.share: [0.1, 0.2]}", "does nothing in a study; leave it out"),
    ("space: {masking.strategy: [token, span]}", "space: unknown key 'masking.strategy'"),
    ("base: {stop: {steps: 9, tokens: 1000}}", "base.stop: limits trials by minutes or tokens"),
    (
      "base: {validation: {patience: 2}, batch: {maximumLength: 32}}",
      "base.validation.patience: is 2, so that trials would end"
    ),
    ("task: summaries", "task: is 'summaries'; choose one of pretraining, translation"),
    ("task: pretraining", "task: pretraining, which needs --data FOLDER or --text FILES alone"),
  ])
  func whatIsRefused(setting: String, message: String) throws {
    // The line stands in place of that of the same key.
    let key = setting.prefix { $0 != ":" }
    let others = ["task: translation", "base: base.yaml", "space: {labelSmoothing: [0.0, 0.1]}"].filter {
      !$0.hasPrefix(key)
    }
    try work.folder.write((others + [setting, "trials: 3"]).joined(separator: "\n"), to: "search.yaml")
    let result = try search([])
    #expect(result.status == 64, "\(result.errors)")
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(!work.exists("study"))
  }

  @Test(arguments: [
    (
      ["--data", "shards"],
      "task: translation, which needs --model FOLDER and labelled rows, and no --data or --text"
    ),
    (["--model", "run", "--train", "train.tsv"], "give --validation FILE"),
  ])
  func missingOptions(options: [String], message: String) throws {
    let result = try search([], rows: ["--config", "search.yaml"] + options)
    #expect(result.status == 64)
    #expect(result.errors.contains(message), "\(result.errors)")
  }
}
