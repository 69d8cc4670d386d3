import ClozeTestSupport
import Foundation
import Testing

/// One of the built programs, run as a person runs it.
struct Program {
  struct Result {
    let status: Int32
    let output: String
    let errors: String
  }

  /// Beside the program that runs the tests, which `swift build --build-tests` makes with them.
  static let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent()

  let process = Process()
  private let output: URL
  private let errors: URL

  /// Starts the program `name`, or the script with this path, with standard output and error going to files in `folder`.
  ///
  /// - Parameter setup: shell words that run before the program, such as `ulimit -f 8;`.
  init(
    _ name: String, _ arguments: [String], input: String = "", setup: String = "", in folder: TemporaryFolder
  ) throws {
    let id = UUID().uuidString
    let stdin = try folder.write(input, to: "streams/\(id).in")
    output = try folder.write("", to: "streams/\(id).out")
    errors = try folder.write("", to: "streams/\(id).err")
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments =
      [
        "-c", "\(setup) exec \"$0\" \"$@\"",
        name.hasPrefix("/") ? name : Self.folder.appendingPathComponent(name).path,
      ]
      + arguments
    process.currentDirectoryURL = folder.url
    process.standardInput = try FileHandle(forReadingFrom: stdin)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
  }

  /// What it has said on standard error until now.
  var errorsSoFar: String { get throws { String(decoding: try Data(contentsOf: errors), as: UTF8.self) } }

  func wait() throws -> Result {
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus,
      output: String(decoding: try Data(contentsOf: output), as: UTF8.self),
      errors: String(decoding: try Data(contentsOf: errors), as: UTF8.self))
  }
}

extension Trait where Self == ConditionTrait {
  /// For tests that limit the size of a program's files: the thread sanitizer keeps its own memory in files.
  static var limitsFileSizes: Self {
    .enabled(if: ProcessInfo.processInfo.environment["CLOZE_SANITIZER"] != "thread")
  }
}

/// A folder to work in: text, pairs, and the programs' outputs, all by relative paths.
struct Workplace {
  let folder: TemporaryFolder

  /// - Parameter isEmpty: whether to leave out the corpus and the pairs.
  init(isEmpty: Bool = false) throws {
    folder = try TemporaryFolder()
    guard !isEmpty else { return }
    try folder.write(Self.documents.joined(separator: "\n\n"), to: "corpus.txt")
    try folder.write(Self.pairs.dropLast(20).joined(separator: "\n") + "\n", to: "train.tsv")
    try folder.write(Self.pairs.suffix(20).joined(separator: "\n") + "\n", to: "validation.tsv")
    try folder.write(Self.settings, to: "small.yaml")
    try folder.write(Self.finetuneSettings, to: "finetune.yaml")
  }

  @discardableResult
  func run(_ name: String, _ arguments: String..., input: String = "", setup: String = "") throws
    -> Program.Result
  {
    try Program(name, arguments, input: input, setup: setup, in: folder).wait()
  }

  /// Runs a program that must succeed.
  @discardableResult
  func succeed(
    _ name: String, _ arguments: String..., input: String = "", location: SourceLocation = #_sourceLocation
  ) throws -> Program.Result {
    let result = try Program(name, arguments, input: input, in: folder).wait()
    try #require(result.status == 0, "\(name): \(result.errors)", sourceLocation: location)
    return result
  }

  func tokenize() throws {
    try succeed(
      "tokenize", "corpus.txt", "--output", "shards", "--vocabulary-size", "200", "--validation-rate", "0.1")
  }

  func pretrain(steps: Int = 10, to output: String = "run") throws {
    try succeed(
      "pretrain", "--config", "small.yaml", "--data", "shards", "--output", output, "--set",
      "stop.steps=\(steps)")
  }

  /// A translator, `zh-en`, from the pretrained `run`.
  func finetune() throws {
    try succeed(
      "finetune", "--config", "finetune.yaml", "--model", "run", "--train", "train.tsv", "--validation",
      "validation.tsv", "--output", "zh-en")
  }

  /// Shards, the pretrained `run`, and from it `en-zh`, a translator from English into Chinese.
  func trainReverse() throws {
    try tokenize()
    try pretrain()
    for name in ["train", "validation"] {
      let rows = String(decoding: try bytes("\(name).tsv"), as: UTF8.self).split(separator: "\n")
      let reversed = rows.map { $0.split(separator: "\t").reversed().joined(separator: "\t") }
      try folder.write(reversed.joined(separator: "\n") + "\n", to: "\(name).reversed.tsv")
    }
    try succeed(
      "finetune", "--config", "finetune.yaml", "--model", "run", "--train", "train.reversed.tsv",
      "--validation", "validation.reversed.tsv", "--output", "en-zh")
  }

  func bytes(_ name: String) throws -> Data { try Data(contentsOf: folder.file(name)) }

  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: folder.file(name).path) }

  /// The names in a folder, sorted.
  func names(_ name: String = ".") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.file(name).path).sorted()
  }

  // MARK: Text

  private static let animals = [
    ("dog", "狗"), ("cat", "猫"), ("horse", "马"), ("bird", "鸟"), ("fish", "鱼"), ("cow", "牛"),
  ]
  private static let verbs = [
    ("sees", "看见"), ("loves", "爱"), ("follows", "跟着"), ("helps", "帮助"), ("knows", "认识"),
  ]
  private static let people = [("I", "我"), ("The teacher", "老师"), ("The doctor", "医生"), ("A child", "孩子")]

  /// Every sentence once, in an order that mixes them.
  private static let pairs: [String] = {
    var pairs: [String] = []
    for (index, animal) in animals.enumerated() {
      for verb in verbs {
        for (person, other) in zip(people, animals[index...] + animals[..<index]) {
          pairs.append(
            "\(person.1)和\(animal.1)\(verb.1)\(other.1)。\t\(person.0) and the \(animal.0) \(verb.0) the \(other.0)."
          )
        }
      }
    }
    let stride = 47
    return pairs.indices.map { pairs[$0 * stride % pairs.count] }
  }()

  private static let documents = pairs.map { $0.split(separator: "\t").joined(separator: "\n") }

  private static let settings = """
    model: {layerCount: 1, hiddenSize: 32, headCount: 2, feedForwardSize: 64, positionCount: 64}
    batch: {windowLength: 32, windows: 4, microbatchWindows: 2}
    optimizer: {schedule: {warmupSteps: 2}}
    validation: {windows: 4}
    cadence: {logSteps: 1, validationSteps: 5, checkpointSteps: 5}
    """

  private static let finetuneSettings = """
    decoder: {layerCount: 1}
    batch: {tokensPerMicrobatch: 256, microbatches: 2, maximumLength: 32}
    optimizer: {schedule: {warmupSteps: 2}}
    validation: {pairs: 10}
    cadence: {logSteps: 1, validationSteps: 5, checkpointSteps: 5}
    stop: {steps: 10}
    """
}
