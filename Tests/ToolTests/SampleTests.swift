import ClozeTestSupport
import Foundation
import Testing

/// Figures of a part of the text are figures of the whole, whatever the order of the files.
@Suite struct SampleTests {
  private let work: Workplace

  /// An easy file, whose words follow from each other, and a hard one of random words; documents are lines.
  init() throws {
    work = try Workplace()
    var state: UInt64 = 3
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let easy = (0..<600).map { number in
      let first = random(10)
      return (0..<30).map { "w\((first + $0) % 10)" }.joined(separator: " ") + " n\(number)"
    }
    let syllables = ["ba", "ke", "lo", "mu", "pi", "ra", "so", "te", "vu", "xi", "da", "ne"]
    let hard = (0..<600).map { number in
      (0..<30).map { _ in syllables[random(12)] + syllables[random(12)] }.joined(separator: " ")
        + " n\(number)"
    }
    try work.folder.write(easy.joined(separator: "\n"), to: "a.txt")
    try work.folder.write(hard.joined(separator: "\n"), to: "b.txt")
    for (first, second) in [("a", "b"), ("b", "a")] {
      try work.succeed(
        "tokenize", "\(first).txt", "\(second).txt", "--documents", "lines", "--output", "\(first)\(second)",
        "--vocabulary-size", "300", "--validation-rate", "0.3")
    }
  }

  private struct Score {
    let loss: Double
    let accuracy: Double
    let interval: ClosedRange<Double>
    let windows: Int

    init(_ json: String) throws {
      let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
      let all = try #require(object["all"] as? [String: Any])
      loss = try #require(all["loss"] as? Double)
      accuracy = try #require(all["accuracy"] as? Double)
      let bounds = try #require(object["accuracyInterval"] as? [Double])
      interval = bounds[0]...bounds[1]
      windows = try #require(object["windows"] as? Int)
    }
  }

  @Test func theOrderOfTheFilesChangesNoValidation() throws {
    let settings = [
      "--config", "small.yaml", "--set", "stop.steps=150", "--set", "optimizer.learningRate=3e-3", "--set",
      "validation.windows=60", "--set", "cadence.validationSteps=150", "--set", "cadence.checkpointSteps=150",
      "--set", "batch.windows=16",
    ]
    let result = try Program("pretrain", settings + ["--data", "ab", "--output", "run"], in: work.folder)
      .wait()
    try #require(result.status == 0, "\(result.errors)")
    func score(_ data: String, windows: Int) throws -> Score {
      try Score(
        work.succeed(
          "evaluate", "--json", "--model", "run", "--data", data, "--window-length", "32", "--windows",
          "\(windows)"
        ).output)
    }
    let whole = try score("ab", windows: 0)
    let samples = try ["ab", "ba"].map { try score($0, windows: 60) }
    #expect(samples.allSatisfy { $0.windows == 60 && whole.windows > 300 })
    for sample in samples {
      #expect(sample.interval.contains(whole.accuracy), "\(sample) against \(whole)")
      #expect(abs(sample.loss - whole.loss) < 0.15 * whole.loss, "\(sample) against \(whole)")
    }
    // The run's own validation is the same sample.
    let table = try work.table(result.output)
    #expect(table["best validation accuracy"] == String(format: "%.2f %%", 100 * samples[0].accuracy))
  }
}
