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
    ("mode=slow", "one of fast, exact"),
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
}
