import ClozeTestSupport
import Foundation
import Testing

/// What `evaluate` prints: the same for any number of workers, and figures that agree with each other and with what the
/// other programs say.
@Suite struct EvaluateTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.pretrain()
  }

  private func finetune() throws {
    try work.succeed(
      "finetune", "--config", "finetune.yaml", "--model", "run", "--train", "train.tsv", "--validation",
      "validation.tsv", "--output", "zh-en")
  }

  /// Evaluates to one JSON object.
  private func json(_ arguments: String...) throws -> [String: Any] { try json(arguments) }

  private func json(_ arguments: [String]) throws -> [String: Any] {
    let result = try Program("evaluate", arguments + ["--json"], in: work.folder).wait()
    try #require(result.status == 0, "\(result.errors)")
    return try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
  }

  // MARK: Workers

  @Test(arguments: [
    ["--model", "run", "--text", "corpus.txt", "--window-length", "16"],
    ["--model", "run", "--text", "corpus.txt", "--window-length", "16", "--precision", "float32"],
    ["--model", "run", "--data", "shards", "--split", "train", "--window-length", "16"],
    ["--model", "run", "--fill", "The [MASK] and the [MASK] ."],
  ])
  func sameJSONForAnyNumberOfWorkers(arguments: [String]) throws {
    let outputs = try ["1", "2", "3"].map { workers in
      try Program("evaluate", arguments + ["--json", "--workers", workers], in: work.folder).wait().output
    }
    #expect(outputs[0].contains("\"model\""))
    #expect(outputs[1] == outputs[0])
    #expect(outputs[2] == outputs[0])
  }

  @Test func sameTranslationsForAnyNumberOfWorkers() throws {
    try finetune()
    let outputs = try ["1", "2", "3"].map { workers in
      try work.succeed(
        "evaluate", "--model", "zh-en", "--translation", "train.tsv", "--json", "--workers", workers
      ).output
    }
    #expect(outputs[0].contains("\"hypotheses\""))
    #expect(outputs[1] == outputs[0])
    #expect(outputs[2] == outputs[0])
  }

  // MARK: Masked tokens

  private func counts(_ scores: Any?) throws -> Int {
    try #require((scores as? [String: Any])?["count"] as? Int)
  }

  @Test(arguments: [
    (["--data", "shards", "--split", "train"], 64, "split:train|", "training"),
    (["--data", "shards", "--window-length", "20"], 20, "split:validation|", "training"),
    (["--text", "corpus.txt"], 64, "", "text"),
    (["--text", "corpus.txt", "--window-length", "16"], 16, "", "text"),
  ])
  func thePartsAddUp(question: [String], length: Int, split: String, origin: String) throws {
    let arguments = ["--model", "run", "--json"] + question
    let result = try Program("evaluate", arguments, in: work.folder).wait()
    let score = try #require(
      try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    let count = try counts(score["all"])
    #expect(count > 0)
    #expect(score["windowLength"] as? Int == length)
    let outcomes = try #require(score["outcomes"] as? [String: Any])
    #expect(outcomes.keys.sorted() == ["kept", "masked", "replaced"])
    #expect(try outcomes.values.reduce(0) { try $0 + counts($1) } == count)
    let bands = try #require(score["bands"] as? [[String: Any]])
    #expect(try bands.reduce(0) { try $0 + counts($1["scores"]) } == count)
    #expect(bands.compactMap { $0["minimumShare"] as? Double } == [1e-3, 1e-4, 1e-5, 0])
    #expect((score["unigram"] as? [String: Any])?["origin"] as? String == origin)

    let all = try #require(score["all"] as? [String: Any])
    let accuracy = try #require(all["accuracy"] as? Double)
    let interval = try #require(score["accuracyInterval"] as? [Double])
    #expect(interval.count == 2 && interval[0] <= accuracy && accuracy <= interval[1])
    let (loss, perplexity) = (
      try #require(all["loss"] as? Double), try #require(all["perplexity"] as? Double)
    )
    #expect(abs(exp(loss) - perplexity) < 1e-9 * perplexity)

    let signature = try #require(score["signature"] as? String)
    let pattern = try Regex(
      "acc\\|rate:15\\|scheme:80-10-10\\|unit:token\\|length:\(length)\\|seed:7\\|tokenizer:[0-9a-f]{8}\\|"
        + "data:[0-9a-f]{8}\\|\(split.replacing("|", with: "\\|"))windows:all\\|n:\(count)\\|precision:[a-z0-9]+\\|"
        + "cloze:[0-9.]+")
    #expect(signature.wholeMatch(of: pattern) != nil, "\(signature)")
    // The table for people ends with the same signature.
    let table = try Program("evaluate", ["--model", "run"] + question, in: work.folder).wait().output
    #expect(table.hasSuffix("\n\(signature)\n"))
  }

  /// The signature tells apart what is asked, and knows a text by its documents and not by its file.
  @Test func theSignatureFollowsTheQuestion() throws {
    func signature(_ arguments: String...) throws -> String {
      let result = try Program("evaluate", ["--model", "run", "--json"] + arguments, in: work.folder).wait()
      let score = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
      return try #require(score?["signature"] as? String)
    }
    let text = try signature("--text", "corpus.txt")
    try work.bytes("corpus.txt").write(to: work.folder.file("same.txt"))
    #expect(try signature("--text", "same.txt") == text)
    #expect(try signature("--text", "corpus.txt", "--documents", "lines") != text)
    #expect(try signature("--text", "corpus.txt", "--seed", "8").contains("|seed:8|"))
    #expect(
      try signature("--text", "corpus.txt", "--strategy", "span", "--selection-rate", "0.3")
        .hasPrefix("acc|rate:30|scheme:80-10-10|unit:span-p20-max10|"))
  }

  @Test func onlyTheFirstWindows() throws {
    let all = try json("--model", "run", "--text", "corpus.txt", "--window-length", "16")
    let few = try json(
      "--model", "run", "--text", "corpus.txt", "--window-length", "16", "--windows", "5")
    let many = try json(
      "--model", "run", "--text", "corpus.txt", "--window-length", "16", "--windows", "5000")
    #expect(few["windows"] as? Int == 5)
    #expect(try counts(few["all"]) < counts(all["all"]))
    #expect(many["windows"] as? Int == all["windows"] as? Int)
    #expect(many["signature"] as? String == all["signature"] as? String)
  }

  // MARK: Gaps

  private struct Candidate: Equatable {
    let token: String
    let id: Int
    let probability: Double
  }

  private func blanks(_ sentence: String, topK: Int) throws -> [[Candidate]] {
    let filled = try json("--model", "run", "--fill", sentence, "--top-k", "\(topK)")
    let blanks = try #require(filled["blanks"] as? [[String: Any]])
    return try blanks.map { blank in
      try #require(blank["candidates"] as? [[String: Any]]).map {
        Candidate(
          token: try #require($0["token"] as? String), id: try #require($0["id"] as? Int),
          probability: try #require($0["probability"] as? Double))
      }
    }
  }

  @Test(arguments: [("The [MASK] .", 1, 1), ("The [MASK] sees the [MASK] .", 7, 2), ("[MASK]", 20, 1)])
  func candidatesComeBestFirst(sentence: String, topK: Int, gaps: Int) throws {
    let vocabulary = try work.lines("shards/vocab.txt")
    let blanks = try blanks(sentence, topK: topK)
    #expect(blanks.count == gaps)
    for candidates in blanks {
      let probabilities = candidates.map(\.probability)
      #expect(candidates.count == topK)
      #expect(Set(candidates.map(\.id)).count == topK)
      #expect(probabilities == probabilities.sorted(by: >))
      #expect(probabilities.allSatisfy { $0 > 0 && $0 < 1 })
      #expect(probabilities.reduce(0, +) <= 1)
      #expect(candidates.allSatisfy { vocabulary[$0.id] == $0.token })
    }
    // The table for people holds the same tokens in the same order.
    let table = try work.succeed("evaluate", "--model", "run", "--fill", sentence, "--top-k", "\(topK)")
      .output.split(separator: "\n").filter { !$0.hasPrefix("[MASK] ") }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
    #expect(table == blanks.joined().map(\.token))
  }

  /// Of all tokens, those that stand for no text are left out, and their probability is given to no other.
  @Test func specialTokensAreNoCandidates() throws {
    let vocabulary = try work.lines("shards/vocab.txt")
    let candidates = try #require(try blanks("The [MASK] .", topK: 1000).first)
    let ordinary = Set(vocabulary).subtracting(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    #expect(Set(candidates.map(\.token)) == ordinary)
    #expect(candidates.count == vocabulary.count - 5)
    let sum = candidates.reduce(0) { $0 + $1.probability }
    #expect(sum < 1 - 1e-4 && sum > 0.5)
  }

  @Test(arguments: ["The dog .", "The [mask] .", " "])
  func aSentenceWithoutAGap(sentence: String) throws {
    let result = try work.run("evaluate", "--model", "run", "--fill", sentence)
    #expect(result.status == 64)
    #expect(result.errors.contains("--fill: '\(sentence)' has no [MASK]; write [MASK] where a token"))
    #expect(result.output.isEmpty)
  }

  /// A sentence may end as an empty option does.
  @Test func aSentenceWithAnEqualsSign() throws {
    try work.succeed("evaluate", "--model", "run", "--fill=The [MASK] =")
    let empty = try work.run("evaluate", "--model", "run", "--fill=")
    #expect(
      empty.status == 64
        && empty.errors == "evaluate: --fill is empty; give it a value; see evaluate --help\n")
  }

  @Test func aCircleOfComparisons() throws {
    try work.folder.write("{}", to: "circle/verdict.json")
    try FileManager.default.createSymbolicLink(
      atPath: work.folder.file("circle/best").path, withDestinationPath: ".")
    let result = try work.run("evaluate", "--model", "circle", "--fill", "[MASK]")
    #expect(result.status == 65 && result.errors.contains("circle: "), "\(result.errors)")
  }

  @Test func aSentenceThatIsTooLong() throws {
    let sentence = Array(repeating: "the", count: 62).joined(separator: " ") + " [MASK]"
    let result = try work.run("evaluate", "--model", "run", "--fill", sentence)
    #expect(result.status == 64)
    #expect(result.errors.contains("--fill: the text has 65 tokens with [CLS] and [SEP], and the model 64"))
  }

  // MARK: Translations

  @Test func translationsAndTheirScores() throws {
    try finetune()
    let score = try json("--model", "zh-en", "--translation", "validation.tsv", "--beam", "3")
    #expect(score["pairs"] as? Int == 20)
    #expect(score["beamSize"] as? Int == 3)
    #expect(score["lengthPenalty"] as? Double == 1)
    let bleu = try #require(score["bleu"] as? [String: Any])
    let chrF = try #require(score["chrF"] as? [String: Any])
    #expect(
      (bleu["signature"] as? String)?.hasPrefix("nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:")
        == true)
    #expect(
      (chrF["signature"] as? String)?.hasPrefix("nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:")
        == true)
    for value in [bleu["value"], chrF["value"]] {
      #expect((0...100).contains(try #require(value as? Double)))
    }
    // `translate` finds the same.
    let lines = try work.lines("validation.tsv")
    let sources = lines.map { $0.split(separator: "\t")[0] + "\n" }.joined()
    let translated = try work.succeed("translate", "--model", "zh-en", "--beam", "3", input: sources).output
      .split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    let hypotheses = try #require(score["hypotheses"] as? [String])
    #expect(hypotheses == translated)
    #expect(score["diversity"] as? Double == Double(Set(hypotheses).count) / 20)
  }

  /// Where the targets are the translations, both scores are perfect; where they have nothing in common, chrF is 0.
  @Test func scoresOfEqualAndOfForeignTargets() throws {
    try finetune()
    // BLEU needs four words.
    let options = ["--model", "zh-en", "--minimum-length", "16", "--translation"]
    let score = try json(options + ["validation.tsv"])
    let hypotheses = try #require(score["hypotheses"] as? [String])
    try #require(hypotheses.allSatisfy { !$0.isEmpty })
    let lines = try work.lines("validation.tsv")
    let sources = lines.map { $0.split(separator: "\t")[0] }
    func scores(_ targets: [String]) throws -> [Double] {
      let pairs = zip(sources, targets).map { "\($0)\t\($1)\n" }.joined()
      try work.folder.write(pairs, to: "targets.tsv")
      let score = try json(options + ["targets.tsv"])
      return try ["bleu", "chrF"].map {
        try #require((score[$0] as? [String: Any])?["value"] as? Double)
      }
    }
    for value in try scores(hypotheses) { #expect(abs(value - 100) < 1e-6) }
    let foreign = try scores(hypotheses.map { _ in "ξξξξ ψψψψ ξξξξ" })
    #expect(foreign[1] == 0)
    #expect(foreign[0] < 10)
  }

  // MARK: Wrong questions

  @Test(arguments: [
    ([], "nothing to evaluate on"),
    (["--data", "shards", "--text", "corpus.txt"], "--data and --text are given; choose one"),
    (["--data", "shards", "--dump-logits", "logits.safetensors"], "--dump-logits needs a text"),
    (["--data", "shards", "--workers", "-1"], "--workers"),
    (["--data", "shards", "--windows", "-1"], "--windows"),
    (["--data", "shards", "--window-length", "65"], "--window-length: is 65; choose 3 to 64"),
    (["--data", "shards", "--selection-rate", "0"], "selectionRate"),
    (["--fill", "[MASK]", "--top-k", "0"], "--top-k is 0; choose 1 to 1000"),
    (["--translation", "validation.tsv", "--beam", "0"], "--beam is 0; choose 1 to 100"),
    (["--fill", "[MASK]", "--windows", "5"], "--windows is for --data and --text; leave it out"),
    (["--fill", "[MASK]", "--metric-tokenizer=zh"], "--metric-tokenizer is for --translation; leave it out"),
    (["--data", "shards", "--top-k", "3"], "--top-k is for --fill; leave it out"),
    (["--data", "shards", "--lossy"], "--lossy is for --text; leave it out"),
    (["--text", "corpus.txt", "--split", "train"], "--split is for --data; leave it out"),
  ])
  func aWrongQuestion(arguments: [String], message: String) throws {
    let result = try Program("evaluate", ["--model", "run"] + arguments, in: work.folder).wait()
    #expect(result.status == 64, "\(result.errors)")
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(result.output.isEmpty)
    #expect(!work.exists("logits.safetensors"))
  }

  @Test func shardsOfAnotherTokenizer() throws {
    try work.succeed("tokenize", "train.tsv", "--output", "other", "--vocabulary-size", "150")
    let result = try work.run("evaluate", "--model", "run", "--data", "other", "--split", "train")
    #expect(result.status == 65)
    #expect(result.errors.contains("other: its shards were made with the tokenizer"))
  }
}
