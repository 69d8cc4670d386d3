import ClozeCompute
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

/// The mean of the weights over the end of a run: it is what a hand computes, it is what checkpoints offer and validations
/// score, and it leaves training, resume and workers as they are.
@Suite struct WeightAverageTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let samples: [LabelledSample] = {
    let words = ["the", "dog", "house", "cat", "tree", "bird", "water"]
    return (0..<60).map { number in
      let drawn = RandomValues.tokens(3 + number % 4, below: words.count, seed: number).map { words[Int($0)] }
      return LabelledSample(texts: [drawn.joined(separator: " ")], labels: [drawn[0] == "dog" ? "a" : "b"])
    }
  }()

  private func settings(lastShare: Double, steps: Int = 10) -> LabelConfiguration {
    var settings = LabelConfiguration()
    (settings.batch.maximumLength, settings.batch.tokensPerMicrobatch, settings.batch.microbatches) = (
      24, 64, 2
    )
    settings.optimizer.learningRate = 3e-3
    settings.optimizer.schedule.warmupSteps = 2
    settings.average.lastShare = lastShare
    settings.stop.steps = steps
    settings.cadence.validationSteps = 5
    settings.cadence.checkpointSteps = 1
    settings.cadence.keepCheckpoints = 100
    settings.compute.precision = .float32
    return settings
  }

  private func task(_ settings: LabelConfiguration) throws -> LabelTask {
    try settings.validate()
    return try LabelTask(
      configuration: settings, start: .pretrained(Fixtures.url("bert")),
      training: LabelledFile(.classification, Array(Self.samples.dropLast(10))),
      validation: LabelledFile(.classification, Array(Self.samples.suffix(10))))
  }

  /// - Parameter until: the step after which the run is interrupted; nil for never.
  /// - Returns: where the run ended, and its lines of progress.
  @discardableResult
  private func run(
    _ name: String, _ settings: LabelConfiguration, workers: Int = 1, until: Int? = nil
  ) throws -> (outcome: RunOutcome, lines: [String]) {
    var settings = settings
    settings.compute.workers = workers
    var (looks, lines) = (0, [String]())
    let outcome = try TrainingRun(task(settings), output: folder.file(name), resume: .ifPresent).run(
      isInterrupted: {
        looks += 1
        return looks == until
      },
      report: { if case .line(let text) = $0.message { lines.append(text) } })
    return (outcome, lines)
  }

  private func file(_ name: String, _ step: Int, _ file: String) -> URL {
    RunFolder(folder.file(name)).checkpoint(step: step).appendingPathComponent(file)
  }

  private func bytes(_ name: String, _ step: Int) throws -> [Data] {
    try ["model.safetensors", "optimizer.safetensors"].map { try Data(contentsOf: file(name, step, $0)) }
  }

  private func tensors(_ name: String, _ step: Int) throws -> [String: [Float]] {
    let file = try TensorFile(file(name, step, "model.safetensors"))
    return try file.entries.mapValues { _ in 0 }.keys.reduce(into: [:]) { $0[$1] = try file.floats($1) }
  }

  @Test(arguments: Machine.precisions) func theMeanIsThatOfTheSteps(precision: ElementType) throws {
    var (plain, averaged) = (settings(lastShare: 0), settings(lastShare: 0.6))
    plain.compute.precision = precision == .float32 ? .float32 : .bfloat16
    averaged.compute.precision = plain.compute.precision
    #expect(try run("plain", plain).lines.allSatisfy { !$0.contains("averages") })
    let lines = try run("averaged", averaged).lines
    #expect(lines.filter { $0.hasPrefix("averages the weights from step 5 on") }.count == 1)
    for step in 1...4 { #expect(try bytes("averaged", step) == bytes("plain", step)) }
    // What 5 steps give is the mean of one.
    #expect(try bytes("averaged", 5)[0] == bytes("plain", 5)[0])
    let steps = try (5...10).map { try tensors("plain", $0) }
    for (name, found) in try tensors("averaged", 10) {
      for (index, value) in found.enumerated() {
        let mean = steps.reduce(0.0) { $0 + Double($1[name]?[index] ?? .nan) } / 6
        #expect(abs(Double(value) - mean) < 1e-6 * max(1, abs(mean)), "\(name) \(index)")
      }
    }
    #expect(try tensors("averaged", 10) != tensors("plain", 10))
    // Training goes on with the parameters: those of the last step, and the moments, are the plain run's.
    let (found, expected) = try (
      TensorFile(file("averaged", 10, "optimizer.safetensors")),
      TensorFile(file("plain", 10, "optimizer.safetensors"))
    )
    #expect(found.metadata == ["step": "10", "averagedSteps": "6"])
    #expect(expected.metadata == ["step": "10"])
    for name in expected.entries.keys { #expect(try found.floats(name) == expected.floats(name)) }
    let last = try ModelArchive.loadClassificationModel(
      file("plain", 10, ""), kind: .classification, precision: .float32
    ).model.store
    for parameter in last.parameters {
      #expect(try found.floats("p." + parameter.path) == last.numbers(of: parameter))
    }
  }

  /// The first steps have equal weights, until 1 / n is less than 1 - decay: from the fourth step on the weight is 0.3.
  @Test func anExponentialMeanForgets() throws {
    var settings = settings(lastShare: 0, steps: 8)
    try run("plain", settings)
    settings.average.decay = 0.7
    #expect(
      try run("averaged", settings).lines.contains { $0.hasPrefix("averages the weights from step 1 on") })
    let steps = try (1...8).map { try tensors("plain", $0) }
    let weights: [Double] = [1, 1 / 2, 1 / 3, 0.3, 0.3, 0.3, 0.3, 0.3]
    for last in [3, 8] {
      for (name, found) in try tensors("averaged", last) {
        for (index, value) in found.enumerated() {
          var mean = 0.0
          for (step, weight) in zip(steps, weights).prefix(last) {
            mean += (Double(step[name]?[index] ?? .nan) - mean) * weight
          }
          #expect(abs(Double(value) - mean) < 1e-6 * max(1, abs(mean)), "\(name) \(index)")
        }
      }
    }
  }

  /// At each of the first steps, where weights change, and after them.
  @Test(arguments: [1, 3, 4, 7]) func anInterruptionLeavesNoTraceInAnExponentialMean(step: Int) throws {
    var settings = settings(lastShare: 0)
    settings.average.decay = 0.7
    settings.cadence.checkpointSteps = 4
    try run("straight", settings, workers: 2)
    #expect(try run("stopped", settings, workers: 3, until: step).outcome.reason == .interrupted)
    try run("stopped", settings)
    #expect(try bytes("stopped", 10) == bytes("straight", 10))
  }

  /// Before the average, at its first step, within it, and before the last step.
  @Test(arguments: [2, 4, 5, 7, 9], Machine.precisions)
  func anInterruptionAndTheWorkersLeaveNoTrace(step: Int, precision: ElementType) throws {
    var settings = settings(lastShare: 0.6)
    settings.compute.precision = precision == .float32 ? .float32 : .bfloat16
    settings.cadence.checkpointSteps = 4
    let straight = try run("straight", settings, workers: 2).outcome
    #expect(try run("stopped", settings, workers: 3, until: step).outcome.reason == .interrupted)
    let resumed = try run("stopped", settings).outcome
    #expect(try bytes("stopped", 10) == bytes("straight", 10))
    #expect(resumed.cursor.bestFigures == straight.cursor.bestFigures)
    #expect(resumed.cursor.bestStep == straight.cursor.bestStep)
  }

  /// The figures of a validation are those of the checkpoint's model, and however often a run validates, it ends the same.
  @Test(arguments: Machine.precisions) func validationsScoreTheMean(precision: ElementType) throws {
    var settings = settings(lastShare: 0.9)
    settings.compute.precision = precision == .float32 ? .float32 : .bfloat16
    settings.validation.rankBy = .loss
    settings.cadence.validationSteps = 1
    let outcome = try run("often", settings).outcome
    let best = try #require(outcome.cursor.bestStep)
    #expect(best > 1)
    let training = try task(settings).start(from: file("often", best, "")).training
    let report = try task(settings).validate(training, tapes: [Tape(store: training.store)])
    #expect(report.figures == outcome.cursor.bestFigures)
    settings.cadence.validationSteps = 100
    try run("seldom", settings)
    #expect(try bytes("seldom", 10) == bytes("often", 10))
    let log = String(decoding: try Data(contentsOf: folder.file("often/metrics.jsonl")), as: UTF8.self)
    #expect(log.contains(#"{"averagedSteps":9,"event":"validation""#))
    #expect(log.contains(#"{"event":"validation""#))
  }

  /// A run that goes on after its end averages the end of the whole.
  @Test func aRaisedLimitBeginsAnew() throws {
    var (short, long) = (settings(lastShare: 0.5, steps: 6), settings(lastShare: 0.5, steps: 16))
    // The same rates whatever the limit.
    short.optimizer.schedule.shape = .constantThenDecay
    short.optimizer.schedule.decayFraction = 0
    long.optimizer = short.optimizer
    try run("extended", short)
    try run("extended", long)
    try run("straight", long)
    for step in [7, 8, 9, 16] { #expect(try bytes("extended", step) == bytes("straight", step)) }
  }

  @Test(arguments: ["-0.1", "1.01"]) func badSharesAreRefused(share: String) {
    for refusal in [
      failureMessage {
        _ = try LabelConfiguration.load(file: nil, overrides: ["average.lastShare=\(share)"])
      },
      failureMessage {
        _ = try FinetuneConfiguration.load(file: nil, overrides: ["average.lastShare=\(share)"])
      },
      failureMessage {
        _ = try PretrainConfiguration.load(file: nil, overrides: ["average.lastShare=\(share)"])
      },
    ] {
      #expect(refusal.hasPrefix("average.lastShare: is \(share); choose a share of the run"), "\(refusal)")
    }
  }

  @Test(arguments: ["0", "x", "99999999999999999"]) func aBadCountIsRefused(count: String) throws {
    let store = try ReferenceObjective().store
    let average = try #require(WeightAverage(store, AverageConfiguration(lastShare: 0.5)))
    #expect(WeightAverage(store, AverageConfiguration()) == nil)
    let optimizer = Optimizer(store, configuration: OptimizerConfiguration())
    try optimizer.write(to: folder.url, step: 1)
    let moments = try TensorFile(folder.file("optimizer.safetensors"))
    var writer = TensorFileWriter(metadata: ["averagedSteps": count])
    let zeros = [Float](repeating: 0, count: 1 << 20)
    let message = try zeros.withUnsafeBufferPointer { zeros in
      for (name, entry) in moments.entries {
        writer.add(
          name, shape: entry.shape,
          floats: UnsafeBufferPointer(rebasing: zeros[..<entry.shape.reduce(1, *)]))
      }
      try writer.write(to: folder.file("optimizer.safetensors"))
      return failureMessage { try optimizer.read(from: folder.url, average: average) }
    }
    #expect(message.contains("its averagedSteps is '\(count)'"), "\(message)")
  }

  @Test(arguments: [("decay=1", "decay: is 1.0; choose"), ("decay=-0.1", "decay: is -0.1; choose")])
  func aBadDecayIsRefused(override: String, message: String) {
    #expect(
      failureMessage { _ = try LabelConfiguration.load(file: nil, overrides: ["average.\(override)"]) }
        .hasPrefix("average.\(message)"))
  }

  @Test func twoMeansAreRefused() {
    let refusal = failureMessage {
      _ = try LabelConfiguration.load(file: nil, overrides: ["average.decay=0.9", "average.lastShare=0.2"])
    }
    #expect(
      refusal.hasPrefix("average.decay: is 0.9, and average.lastShare is 0.2; choose one"), "\(refusal)")
  }
}
