import ClozeCompute
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

/// Runs whose model does not read its input: found out, and started anew with half the learning rate.
@Suite struct CollapseTests {
  private static let steps = 430
  /// Where the tests look: before and after the restart.
  private static let restart = 104

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private struct Result {
    var restarts: [(step: Int, rate: Double)] = []
    var cursor = RunCursor()
    var weights: [Int: [Float]] = [:]
  }

  /// - Parameter looks: after this many steps of the run it is interrupted; nil for never.
  private func run(
    _ name: String, workers: Int = 1, resume: Bool = false, looks: Int? = nil, average: Double = 0,
    change: (inout PretrainConfiguration) -> Void = { _ in }
  ) throws -> Result {
    var configuration = PretrainConfiguration()
    configuration.optimizer.learningRate = 2e-3
    configuration.optimizer.schedule.warmupSteps = 4
    configuration.average.lastShare = average
    configuration.stop = StopConfiguration(steps: Self.steps)
    configuration.cadence.validationSteps = 1
    configuration.cadence.checkpointSteps = 40
    configuration.cadence.keepCheckpoints = 1
    configuration.cadence.logSteps = 1
    configuration.compute.workers = workers
    change(&configuration)
    let task = DistanceTask(configuration: configuration)
    let run = try TrainingRun(task, output: folder.file(name), resume: resume ? .required : .never)
    var (looked, result) = (0, Result())
    let outcome = try run.run(
      isInterrupted: {
        looked += 1
        return looked == looks
      },
      report: { event in
        switch event {
        case .restarted(let step, _, let rate): result.restarts.append((step, rate))
        case .validated(let step, _) where step / 2 == Self.restart / 2:
          result.weights[step] = DistanceTask.values(run.training.store)
        default: break
        }
      })
    result.cursor = outcome.cursor
    return result
  }

  private func files(_ name: String) throws -> [Data] {
    try ["model.safetensors", "optimizer.safetensors"].map {
      try Data(contentsOf: folder.file("\(name)/latest/\($0)"))
    }
  }

  private func largest(_ first: [Float], _ second: [Float]) -> Float {
    zip(first, second).map { abs($0 - $1) }.max() ?? 0
  }

  /// At a tenth of the run and 100 steps past the warm-up, the model is found to have gone too far. It begins again from its
  /// initial weights, with a warm-up and half the rate, and is left alone once it passes.
  @Test func itStartsAnewWithHalfTheRate() throws {
    let result = try run("run")
    #expect(result.restarts.map(\.step) == [104])
    #expect(result.restarts.map(\.rate) == [1e-3])
    #expect(result.cursor.restarts == [RunCursor.Restart(step: 104, fraction: 104.0 / 430)])
    #expect(result.cursor.collapseCheckStep == 208)
    let initial = try DistanceTask.initialValues()
    let (before, after) = try (#require(result.weights[104]), #require(result.weights[105]))
    #expect(largest(before, initial) > DistanceTask.bound)
    // The first step of a warm-up of four.
    #expect(abs(largest(after, initial) - 0.25e-3) < 1e-5)
    let lines = String(decoding: try Data(contentsOf: folder.file("run/metrics.jsonl")), as: UTF8.self)
    #expect(lines.contains(#"{"event":"restarted","inputGain":0,"learningRate":0.001,"step":104}"#))
    let rates = try lines.split(separator: "\n").compactMap {
      try JSONDecoder().decode(Line.self, from: Data($0.utf8))
    }.filter { $0.event == "train" }.map { $0.learningRate ?? -1 }
    #expect(rates.count == Self.steps)
    #expect(rates[104] == 0.25e-3 && rates[107] == 1e-3)
    // The rate falls over what is left of the run.
    #expect(rates[108] == 1e-3 && rates[269] < 0.51e-3 && rates[269] > 0.49e-3 && rates[429] < 1e-5)
    // The scores of the weights that were left do not count.
    #expect(try #require(result.cursor.bestStep) > 104)
  }

  private struct Line: Decodable {
    let event: String
    let learningRate: Double?
  }

  /// Before the check, at it, after it, at the second one, and after that; without and with an average and a thaw.
  @Test(arguments: [60, 103, 104, 105, 208, 209], [false, true])
  func anInterruptionLeavesNoTrace(looks: Int, thaws: Bool) throws {
    func run(_ name: String, workers: Int, resume: Bool = false, looks: Int? = nil) throws -> Result {
      try self.run(name, workers: workers, resume: resume, looks: looks, average: thaws ? 0.8 : 0) {
        $0.cadence.validationSteps = 10
        if thaws { ($0.optimizer.freeze, $0.optimizer.freezeShare) = ("layers:0", 0.2) }
      }
    }
    let end = 215
    let straight = try run("straight", workers: 2, looks: end)
    #expect(straight.restarts.map(\.step) == [104])
    #expect(straight.cursor.thawStep == (thaws ? 104 : nil))
    #expect(straight.cursor.collapseCheckStep == 208)
    let first = try run("stopped", workers: 1, looks: looks)
    let second = try run("stopped", workers: 3, resume: true, looks: end - looks)
    #expect(try files("stopped") == files("straight"))
    #expect(first.restarts.count + second.restarts.count == 1)
    var (found, expected) = (second.cursor, straight.cursor)
    (found.seconds, expected.seconds) = (0, 0)
    #expect(found == expected)
  }

  @Test func itCanBeTurnedOff() throws {
    let result = try run("run") { $0.optimizer.collapseRestarts = 0 }
    #expect(result.restarts.isEmpty && result.cursor.restarts == nil)
    #expect(result.cursor.collapseCheckStep == nil)
  }

  /// A run at a low rate cannot have learnt by then, one in its second half has too little time left, and a run has only so many
  /// restarts.
  @Test func whenItIsChecked() {
    var settings = OptimizerConfiguration()
    (settings.learningRate, settings.schedule.warmupSteps) = (1e-3, 100)
    func firstCheck(of steps: Int, _ restarts: [Int] = []) -> Int? {
      var cursor = RunCursor()
      cursor.restarts = restarts.map { RunCursor.Restart(step: $0, fraction: Double($0) / Double(steps)) }
      return (0...steps).first { step in
        cursor.step = step
        return CollapseCheck(settings).isDue(cursor, fraction: Double(step) / Double(steps))
      }
    }
    #expect(firstCheck(of: 4_000) == 400)
    #expect(firstCheck(of: 1_000) == 200)
    #expect(firstCheck(of: 399) == nil)
    // The steps count from the restart, and a quarter of the rate needs twice as many of them.
    #expect(firstCheck(of: 1_600, [200]) == 400)
    #expect(firstCheck(of: 1_600, [200, 400]) == 700)
    #expect(firstCheck(of: 10_000, [1_000]) == 2_000)
    #expect(firstCheck(of: 10_000, [1_000, 2_000]) == 3_000)
    #expect(firstCheck(of: 10_000, [1_000, 2_000, 3_000]) == nil)
    settings.learningRate = 5e-5
    #expect(firstCheck(of: 10_000) == 1_100)
    #expect(firstCheck(of: 2_000) == nil)
    var cursor = RunCursor()
    (cursor.step, cursor.collapseCheckStep) = (2_000, 1_500)
    #expect(!CollapseCheck(settings).isDue(cursor, fraction: 0.2))
  }

  /// The best loss without context: no other distribution gives a lower one.
  @Test(arguments: [0, 0.1]) func theContextFreeLossIsTheLeast(smoothing: Double) {
    let pairs = [([1], [5, 6, 6]), ([2], [6])].map { EncodedPair(source: $0.0, target: $0.1) }
    let counts = UnigramCounts(targetsOf: pairs, end: 3, vocabularySize: 8)
    #expect(counts.counts == [0, 0, 0, 2, 0, 1, 3, 0])
    let targets = counts.counts.map { (1 - smoothing) * Double($0) / 6 + smoothing / 8 }
    func loss(_ model: [Double]) -> Double {
      -zip(targets, model).reduce(0) { $0 + ($1.0 > 0 ? $1.0 * log($1.1) : 0) }
    }
    let least = counts.entropy(labelSmoothing: smoothing)
    #expect(abs(least - loss(targets)) < 1e-12)
    for shift in [0.01, -0.01] {
      var other = targets
      (other[3], other[6]) = (other[3] + shift, other[6] - shift)
      #expect(loss(other) > least)
    }
    #expect(smoothing > 0 || least == counts.entropy)
  }
}

/// The reference BERT, which counts as collapsed as soon as a weight is too far from its initial value: a function of the
/// parameters that a lower rate leaves alone.
private struct DistanceTask: TrainingTask {
  static let purpose = "test"
  /// Steps of 2e-3 get past it by the first check, and 104 steps of 1e-3 cannot.
  static let bound: Float = 0.105

  let configuration: PretrainConfiguration
  let identities: CheckpointManifest.Identities = [:]

  static func initialValues() throws -> [Float] {
    values(try ReferenceObjective().store)
  }

  static func values(_ store: ParameterStore) -> [Float] {
    Array(UnsafeBufferPointer(start: store.values, count: store.elementCount))
  }

  func start(from checkpoint: URL?) throws -> TrainingStart<ReferenceObjective> {
    TrainingStart(try ReferenceObjective(checkpoint, microbatchCount: 2))
  }

  func inputGain(_ training: ReferenceObjective, tapes: [Tape]) throws -> Double? {
    let distances = zip(try DistanceTask.initialValues(), DistanceTask.values(training.store)).map {
      abs($0 - $1)
    }
    return distances.max() ?? 0 > DistanceTask.bound ? 0 : 1
  }

  func validate(_ training: ReferenceObjective, tapes: [Tape]) throws -> ValidationReport {
    ValidationReport(figures: [:], score: Double(training.store.values[0]))
  }

  func write(_ training: ReferenceObjective, to folder: URL) throws {
    try ModelArchive.write(training.model, to: folder, metadata: [:])
  }
}
