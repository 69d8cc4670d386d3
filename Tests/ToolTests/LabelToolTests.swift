import ClozeTestSupport
import Foundation
import Testing

/// Texts and words are labelled from the command line: trained, resumed, scored and predicted as people do it.
@Suite struct LabelToolTests {
  private static let settings = """
    batch: {tokensPerMicrobatch: 128, microbatches: 2, maximumLength: 32}
    optimizer: {learningRate: 2.0e-3, schedule: {warmupSteps: 2}}
    cadence: {logSteps: 1, validationSteps: 5, checkpointSteps: 5}
    stop: {steps: 10}
    """

  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.pretrain()
    try work.folder.write(Self.settings, to: "labels.yaml")
    let english = try work.lines("train.tsv").map { String($0.split(separator: "\t")[1]) }
    // Who acts is the label of a text; what a word names is that of the word.
    let texts = english.map {
      "\($0.hasPrefix("I ") ? "self" : $0.hasPrefix("A ") ? "child" : "adult")\t\($0)"
    }
    try work.folder.write(texts.dropLast(20).joined(separator: "\n") + "\n", to: "texts.tsv")
    try work.folder.write(texts.suffix(20).joined(separator: "\n") + "\n", to: "held.tsv")
    let animals: Set = ["dog", "cat", "horse", "bird", "fish", "cow"]
    let sentences = english.map { text in
      text.dropLast().split(separator: " ").map {
        "\($0) \(animals.contains(String($0)) ? "B-ANIMAL" : "O")\n"
      }
      .joined() + ". O\n"
    }
    try work.folder.write(sentences.dropLast(20).joined(separator: "\n"), to: "words.conll")
    try work.folder.write(sentences.suffix(20).joined(separator: "\n"), to: "held.conll")
  }

  @discardableResult
  private func finetune(
    _ task: String, _ output: String, start: [String] = ["--model", "run"], train: String? = nil,
    validation: String? = nil, _ more: String...
  ) throws -> Program.Result {
    let (rows, held) = task == "classification" ? ("texts.tsv", "held.tsv") : ("words.conll", "held.conll")
    return try Program(
      "finetune",
      [
        "--task", task, "--config", "labels.yaml", "--train", train ?? rows, "--validation",
        validation ?? held, "--output", output,
      ] + start + more, in: work.folder
    ).wait()
  }

  private func json(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test(
    arguments: ["classification", "tagging"],
    [["--model", "run"], ["--from-scratch", "--tokenizer", "run"]])
  func tenStepsAreFiveAndFive(task: String, start: [String]) throws {
    let straight = try finetune(task, "straight", start: start, "--set", "compute.workers=2")
    #expect(straight.status == 0, "\(straight.errors)")
    #expect(straight.output.contains("best F1"))
    #expect(straight.errors.contains("classifier.weight"))
    try finetune(task, "broken", start: start, "--set", "compute.workers=1")
    try FileManager.default.removeItem(at: work.folder.file("broken/step-00000010"))
    for name in ["best", "latest"] {
      try FileManager.default.removeItem(at: work.folder.file("broken/\(name)"))
      try FileManager.default.createSymbolicLink(
        atPath: work.folder.file("broken/\(name)").path, withDestinationPath: "step-00000005")
    }
    let resumed = try finetune(task, "broken", start: start, "--resume", "--set", "compute.workers=3")
    #expect(resumed.errors.contains("resumed at step 5 from "))
    for file in ["model.safetensors", "optimizer.safetensors", "config.json", "vocab.txt"] {
      #expect(
        try work.bytes("straight/step-00000010/\(file)") == work.bytes("broken/step-00000010/\(file)"))
    }
    let other = try finetune(
      task, "broken", start: start,
      validation: task == "classification" ? "texts.tsv" : "words.conll", "--resume", "--set", "stop.steps=12"
    )
    #expect(other.status == 65)
    #expect(other.errors.contains("was made with another validation"))
  }

  /// Of a size that learns the task in three seconds.
  private static let learner = [
    "optimizer.learningRate=1e-3", "model.hiddenSize=64", "model.layerCount=2", "model.feedForwardSize=128",
    "model.headCount=2", "stop.steps=300", "cadence.validationSteps=50",
  ].flatMap { ["--set", $0] }

  @Test func aClassifierIsScoredAndUsed() throws {
    let trained = try finetune(
      "classification", "model", start: ["--from-scratch", "--tokenizer", "shards"] + Self.learner)
    #expect(trained.status == 0)
    // All training samples known is what classifiers come to.
    #expect(!trained.errors.contains("masked tokens"))
    let text = try work.succeed("evaluate", "--model", "model", "--classification", "held.tsv").output
    for part in [
      "macro F1", "accuracy", "baseline", "precision", "true \\ predicted", "macroF1|task:classification|",
    ] {
      #expect(text.contains(part), "\(part)")
    }
    let scores = try json(
      work.succeed("evaluate", "--model", "model", "--classification", "held.tsv", "--json").output)
    let accuracy = try #require(scores["accuracy"] as? Double)
    #expect(accuracy > 0.8)

    // Alone, in a file, and with other workers: the same lines in the same order.
    let held = try work.lines("held.tsv").map { String($0.split(separator: "\t")[1]) }
    let input = held.joined(separator: "\n") + "\n"
    let all = try work.succeed("predict", "--model", "model", "--workers", "3", input: input).output
    let lines = all.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
    #expect(lines.map { $0[2] } == held)
    let truth = try work.lines("held.tsv").map { String($0.split(separator: "\t")[0]) }
    let correct = zip(lines, truth).count { $0[0] == $1 }
    #expect(Double(correct) / Double(held.count) == accuracy)
    for index in [0, 7, 19] {
      let alone = try work.succeed("predict", "--model", "model", "--workers", "1", input: held[index]).output
      #expect(alone == lines[index].joined(separator: "\t") + "\n")
    }
    try work.folder.write(input, to: "input.txt")
    #expect(try work.succeed("predict", "--model", "model", "--input", "input.txt").output == all)

    let ranked = try work.succeed("predict", "--model", "model", "--top-k", "0", input: "\n" + held[0]).output
    let fields = ranked.dropFirst().split(separator: "\n")[0].split(separator: "\t")
    #expect(ranked.hasPrefix("\n"))
    #expect(Set([fields[0], fields[2], fields[4]]) == ["adult", "child", "self"])
    let sum = [1, 3, 5].compactMap { Double(fields[$0]) }.reduce(0, +)
    #expect(abs(sum - 1) < 2e-4)
    let object = try json(work.succeed("predict", "--model", "model", "--json", input: held[0]).output)
    #expect(object["texts"] as? [String] == [held[0]])
    #expect((object["labels"] as? [[String: Any]])?.first?["label"] as? String == lines[0][0])
  }

  @Test func aTaggerIsScoredAndUsed() throws {
    #expect(
      try finetune("tagging", "model", "--set", "stop.steps=300", "--set", "cadence.validationSteps=50")
        .status == 0)
    let text = try work.succeed("evaluate", "--model", "model", "--tagging", "held.conll").output
    for part in ["entity F1", "ANIMAL", "with 'O' for everything", "entityF1|task:tagging|"] {
      #expect(text.contains(part), "\(part)")
    }
    let scores = try json(
      work.succeed("evaluate", "--model", "model", "--tagging", "held.conll", "--json").output)
    #expect(try #require(scores["f1"] as? Double) > 0.8)
    let columns = try work.succeed("predict", "--model", "model", "--conll", "--input", "held.conll").output
    let words = String(decoding: try work.bytes("held.conll"), as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false
    ).map { $0.split(separator: " ").first.map(String.init) ?? "" }
    // The file's last sentence needs no empty line behind it; what is written has one.
    let found = columns.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(found.map { $0.split(separator: "\t").first.map(String.init) ?? "" } == words + [""])
    let plain = try work.succeed("predict", "--model", "model", input: "The doctor and the dog\n\nA cow\n")
      .output
    let labels = plain.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.split(separator: "\t").prefix(2).joined(separator: " ")
    }
    #expect(
      labels == [
        "The O", "doctor O", "and O", "the O", "dog B-ANIMAL", "", "", "A O", "cow B-ANIMAL", "", "",
      ])
    let object = try json(work.succeed("predict", "--model", "model", "--json", input: "dog").output)
    #expect((object["words"] as? [[String: Any]])?.first?["word"] as? String == "dog")
  }

  @Test func twoTexts() throws {
    let rows = try work.lines("texts.tsv").map { line in
      let fields = line.split(separator: "\t")
      return "\(fields[0])\tWho acts?\t\(fields[1])"
    }
    try work.folder.write(rows.dropLast(10).joined(separator: "\r\n"), to: "two.tsv")
    try work.folder.write(rows.suffix(10).joined(separator: "\r\n"), to: "two-held.tsv")
    let result = try finetune("classification", "model", train: "two.tsv", validation: "two-held.tsv")
    #expect(result.status == 0, "\(result.errors)")
    let pair = try work.succeed(
      "predict", "--model", "model", input: "Who acts?\tI and the dog see the cat.\n")
    #expect(pair.output.hasSuffix("\tWho acts?\tI and the dog see the cat.\n"))
    #expect(!pair.errors.contains("not two texts"))
    let single = try work.succeed("predict", "--model", "model", input: "Who acts?\n")
    #expect(single.errors.contains("1 line has not two texts"))
    let bad = try work.run("predict", "--model", "model", input: "a\tb\nc\td\te\nf\tg\n")
    #expect(bad.status == 65)
    #expect(bad.output.split(separator: "\n").count == 1)
    #expect(bad.errors.contains("line 2: has more than one tab"))
    let skipped = try work.run(
      "predict", "--model", "model", "--skip-bad-rows", input: "a\tb\nc\td\te\nf\tg\n")
    #expect(skipped.status == 0)
    #expect(skipped.output.split(separator: "\n", omittingEmptySubsequences: false)[1].isEmpty)
    #expect(skipped.errors.contains("1 line has more than one tab and no label, the first is line 2"))
    let evaluated = try work.run("evaluate", "--model", "model", "--classification", "held.tsv")
    #expect(evaluated.errors.contains("its rows have 1 text, and those that the model was trained on 2"))
  }

  /// Of words in columns a line without a word is left out.
  @Test func linesWithoutAWord() throws {
    #expect(try finetune("tagging", "names").status == 0)
    let text = "# text = dog\ndog O\n\tO\ncat O\n"
    #expect(try work.run("predict", "--model", "names", "--conll", input: text).status == 65)
    let skipped = try work.run("predict", "--model", "names", "--conll", "--skip-bad-rows", input: text)
    #expect(skipped.status == 0, "\(skipped.errors)")
    #expect(skipped.output.split(separator: "\n").map { $0.prefix(3) } == ["dog", "cat"])
    #expect(skipped.errors.contains("1 line has an empty first column and left out, the first is line 3"))
  }

  @Test func modelsOfOtherKindsAreRefused() throws {
    #expect(try finetune("classification", "texts").status == 0)
    for (tool, arguments, expected) in [
      (
        "evaluate", ["--model", "run", "--classification", "held.tsv"],
        "where a classification model is needed"
      ),
      (
        "evaluate", ["--model", "texts", "--tagging", "held.conll"],
        "is a classification model where a tagging"
      ),
      ("evaluate", ["--model", "texts", "--data", "shards"], "without a masked-language head"),
      ("predict", ["--model", "run"], "where a classification or tagging model is needed"),
      ("predict", ["--model", "texts", "--conll"], "--conll is for a tagger"),
      ("translate", ["--model", "texts"], "is a classification model where a translation"),
    ] {
      let result = try Program(tool, arguments, input: "a\n", in: work.folder).wait()
      #expect(result.status == 65 || result.status == 64)
      #expect(result.errors.contains(expected), "\(result.errors)")
    }
  }

  @Test func rowsAreRefusedByNameOrLeftOut() throws {
    var rows = try work.lines("texts.tsv")
    rows.insert("no tab here", at: 3)
    try work.folder.write(rows.joined(separator: "\n") + "\n", to: "bad.tsv")
    let refused = try finetune("classification", "model", train: "bad.tsv")
    #expect(refused.status == 65)
    #expect(refused.errors.contains("bad.tsv:4: has no tab"))
    let kept = try finetune("classification", "model", train: "bad.tsv", "--skip-bad-rows")
    #expect(kept.status == 0)
    #expect(kept.errors.contains("1 row cannot be used and was left out"))
    #expect(
      try finetune("classification", "other", train: "bad.tsv", "--skip-bad-rows", "--strict").status == 65)
    let held = try finetune("classification", "overlap", validation: "texts.tsv")
    #expect(held.errors.contains("samples are training samples as well"))

    try work.folder.write("self\tI see\nself\tI know\n", to: "one.tsv")
    #expect(try finetune("classification", "one", train: "one.tsv").errors.contains("one label only, 'self'"))
    try work.folder.write("nobody\tI see\nself\tI know\n", to: "new.tsv")
    let unknown = try finetune("classification", "new", validation: "new.tsv")
    #expect(unknown.status == 0)
    #expect(unknown.errors.contains("new.tsv:1: the label 'nobody' is none that the model learns"))
    try work.folder.write("", to: "empty.tsv")
    #expect(try finetune("classification", "empty", train: "empty.tsv").errors.contains("holds no rows"))
    #expect(
      try finetune("tagging", "pairs", "--train-source", "a").errors.contains("two files hold pairs"))
  }

  /// What training files may be: compressed, in another encoding, with a mark and other line ends.
  @Test func filesAreReadWhateverTheyAre() throws {
    #expect(try finetune("classification", "plain").status == 0)
    for command in [
      "gzip -k texts.tsv", "iconv -t UTF-16 texts.tsv > texts.utf16", "sed 's/$/\\r/' texts.tsv > texts.crlf",
    ] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/bash")
      process.arguments = ["-c", command]
      process.currentDirectoryURL = work.folder.url
      try process.run()
      process.waitUntilExit()
      #expect(process.terminationStatus == 0)
    }
    for name in ["texts.tsv.gz", "texts.utf16", "texts.crlf"] {
      let result = try finetune("classification", name + ".run", train: name)
      #expect(result.status == 0, "\(result.errors)")
      #expect(
        try work.bytes("\(name).run/latest/model.safetensors") == work.bytes("plain/latest/model.safetensors")
      )
    }
  }

  @Test func aClosedPipeIsNoError() throws {
    #expect(try finetune("classification", "model").status == 0)
    let input = String(repeating: "I see a cat\n", count: 20_000)
    let result = try work.run(
      "predict", "--model", "model", "--quiet", input: input, setup: "exec > >(head -1);")
    #expect(result.status == 0)
  }
}
