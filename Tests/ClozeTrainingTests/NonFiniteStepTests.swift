import ClozeCompute
import ClozeCore
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

/// Steps whose loss or gradient is not finite: skipped and named, and after three in a row the run goes back and past them,
/// to the same bits however often it is interrupted.
@Suite struct NonFiniteStepTests {
  private static let steps = 12
  /// The last checkpoint before the faulty batches of most tests.
  private static let anchor = 4

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private struct Result {
    var skipped: [(step: Int, samples: [String])] = []
    var returns: [RunCursor.Return] = []
    var cursor = RunCursor()
    var reason = RunOutcome.Reason.interrupted
  }

  /// - Parameters:
  ///   - interruptedAfter: looks up of the run from its steps; nil for never.
  ///   - average: the share of the run over which the weights are averaged.
  ///   - freezeShare: the share of the run for which the encoder is frozen; 0 for none.
  @discardableResult
  private func run(
    _ name: String, faults: [Int: Fault], passesOver: ClosedRange<Int>? = nil, workers: Int = 1,
    resume: Bool = false, interruptedAfter: Int? = nil, average: Double = 0, freezeShare: Double = 0
  ) throws -> Result {
    var configuration = PretrainConfiguration()
    configuration.cadence.logSteps = 1
    configuration.cadence.validationSteps = 6
    configuration.cadence.checkpointSteps = Self.anchor
    configuration.cadence.keepCheckpoints = 1
    configuration.compute.workers = workers
    configuration.optimizer.schedule.warmupSteps = 2
    configuration.stop = StopConfiguration(steps: Self.steps)
    configuration.average.lastShare = average
    if freezeShare > 0 {
      (configuration.optimizer.freeze, configuration.optimizer.freezeShare) = ("encoder", freezeShare)
    }
    let task = FaultyTask(configuration: configuration, faults: faults, passesOver: passesOver)
    let run = try TrainingRun(task, output: folder.file(name), resume: resume ? .required : .never)
    var looks = 0
    var result = Result()
    let outcome = try run.run(
      isInterrupted: {
        looks += 1
        return looks == interruptedAfter
      },
      report: { event in
        switch event {
        case .skipped(let step, let samples): result.skipped.append((step, samples))
        case .returned(let back, _): result.returns.append(back)
        default: break
        }
      })
    (result.cursor, result.reason) = (outcome.cursor, outcome.reason)
    return result
  }

  private func files(_ name: String) throws -> [Data] {
    try ["model.safetensors", "optimizer.safetensors"].map {
      try Data(contentsOf: folder.file("\(name)/latest/\($0)"))
    }
  }

  @Test(arguments: [Fault.loss, .gradient], [1, 2]) func aFaultyStepChangesNothing(fault: Fault, workers: Int)
    throws
  {
    let result = try run("run", faults: [3: fault], workers: workers)
    #expect(result.skipped.map(\.step) == [4])
    #expect(result.skipped.map(\.samples) == [["micro-batch 1 of batch 3"]])
    #expect(result.returns.isEmpty)
    #expect(result.reason == .limitReached)
    #expect(result.cursor.skips?.steps == 1)
    #expect(result.cursor.skips?.inARow == 0)
    // Two in a row are not three.
    let two = try run("two", faults: [5: fault, 6: fault, 8: fault], workers: workers)
    #expect(two.skipped.map(\.step) == [6, 7, 9])
    #expect(two.returns.isEmpty)
  }

  /// Without an average of the weights, and with one that the checkpoint to which the run returns already has; with an encoder
  /// that has thawed in the meantime.
  @Test(arguments: [0, 0.9], [0, 0.5])
  func threeInARowGoBackAndPastTheirSamples(average: Double, freezeShare: Double) throws {
    let result = try run(
      "run", faults: [6: .loss, 7: .gradient, 8: .loss], average: average, freezeShare: freezeShare)
    #expect(result.skipped.map(\.step) == [7, 8, 9])
    #expect(result.returns.map { [$0.fromStep, $0.toStep, $0.firstBatch, $0.batchCount] } == [[9, 4, 4, 5]])
    // What comes of it is the run that never saw the batches from the checkpoint to the last faulty one.
    let other = try run(
      "other", faults: [:], passesOver: 4...8, average: average, freezeShare: freezeShare)
    #expect(result.cursor.thawStep == (freezeShare > 0 ? 6 : nil))
    #expect(other.skipped.isEmpty)
    #expect(try files("run") == files("other"))
    #expect(result.cursor.tokens == other.cursor.tokens)
    #expect(result.cursor.bestStep == other.cursor.bestStep)
    // The manifest says so, and so does the log.
    let manifest = try CheckpointManifest.verified(folder.file("run/latest"))
    #expect(manifest.cursor.skips?.returns == result.returns)
    #expect(manifest.cursor.skips?.batches == 5)
    let log = String(decoding: try Data(contentsOf: folder.file("run/metrics.jsonl")), as: UTF8.self)
    #expect(log.contains(#"{"batch":6,"event":"skipped","samples":["micro-batch 1 of batch 6"],"step":7}"#))
    #expect(
      log.contains(#"{"batchCount":5,"event":"returned","firstBatch":4,"fromStep":9,"toStep":4}"#))
  }

  /// Before the checkpoint, between it and the fault, within the faulty steps, and after the return.
  @Test(arguments: 1...16, [(0, 0), (0.9, 0), (0, 0.5), (0.9, 0.5)])
  func anInterruptionLeavesNoTrace(looks: Int, _ shares: (average: Double, freeze: Double)) throws {
    func run(_ name: String, workers: Int = 1, resume: Bool = false, interruptedAfter: Int? = nil) throws
      -> Result
    {
      try self.run(
        name, faults: faults, workers: workers, resume: resume, interruptedAfter: interruptedAfter,
        average: shares.average, freezeShare: shares.freeze)
    }
    let faults: [Int: Fault] = [2: .loss, 6: .loss, 7: .loss, 8: .gradient, 10: .gradient]
    let straight = try run("straight")
    _ = try run("stopped", workers: 2, interruptedAfter: looks)
    let resumed = try run("stopped", workers: 3, resume: true)
    #expect(try files("stopped") == files("straight"))
    var (found, expected) = (resumed.cursor, straight.cursor)
    (found.seconds, expected.seconds) = (0, 0)
    #expect(found == expected)
  }

  @Test func withoutACheckpointTheRunEnds() throws {
    let faults = Dictionary(uniqueKeysWithValues: (1...3).map { ($0, Fault.loss) })
    #expect {
      try run("run", faults: faults)
    } throws: { error in
      "\(error)".contains("not finite at step 4 and those before it, and there is no checkpoint yet")
        && (error as? CheckpointError)?.exitStatus == .data
    }
  }

  @Test func aRunThatNothingHelpsEnds() throws {
    let faults = Dictionary(uniqueKeysWithValues: (6...60).map { ($0, Fault.loss) })
    #expect {
      try run("run", faults: faults)
    } throws: {
      "\($0)".contains("was not after 3 returns to one checkpoint; lower optimizer.learningRate")
    }
    // Its last good checkpoint is there to start from otherwise.
    #expect(
      try CheckpointManifest.verified(folder.file("run/step-00000004")).cursor.anchorStep == Self.anchor)
  }
}

/// What is not finite of a micro-batch.
enum Fault: Sendable {
  case loss, gradient
}

/// The reference BERT on `FaultyObjective`.
private struct FaultyTask: TrainingTask {
  static let purpose = "test"

  let configuration: PretrainConfiguration
  let faults: [Int: Fault]
  let passesOver: ClosedRange<Int>?
  let identities: CheckpointManifest.Identities = [:]

  func start(from checkpoint: URL?) throws -> TrainingStart<FaultyObjective> {
    let folder = checkpoint ?? Fixtures.url("bert")
    let model = try ModelArchive.loadMaskedLanguageModel(folder, precision: .float32).model
    return TrainingStart(FaultyObjective(model: model, faults: faults, passesOver: passesOver))
  }

  func validate(_ training: FaultyObjective, tapes: [Tape]) throws -> ValidationReport {
    ValidationReport(figures: [:], score: Double(training.store.values[0]))
  }

  func write(_ training: FaultyObjective, to folder: URL) throws {
    try ModelArchive.write(training.model, to: folder, metadata: [:])
  }
}

/// A little text, another in each batch, with faults in the second micro-batch of some.
private struct FaultyObjective: SingleLossObjective {
  let model: MaskedLanguageModel
  let faults: [Int: Fault]
  /// Batches that this objective does not have: those from the first on are the later ones.
  let passesOver: ClosedRange<Int>?
  let microbatchCount = 3

  var store: ParameterStore { model.store }

  func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics {
    let batch = passesOver.map { step < $0.lowerBound ? step : step + $0.count } ?? step
    let tokens = RandomValues.tokens(8, below: 30, seed: 10 * batch + microbatch)
    let input = EncoderInput(sequences: [tokens])
    var statistics = PredictionStatistics(
      model.crossEntropy(
        tape, input, predicted: [1, 3, 6], labels: [tokens[2], tokens[4], tokens[5]]),
      tokenCount: tokens.count)
    guard microbatch == 1 else { return statistics }
    switch faults[batch] {
    case .loss: statistics.lossSum = .nan
    case .gradient:
      let logits = model.logits(tape, input, predicted: [1, 3, 6])
      tape.seedGradient(
        of: logits, with: [Float](repeating: .infinity, count: logits.rows * logits.columns))
    case nil: break
    }
    return statistics
  }
}
