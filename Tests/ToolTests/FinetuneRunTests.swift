import ClozeTestSupport
import Foundation
import Testing

/// A fine-tuning run: interrupted, resumed with what it was started with, ended early, and what it keeps.
@Suite struct FinetuneRunTests {
  /// What decides where a run ends up; the checkpoint's manifest also holds the time that it took.
  private static let files = ["model.safetensors", "optimizer.safetensors", "config.json", "vocab.txt"]

  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
    try work.pretrain()
  }

  private func finetune(
    _ output: String, start: [String] = ["--model", "run"],
    train: [String] = ["--train", "train.tsv"], resume: Bool = false, set settings: [String] = []
  ) throws -> Program.Result {
    let arguments =
      train + ["--config", "finetune.yaml", "--validation", "validation.tsv", "--output", output]
      + start + settings.flatMap { ["--set", $0] } + (resume ? ["--resume"] : [])
    return try Program("finetune", arguments, in: work.folder).wait()
  }

  private static let scratch = ["--from-scratch", "--tokenizer", "run"]

  private func destination(_ link: String) throws -> String {
    try FileManager.default.destinationOfSymbolicLink(atPath: work.folder.file(link).path)
  }

  // MARK: Resuming

  /// With dropout, so that the second half has the masks of its own steps.
  @Test(arguments: [["--model", "run"], scratch])
  func tenStepsAreFiveAndFive(start: [String]) throws {
    #expect(try finetune("straight", start: start, set: ["compute.workers=2"]).status == 0)
    // As a run that was killed after its checkpoint at step 5.
    #expect(try finetune("broken", start: start, set: ["compute.workers=1"]).status == 0)
    try FileManager.default.removeItem(at: work.folder.file("broken/step-00000010"))
    for name in ["best", "latest"] {
      try FileManager.default.removeItem(at: work.folder.file("broken/\(name)"))
      try FileManager.default.createSymbolicLink(
        atPath: work.folder.file("broken/\(name)").path, withDestinationPath: "step-00000005")
    }
    let result = try finetune("broken", start: start, resume: true, set: ["compute.workers=3"])
    #expect(result.status == 0)
    #expect(result.errors.contains("resumed at step 5 from "))
    for file in Self.files {
      #expect(
        try work.bytes("straight/step-00000010/\(file)") == work.bytes("broken/step-00000010/\(file)"),
        "\(file)")
    }
    // The halves do differ, so equal files are not files that no step has changed.
    #expect(
      try work.bytes("straight/step-00000010/model.safetensors")
        != work.bytes("straight/step-00000005/model.safetensors"))
    #expect(try destination("broken/best") == destination("straight/best"))
  }

  @Test func anotherSeedIsAnotherRun() throws {
    #expect(try finetune("one").status == 0)
    #expect(try finetune("two", set: ["seed=2"]).status == 0)
    #expect(
      try work.bytes("one/step-00000010/model.safetensors")
        != work.bytes("two/step-00000010/model.safetensors"))
    let before = try work.contents("one")
    let result = try finetune("one", resume: true, set: ["seed=2"])
    #expect(result.status == 64)
    #expect(result.errors.contains("seed: 1 there, 2 here"))
    #expect(try work.contents("one") == before)
  }

  @Test func aRunIsNotStartedOverAnother() throws {
    #expect(try finetune("zh-en").status == 0)
    let before = try work.contents("zh-en")
    let result = try finetune("zh-en")
    #expect(result.status == 64)
    #expect(result.errors.contains("zh-en: already holds a run; add --resume"))
    #expect(try work.contents("zh-en") == before)
  }

  /// A pair more, a pair less, or the same pairs in another order: other micro-batches, and so another run.
  @Test(arguments: ["more", "fewer", "turned"]) func otherPairsAreRefused(change: String) throws {
    #expect(try finetune("zh-en").status == 0)
    let before = try work.contents("zh-en")
    var lines = try work.lines("train.tsv")
    switch change {
    case "more": lines.append("我\tI")
    case "fewer": lines.removeLast()
    default: lines.swapAt(0, 1)
    }
    try work.folder.write(lines.joined(separator: "\n") + "\n", to: "other.tsv")
    let result = try finetune("zh-en", train: ["--train", "other.tsv"], resume: true, set: ["stop.steps=15"])
    #expect(result.status == 65)
    #expect(result.errors.contains("zh-en/step-00000010: was made with another pairs"))
    #expect(result.errors.contains("resume with what the run was started with"))
    #expect(result.output.isEmpty)
    #expect(try work.contents("zh-en") == before)
  }

  @Test func anotherStartIsRefused() throws {
    #expect(try finetune("zh-en").status == 0)
    try work.pretrain(steps: 5, to: "younger")
    let before = try work.contents("zh-en")
    for start in [Self.scratch, ["--model", "younger"]] {
      let result = try finetune("zh-en", start: start, resume: true, set: ["stop.steps=15"])
      #expect(result.status == 65)
      #expect(result.errors.contains("zh-en/step-00000010: was made with another start"))
      #expect(try work.contents("zh-en") == before)
    }
  }

  /// Pairs may come in two files, a side each; the run is the same, and goes on from either.
  @Test func parallelFilesAreTheSamePairs() throws {
    let sides = try work.lines("train.tsv").map { $0.split(separator: "\t").map(String.init) }
    for (name, side) in [("train.zh", 0), ("train.en", 1)] {
      try work.folder.write(sides.map { $0[side] }.joined(separator: "\n") + "\n", to: name)
    }
    #expect(try finetune("one").status == 0)
    let two = ["--train-source", "train.zh", "--train-target", "train.en"]
    #expect(try finetune("two", train: two).status == 0)
    for file in Self.files {
      #expect(try work.bytes("two/latest/\(file)") == work.bytes("one/latest/\(file)"), "\(file)")
    }
    #expect(
      try finetune("two", train: two, resume: true, set: ["stop.steps=12"]).errors.contains(
        "finished at step 12"))
  }

  // MARK: Ending early, and what is kept

  /// A rate at which no translation changes, so the first validation is the best.
  private static let standstill = ["optimizer.learningRate=1e-12", "stop.steps=20"]

  private func validationSteps(_ run: String) throws -> [Int] {
    try work.lines("\(run)/metrics.jsonl").compactMap { line in
      let event = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return event?["event"] as? String == "validation" ? event?["step"] as? Int : nil
    }
  }

  @Test(arguments: [(0, [3, 6, 9, 12, 15, 18, 20]), (1, [3, 6]), (2, [3, 6, 9])])
  func patienceEndsARunEarly(patience: Int, validations: [Int]) throws {
    let result = try finetune(
      "zh-en",
      set: Self.standstill + ["validation.patience=\(patience)", "cadence.validationSteps=3"])
    let last = validations[validations.count - 1]
    #expect(result.status == 0)
    #expect(try validationSteps("zh-en") == validations)
    #expect(
      result.errors.contains("ended at step \(last): the validation score no longer improves")
        == (patience > 0))
    #expect(result.errors.contains("finished at step 20") == (patience == 0))
    // The last state is saved, the best one pointed at.
    #expect(try destination("zh-en/latest") == String(format: "step-%08d", last))
    #expect(try destination("zh-en/best") == "step-00000003")
  }

  @Test(arguments: [
    (1, ["step-00000001", "step-00000006"]),
    (2, ["step-00000001", "step-00000005", "step-00000006"]),
    (4, ["step-00000001", "step-00000003", "step-00000004", "step-00000005", "step-00000006"]),
    (9, (1...6).map { "step-0000000\($0)" }),
  ])
  func theLastCheckpointsAndTheBestAreKept(keep: Int, checkpoints: [String]) throws {
    let result = try finetune(
      "zh-en",
      set: Self.standstill + [
        "stop.steps=6", "cadence.validationSteps=1", "cadence.checkpointSteps=1",
        "cadence.keepCheckpoints=\(keep)",
      ])
    #expect(result.status == 0)
    #expect(try work.names("zh-en").filter { $0.hasPrefix("step-") } == checkpoints)
    #expect(try destination("zh-en/best") == "step-00000001")
    #expect(try destination("zh-en/latest") == "step-00000006")
    // Both are models that translate.
    for name in ["best", "latest"] {
      #expect(try work.succeed("translate", "--model", "zh-en/\(name)", input: "我\n").status == 0)
    }
  }

  // MARK: Where tensors come from

  /// The rows `name [shape] origin` that a run begins with.
  private func origins(_ result: Program.Result) -> [(name: String, origin: String)] {
    result.errors.split(separator: "\n").compactMap { line in
      guard let match = line.wholeMatch(of: /((?:en|de)coder\.\S+) +\[[0-9, ]+\]  (.+)/) else { return nil }
      return (String(match.1), String(match.2))
    }
  }

  @Test func fromScratchEverythingIsNew() throws {
    let fromScratch = try finetune("scratch", start: Self.scratch, set: ["stop.steps=1"])
    let pretrained = try finetune("pretrained", set: ["stop.steps=1"])
    let (new, loaded) = (origins(fromScratch), origins(pretrained))
    // The same network, tensor by tensor.
    #expect(new.map(\.name) == loaded.map(\.name))
    #expect(new.count > 40)
    #expect(
      new.filter { $0.origin != "new" }.map(\.name) == ["decoder.bert.embeddings.word_embeddings.weight"])
    #expect(Set(new.map(\.origin)) == ["new", "shared with the encoder"])
    // From a checkpoint, the encoder is loaded and the decoder's layers are new.
    for (name, origin) in loaded where name.hasPrefix("encoder.") {
      #expect(origin == "loaded from roformer." + name.dropFirst("encoder.".count), "\(name)")
    }
    #expect(
      loaded.filter { $0.name.contains("decoder.bert.encoder.layer") }.allSatisfy { $0.origin == "new" })
    for name in ["config.json", "vocab.txt"] {
      #expect(try work.bytes("scratch/latest/\(name)") == work.bytes("pretrained/latest/\(name)"))
    }
  }

  @Test(arguments: [
    (["--model", "run", "--from-scratch"], "give one of them"),
    (["--from-scratch"], "--from-scratch needs --tokenizer FOLDER"),
    ([], "give --model FOLDER"),
    (["--model", "run", "--set", "model.hiddenSize=64"], "model: the settings give other sizes than "),
  ])
  func aStartThatIsNone(start: [String], message: String) throws {
    let result = try finetune("zh-en", start: start)
    #expect(result.status == 64)
    #expect(result.errors.contains(message), "\(result.errors)")
    #expect(!work.exists("zh-en"))
  }
}
