import ClozeTestSupport
import Foundation
import Testing

/// `search` over the size of the vocabulary, as a user meets it.
@Suite struct VocabularySearchToolTests {
  let work: Workplace

  init() throws {
    work = try Workplace()
    try work.folder.write(Self.base, to: "base.yaml")
    try work.folder.write(Self.settings, to: "search.yaml")
    try work.folder.write(Self.words, to: "words.txt")
  }

  /// Documents of words of three syllables, which have more pieces than the vocabularies of these tests.
  private static let words: String = {
    let syllables = ["ba", "ke", "lo", "mi", "nu", "pa", "re", "so", "ti", "vu"]
    return (0..<120).map { document in
      (0..<4).map { line in
        RandomValues.tokens(10, below: 200, seed: 4 * document + line).map { number in
          let word = Int(number)
          return syllables[word % 10] + syllables[word / 10 % 10] + syllables[(word / 20 + word) % 10]
        }.joined(separator: " ")
      }.joined(separator: "\n")
    }.joined(separator: "\n\n")
  }()

  private static let base = """
    model: {vocabularySize: 200, layerCount: 1, hiddenSize: 32, headCount: 2, feedForwardSize: 64, positionCount: 64}
    batch: {windowLength: 32, windows: 4, microbatchWindows: 2}
    optimizer: {schedule: {warmupSteps: 2}}
    validation: {windows: 4}
    cadence: {logSteps: 1}
    stop: {steps: 6}
    compute: {workers: 1}
    """

  private static let settings = """
    base: base.yaml
    space:
      model.vocabularySize: [120, 200]
      optimizer.learningRate: [1.0e-3, 1.0e-2]
    proposer: random
    trials: 3
    control: 0
    seeds: 1
    rungs: {count: 2, factor: 3}
    """

  private static let text = ["--text", "words.txt", "--validation-rate", "0.1"]

  private func search(_ options: [String], data: [String] = text) throws -> Program.Result {
    try Program("search", ["--config", "search.yaml", "--output", "study"] + data + options, in: work.folder)
      .wait()
  }

  /// What a refused call leaves of another text, or of other options, is not used.
  @Test func aRefusedCallLeavesNoText() throws {
    let few = ["--set", "trials=1", "--set", "rungs.count=1"]
    try work.folder.write(
      Self.words.replacing("ba", with: "zo").replacing("ke", with: "ga"), to: "others.txt")
    for data in [
      ["--text", "others.txt", "--validation-rate", "0.1"],
      ["--text", "words.txt", "--validation-rate", "0"],
    ] {
      #expect(try search(["--set", "trials=0", "--set", "minutes=1e-9"], data: data).status != 0)
      #expect(work.exists("study/vocabularies/200"))
      #expect(try search(few).status == 0)
      let journal = try work.bytes("study/trials.jsonl")
      // The study has begun, and keeps its text.
      #expect(
        try search(few + ["--resume"], data: ["--text", "others.txt", "--validation-rate", "0.1"]).status
          == 65)
      try FileManager.default.removeItem(at: work.folder.file("study"))
      #expect(try search(few).status == 0)
      #expect(try work.bytes("study/trials.jsonl") == journal)
      try FileManager.default.removeItem(at: work.folder.file("study"))
    }
  }

  /// The number of a key in a line of JSON.
  private func number(_ key: String, in line: String) throws -> Double {
    let match = try #require(line.firstMatch(of: try Regex("\"\(key)\":([-0-9.e]+)")))
    let text = try #require(match.output[1].substring)
    return try #require(Double(text))
  }

  /// Trials that begin at the same time make the shards that they share once.
  @Test func trialsSideBySide() throws {
    let options = ["--set", "trials=9", "--set", "lag=2"]
    let result = try search(options + ["--set", "trialsAtOnce=3"])
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      result.errors.split(separator: "\n").count { $0.contains("with a vocabulary of 120 tokens") } == 1)
    let expected = try work.bytes("study/trials.jsonl")
    try FileManager.default.removeItem(at: work.folder.file("study"))
    #expect(try search(options).status == 0)
    #expect(try work.bytes("study/trials.jsonl") == expected)
  }

  @Test func aStudy() throws {
    let plan = try search(["--plan"])
    #expect(plan.status == 0, "\(plan.errors)")
    #expect(!work.exists("study"))
    let result = try search([])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output.contains("  bits/character  "))
    #expect(result.output.contains("The importance of the settings needs 10 trials with a loss; there are "))
    #expect(result.errors.contains("tokenizing with a vocabulary of 120 tokens"))
    #expect(try work.names("study/vocabularies") == ["120", "200", "source"])
    let journal = try work.lines("study/trials.jsonl")
    let (bytes, best) = (try work.bytes("study/trials.jsonl"), try work.bytes("study/best.yaml"))

    // Bits a character of a loss of one nat a prediction, by vocabulary.
    var factors: [Bool: Set<Int>] = [:]
    for line in journal where line.contains("\"measured\"") {
      let trial = Int(try number("trial", in: line))
      let isSmall = journal.contains { $0.contains("Size=120") && $0.contains("\"trial\":\(trial),") }
      let step = try number("step", in: line)
      let validations = try work.lines("study/trials/000\(trial)/metrics.jsonl").filter {
        $0.contains("\"validation\"")
      }
      let log = try #require(validations.first { (try? number("step", in: $0)) == step })
      let factor = try number("loss", in: line) / -number("score", in: log)
      factors[isSmall, default: []].insert(Int((1e9 * factor).rounded()))
    }
    // The same for all trials with one vocabulary. A small one has shorter pieces, so more of them a character.
    let (small, large) = (try #require(factors[true]), try #require(factors[false]))
    #expect(small.count == 1 && large.count == 1)
    let (more, fewer) = (try #require(small.first), try #require(large.first))
    #expect(more > fewer)
    let charactersPerPiece = 1e9 / (Double(fewer) * M_LN2)
    #expect(charactersPerPiece > 1 && charactersPerPiece < 10)

    let size = best.contains("vocabularySize: 120") ? "120" : "200"
    try work.succeed(
      "pretrain", "--config", "study/best.yaml", "--data", "study/vocabularies/\(size)", "--output", "found",
      "--set", "stop.steps=2")

    try FileManager.default.removeItem(at: work.folder.file("study"))
    for count in [1, 4, 7] {
      let program = try Program(
        "search", ["--config", "search.yaml", "--output", "study", "--resume-or-start"] + Self.text,
        in: work.folder)
      while program.process.isRunning, ((try? work.lines("study/trials.jsonl").count) ?? 0) < count {
        usleep(2000)
      }
      kill(program.process.processIdentifier, SIGKILL)
      _ = try program.wait()
    }
    #expect(try search(["--resume"]).status == 0)
    #expect(try work.bytes("study/trials.jsonl") == bytes)
    #expect(try work.bytes("study/best.yaml") == best)
  }

  @Test(arguments: [
    (
      "model.vocabularySize: [50, 200]",
      "model.vocabularySize=50 is refused by the runs themselves: model.vocabularySize: is 50; choose 100 to "
    ),
    ("batch.windowLength: [16, 32]", "decides what is scored"),
  ])
  func whatIsRefused(line: String, message: String) throws {
    try work.folder.write("base: base.yaml\nspace:\n  \(line)\ntrials: 3\n", to: "search.yaml")
    let result = try search([])
    #expect(result.status == 64)
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    #expect(!work.exists("study"))
  }

  /// A text that has not so many pieces fails the base, by name.
  @Test func aVocabularyThatTheTextCannotFill() throws {
    try work.folder.write(
      Self.base.replacingOccurrences(of: "vocabularySize: 200", with: "vocabularySize: 90000"),
      to: "base.yaml")
    let refused = try search([])
    #expect(refused.status == 64 || refused.status == 65)
    #expect(refused.errors.contains("model.vocabularySize: is 90000, and the text has pieces for "))
  }

  @Test(arguments: [
    (["--data", "shards"], "is that of the data; to vary it give --text in place of --data"),
    (["--data", "shards", "--text", "corpus.txt"], "which needs --data FOLDER or --text FILES alone"),
    (["--text", "missing.txt"], "missing.txt"),
    (["--text", "corpus.txt", "--validation-rate", "2"], "--validation-rate is 2.0; choose a share"),
  ])
  func wrongData(options: [String], message: String) throws {
    try work.tokenize()
    try work.folder.write(
      Self.base.replacingOccurrences(of: "vocabularySize: 200", with: "vocabularySize: 0"), to: "base.yaml")
    let result = try search([], data: options)
    #expect(result.status != 0)
    #expect(result.errors.contains(message), "\(result.errors)")
  }
}

extension Data {
  fileprivate func contains(_ text: String) -> Bool { range(of: Data(text.utf8)) != nil }
}
