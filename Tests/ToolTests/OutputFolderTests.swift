import ClozeTestSupport
import Foundation
import Testing

/// What commands do not write over, and what they leave behind when they are refused.
@Suite struct OutputFolderTests {
  private let work: Workplace

  init() throws {
    work = try Workplace()
    try work.tokenize()
  }

  private static let study = """
    base: small.yaml
    space: {optimizer.learningRate: {from: 1.0e-4, to: 0.1, scale: logarithmic}}
    proposer: random
    trials: 2
    seeds: 1
    rungs: {count: 1, factor: 2}
    """

  private func writeStudy() throws {
    let small = String(decoding: try work.bytes("small.yaml"), as: UTF8.self)
    try work.folder.write(small + "\nstop: {steps: 3}\n", to: "small.yaml")
    try work.folder.write(Self.study, to: "search.yaml")
  }

  private static let search = ["--config", "search.yaml", "--data", "shards", "--output"]

  private func expectRefused(_ result: Program.Result, _ message: String) {
    #expect(result.status == 64 && result.errors.contains(message), "\(result.status) \(result.errors)")
  }

  @Test func aFolderOfAnotherKindIsRefused() throws {
    try work.pretrain()
    try writeStudy()
    let before = try work.contents("run")
    func search(_ output: String) throws -> Program.Result {
      try Program("search", Self.search + [output], in: work.folder).wait()
    }
    expectRefused(try search("run"), "run: holds a run; choose another --output")
    expectRefused(try search("shards"), "shards: holds a data folder; choose another --output")
    expectRefused(
      try work.run("tokenize", "corpus.txt", "--output", "run"), "run: holds a run; choose another")
    #expect(try work.contents("run") == before)
    #expect(try search("study").status == 0)
    let study = try work.contents("study")
    for resume in [[], ["--resume"]] {
      let result = try Program(
        "pretrain", ["--config", "small.yaml", "--data", "shards", "--output", "study"] + resume,
        in: work.folder
      ).wait()
      expectRefused(result, "study: holds a study of search; choose another --output")
    }
    #expect(try work.contents("study") == study)
  }

  @Test func aRunOfAnotherToolIsNotResumed() throws {
    try work.pretrain()
    try work.finetune()
    let result = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "zh-en", "--resume")
    expectRefused(result, "zh-en: holds a run of another kind")
  }

  /// A run that ended before its first event, here for damaged data, is no run to the corrected command.
  @Test func aRunWithoutAnEventIsBegunAnew() throws {
    let shard = work.folder.file("shards/train-00000.zst")
    let whole = try Data(contentsOf: shard)
    var damaged = whole
    for index in damaged.indices.dropFirst(30).prefix(20) { damaged[index] ^= 0xff }
    try damaged.write(to: shard)
    let arguments = [
      "--config", "small.yaml", "--data", "shards", "--output", "run", "--set", "stop.steps=2",
    ]
    #expect(try Program("pretrain", arguments, in: work.folder).wait().status == 65)
    try whole.write(to: shard)
    let result = try Program("pretrain", arguments + ["--set", "seed=2"], in: work.folder).wait()
    #expect(result.status == 0, "\(result.errors)")
  }

  @Test func anEmptyNameIsRefused() throws {
    expectRefused(
      try work.run("pretrain", "--config", "small.yaml", "--data", "shards", "--output", ""),
      "--output is empty; give it a value")
    expectRefused(try work.run("evaluate", "--model=", "--data", "shards"), "--model is empty")
    #expect(!work.exists("config.yaml"))
  }

  /// The next file that is opened would get the number of a closed stream, and the table be written into it.
  @Test(
    arguments: [
      ("exec <&- >&- 2>&-;", 74), ("exec >&- 2>&-;", 74), ("exec >&-;", 74), ("exec <&- 2>&-;", 0),
    ] as [(String, Int32)])
  func closedStreamsAreNoFiles(streams: String, status: Int32) throws {
    try writeStudy()
    #expect(try Program("search", Self.search + ["whole"], in: work.folder).wait().status == 0)
    let result = try Program("search", Self.search + ["study"], setup: streams, in: work.folder).wait()
    #expect(result.status == status)
    #expect(try work.bytes("study/trials.jsonl") == work.bytes("whole/trials.jsonl"))
  }

  @Test func aModelBeyondTheMemoryIsRefused() throws {
    let result = try work.run(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "large", "--set",
      "model.hiddenSize=65536", "--set", "model.feedForwardSize=65536", "--set", "model.headCount=4", "--set",
      "model.layerCount=64")
    #expect(result.status == 74 && result.errors.contains("memory: the run needs "), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1 && !work.exists("large"))
  }

  /// As a machine that lost its power leaves it.
  @Test func aTornLineOfTheLogIsRemoved() throws {
    try work.pretrain()
    let log = try work.bytes("run/metrics.jsonl")
    try (log + log.prefix(40)).write(to: work.folder.file("run/metrics.jsonl"))
    try work.succeed(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", "run", "--resume", "--set",
      "stop.steps=12")
    for line in try work.lines("run/metrics.jsonl") {
      #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    }
  }

  @Test func aFileThatIsThereIsNotOverwritten() throws {
    try work.pretrain()
    try work.folder.write("some words\n", to: "text.txt")
    expectRefused(
      try work.run("evaluate", "--model", "run", "--text", "text.txt", "--dump-logits", "text.txt"),
      "text.txt: is there already")
    #expect(try work.bytes("text.txt") == Data("some words\n".utf8))
  }

  /// A curve whose settings no run takes leaves no study in the way of the corrected command.
  @Test func aRefusedCurveLeavesNoStudy() throws {
    try work.pretrain()
    func curve(_ more: String...) throws -> Program.Result {
      try Program(
        "finetune",
        [
          "--label-curve", "4", "--seeds", "1", "--trials", "1", "--model", "run", "--config",
          "finetune.yaml",
          "--train", "train.tsv", "--validation", "validation.tsv", "--test", "validation.tsv", "--output",
          "curve",
          "--set", "stop.steps=2",
        ] + more, in: work.folder
      ).wait()
    }
    #expect(try curve("--set", "optimizer.freeze=layers:50-90").status == 64)
    let result = try curve()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.errors.contains("are validation pairs as well"), "\(result.errors)")
  }
}
