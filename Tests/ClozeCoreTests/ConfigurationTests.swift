import ClozeCore
import ClozeTestSupport
import Foundation
import Testing

private struct Settings: Configuration, Equatable {
  struct Optimizer: Codable, Sendable, Equatable {
    var learningRate = 0.001
    var warmupSteps = 10
  }
  enum Mode: String, NamedChoice { case fast, exact }
  var seed = 1
  var name = "run"
  var mode = Mode.fast
  var optimizer = Optimizer()

  func validate() throws {
    guard seed >= 0 else {
      throw ConfigurationError.invalid(path: "seed", reason: "is \(seed); choose 0 or more")
    }
  }
}

@Suite struct ConfigurationTests {
  @Test func fileThenOverrides() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("seed: 7\noptimizer:\n  learningRate: 2e-3\n", to: "a.yaml")
    let settings = try Settings.load(file: file, overrides: ["optimizer.warmupSteps=3", "mode=exact"])
    #expect(settings.seed == 7)
    #expect(settings.name == "run")
    #expect(settings.optimizer == .init(learningRate: 0.002, warmupSteps: 3))
    #expect(settings.mode == .exact)
  }

  /// A list of words is text where text belongs, with or without what makes it no YAML.
  @Test(arguments: [
    ("name=[a, b] x 2", "[a, b] x 2"), ("name=[a, b]", "[a, b]"), ("name='[a, b] x 2'", "[a, b] x 2"),
    ("name=", ""),
  ])
  func listsOfWordsAreText(override: String, name: String) throws {
    #expect(try Settings.load(file: nil, overrides: [override]).name == name)
  }

  @Test func differencesHaveFullPaths() throws {
    let settings = try Settings.load(file: nil, overrides: ["optimizer.warmupSteps=3", "name="])
    #expect(
      try settings.differences(from: Settings())
        == ["name: run there, nothing here", "optimizer.warmupSteps: 10 there, 3 here"])
    #expect(try settings.differences(from: settings).isEmpty)
  }

  @Test func resolvedSettingsReadBackEqual() throws {
    let folder = try TemporaryFolder()
    var settings = Settings()
    settings.optimizer.learningRate = 0.125
    let file = try folder.write(try settings.yaml(), to: "a.yaml")
    #expect(try Settings.load(file: file, overrides: []) == settings)
  }

  @Test(arguments: [(1e-12, "1e-12"), (0.1, "0.1"), (0.8, "0.8"), (0, "0.0"), (2e-5, "2e-05")])
  func fractionsAreWrittenAsPeopleWriteThem(value: Double, text: String) throws {
    var settings = Settings()
    settings.optimizer.learningRate = value
    settings.name = "1e-1"
    #expect(
      try settings.yaml() == """
        seed: 1
        name: '1e-1'
        mode: fast
        optimizer:
          learningRate: \(text)
          warmupSteps: 10

        """)
  }

  @Test(arguments: [
    ("optimizer.learningrate=1", "did you mean 'optimizer.learningRate'"),
    ("warmupSteps=1", "did you mean 'optimizer.warmupSteps'"),
    ("zzzzzzzzzz=1", "unknown key 'zzzzzzzzzz'"),
    ("seed=many", "seed: has the wrong type; write a whole number"),
    ("mode=slow", "mode: is 'slow'; choose one of fast, exact"),
    ("optimizer.warmupSteps=[1", "optimizer.warmupSteps: has the wrong type; write a whole number"),
    ("optimizer=3", "optimizer"),
    ("seed=-1", "choose 0 or more"),
    ("seed", "not of the form key=value"),
  ])
  func wrongOverridesAreNamed(override: String, message: String) throws {
    let text = failureMessage { _ = try Settings.load(file: nil, overrides: [override]) }
    #expect(text.contains(message), "\(text)")
  }

  @Test func brokenYamlNamesTheFile() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("seed: [1\n", to: "broken.yaml")
    #expect(failureMessage { _ = try Settings.load(file: file, overrides: []) }.contains("broken.yaml"))
  }

  private static let tens = (1...8).map { level in
    "&a\(level) [\(Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", "))]"
  }.joined(separator: ", ")

  /// Aliases that stand for a thousand million values, as a value and as a key, or are nested deeper than a stack.
  @Test(arguments: [
    "seed: [&a0 [x, x, x, x, x, x, x, x, x, x], \(tens)]\n",
    "? [&a0 [x, x, x, x, x, x, x, x, x, x], \(tens)]\n: 1\n",
    "seed:\n- &a [x]\n\(String(repeating: "- &a [*a]\n", count: 5000))", "seed: 'a # ' # &x\nname: *x\n",
  ])
  func aliasesAreRefused(text: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(text, to: "settings.yaml")
    let message = failureMessage { _ = try Settings.load(file: file, overrides: []) }
    #expect(message.contains("write it out"), "\(message)")
    #expect(
      failureMessage { _ = try Settings.load(file: nil, overrides: ["name=\(text)"]) }.contains("not YAML"))
  }

  @Test(arguments: [
    (String(repeating: "[", count: 20_000), "is not valid YAML (line 1"),
    (String(repeating: "{a: ", count: 10_000), "is not valid YAML (line 1"),
    ("seed: 1\nseed: 2\n", "the key 'seed' comes twice"),
    ("seed: 1\n---\nseed: 2\n", "is not valid YAML (line 2"),
    (
      "seed: 1 # \(String(repeating: "x", count: 1 << 20))\n",
      "has 1.0 MB where settings have a few thousand bytes"
    ),
    ("seed: !!python/object/apply:os.system [echo]\n", "seed: has the wrong type"),
    ("? \(String(repeating: "k", count: 10_000))\n: 1\n", "unknown key"),
    ("optimizer: {learningRate: .inf}\n", "optimizer.learningRate: is not a finite number"),
    ("optimizer: {learningRate: 1e999}\n", "optimizer.learningRate: is not a finite number"),
    ("optimizer: {learningRate: 1:30}\n", "optimizer.learningRate: is 1:30, which YAML reads as 90"),
    ("optimizer: {learningRate: 010}\n", "optimizer.learningRate: is 010, which YAML reads as 8"),
  ])
  func hostileFilesAreRefused(text: String, message: String) throws {
    let folder = try TemporaryFolder()
    let file = try folder.write(text, to: "settings.yaml")
    let found = failureMessage { _ = try Settings.load(file: file, overrides: []) }
    #expect(found.contains(message), "\(found.prefix(300))")
    // What is wrong is said, not shown: it may be as long as the file.
    #expect(found.utf8.count < 1000)
  }

  @Test func textThatIsNotUTF8IsRefused() throws {
    let folder = try TemporaryFolder()
    let file = folder.file("latin1.yaml")
    // `ByteOrderMarkTests` has what a mark announces.
    try (Data("seed: 1 # caf".utf8) + [0xE9, 0x0A]).write(to: file)
    #expect(failureMessage { _ = try Settings.load(file: file, overrides: []) }.contains("is not UTF-8"))
  }
}
