package import ClozeCompute
internal import ClozeCore
package import Foundation

/// How often a run looks up from its steps.
package struct CadenceConfiguration: Codable, Sendable, Equatable {
  /// Progress lines and `metrics.jsonl`.
  package var logSteps = 20
  package var validationSteps = 250
  package var checkpointSteps = 250
  /// Checkpoints kept besides the best.
  package var keepCheckpoints = 2
  /// How long a run waits for room on a full disk before it ends.
  package var diskWaitMinutes = 10.0

  package init() {}

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "cadence") throws {
    let values = [
      ("logSteps", logSteps), ("validationSteps", validationSteps), ("checkpointSteps", checkpointSteps),
      ("keepCheckpoints", keepCheckpoints),
    ]
    for (key, value) in values where value < 1 {
      throw ConfigurationError.invalid(path: "\(section).\(key)", reason: "is \(value); choose 1 or more")
    }
    guard keepCheckpoints <= 10_000 else {
      throw ConfigurationError.invalid(
        path: "\(section).keepCheckpoints", reason: "is \(keepCheckpoints); choose 1 to 10000")
    }
    guard (0...1e6).contains(diskWaitMinutes) else {
      throw ConfigurationError.invalid(
        path: "\(section).diskWaitMinutes", reason: "is \(diskWaitMinutes); choose 0 (not at all) to 1e6")
    }
  }
}

/// What a validation says: figures to log, and one score to compare checkpoints by.
package struct ValidationReport: Sendable, Equatable {
  /// By name, as they appear in `metrics.jsonl` and in the progress.
  package let figures: [String: Double]
  /// Larger is better.
  package let score: Double
  /// Warnings that the validation itself gives rise to.
  package var warnings: [String] = []

  package init(figures: [String: Double], score: Double, warnings: [String] = []) {
    self.figures = figures
    self.score = score
    self.warnings = warnings
  }
}

/// The loop of a run: steps, progress, validations, checkpoints, until a limit or an interruption.
package struct Trainer {
  package struct Settings: Sendable {
    package var purpose: String
    package var seed: UInt64
    package var optimizer: OptimizerConfiguration
    package var compute: ComputeConfiguration
    package var stop: StopConfiguration
    package var cadence: CadenceConfiguration
    /// Validations without a better score after which the run ends; 0 for never.
    package var patience = 0
    /// The loss of a model that knows nothing of context, nats; nil where it is not known.
    package var contextFreeLoss: Double?
    package var identities: CheckpointManifest.Identities
    /// Bytes that reading the data will come to hold.
    package var dataBytes = 0

    package init(
      purpose: String, seed: UInt64, optimizer: OptimizerConfiguration, compute: ComputeConfiguration,
      stop: StopConfiguration, cadence: CadenceConfiguration, patience: Int = 0,
      contextFreeLoss: Double? = nil,
      identities: CheckpointManifest.Identities
    ) {
      self.purpose = purpose
      self.seed = seed
      self.optimizer = optimizer
      self.compute = compute
      self.stop = stop
      self.cadence = cadence
      self.patience = patience
      self.contextFreeLoss = contextFreeLoss
      self.identities = identities
    }
  }

  private let settings: Settings
  private let objective: any Objective
  private let folder: RunFolder
  /// Scores the model as it is, on the given tapes.
  private let validate: ([Tape]) throws -> ValidationReport
  /// Writes the model folder of a checkpoint.
  private let writeModel: (URL) throws -> Void
  /// The parameters of a checkpoint.
  private let readModel: (URL) throws -> ParameterStore

  package init(
    _ settings: Settings, objective: any Objective, folder: RunFolder,
    validate: @escaping ([Tape]) throws -> ValidationReport, writeModel: @escaping (URL) throws -> Void,
    readModel: @escaping (URL) throws -> ParameterStore
  ) {
    self.settings = settings
    self.objective = objective
    self.folder = folder
    self.validate = validate
    self.writeModel = writeModel
    self.readModel = readModel
  }

  private static let optimizerFile = "optimizer.safetensors"
  /// Steps without an update, one after another, after which a run goes back; and how often to one checkpoint.
  private static let skipsBeforeReturn = 3
  private static let returnsToOne = 3

  /// Runs until a limit is reached or `isInterrupted` says so; the last state is always saved.
  ///
  /// - Parameters:
  ///   - resumeFrom: a whole checkpoint of this run, whose parameters are already in the objective's store.
  ///   - report: hears each event as it happens.
  /// - Throws: `CheckpointError.noRoom`, `FileError` where a checkpoint cannot be written: the last whole one stays.
  ///   `CheckpointError.notFinite` where steps without an update go on.
  @discardableResult
  package func run(
    resumeFrom checkpoint: (folder: URL, manifest: CheckpointManifest)?, isInterrupted: () -> Bool,
    report: (TrainingEvent) -> Void
  ) throws -> RunOutcome {
    let stepper = Stepper(
      objective, optimizer: settings.optimizer, compute: settings.compute, seed: settings.seed)
    let log = try RunLog(folder.metrics)
    var cursor = RunCursor()
    if let checkpoint {
      cursor = checkpoint.manifest.cursor
      try stepper.optimizer.read(
        from: TensorFile(checkpoint.folder.appendingPathComponent(Trainer.optimizerFile)))
      try folder.settle(cursor, keep: settings.cadence.keepCheckpoints)
      report(.resumed(step: cursor.step, folder: checkpoint.folder.path))
    }
    func fraction() -> Double {
      settings.stop.fraction(steps: cursor.step, tokens: cursor.tokens, seconds: cursor.seconds)
    }
    if fraction() < 1 {
      try stepper.prepare(step: cursor.batch)
      report(.prepared(memoryBytes: ProcessMemory.resident + settings.dataBytes))
    }
    var monitor = RunMonitor(contextFreeLoss: settings.contextFreeLoss)
    var window = ProgressWindow()
    var clock = ContinuousClock.now
    var savedStep = checkpoint == nil ? -1 : cursor.step
    var end: RunOutcome.Reason?

    let patience = DiskPatience(folder: folder.url, minutes: settings.cadence.diskWaitMinutes)
    func save() throws {
      guard savedStep != cursor.step else { return }
      try patience(bytes: checkpointBytes, isInterrupted: isInterrupted, report: report) {
        try folder.write(
          purpose: settings.purpose, cursor: cursor, identities: settings.identities,
          keep: settings.cadence.keepCheckpoints
        ) { temporary in
          try writeModel(temporary)
          var writer = TensorFileWriter(metadata: ["step": String(cursor.step)])
          stepper.optimizer.add(to: &writer)
          try writer.write(to: temporary.appendingPathComponent(Trainer.optimizerFile))
        }
      }
      savedStep = cursor.step
      report(.saved(folder: folder.checkpoint(step: cursor.step).path))
    }

    func append(_ line: some Encodable) throws {
      try patience(bytes: 1 << 12, isInterrupted: isInterrupted, report: report) { try log.append(line) }
    }

    if fraction() >= 1 { end = .limitReached }
    if settings.patience > 0, cursor.validationsSinceBest >= settings.patience { end = .noImprovement }
    while end == nil {
      let start = ContinuousClock.now
      let batch = cursor.batch
      let outcome = try stepper.take(step: cursor.step, batch: batch, fraction: fraction())
      let now = ContinuousClock.now
      // A run's time has validations and checkpoints in it, its tokens a second have not.
      cursor.advance(
        tokens: outcome.statistics.tokenCount, seconds: (now - clock).seconds, isTaken: outcome.isTaken)
      clock = now
      window.add(outcome.statistics, seconds: (now - start).seconds)
      if outcome.isTaken, cursor.step % settings.cadence.checkpointSteps == 0 {
        cursor.anchorStep = cursor.step
      }

      let pastWarmup = cursor.step - settings.optimizer.schedule.warmupSteps
      for text in monitor.observe(
        loss: outcome.statistics.loss, accuracy: outcome.statistics.accuracy,
        gradientNorm: outcome.gradientNorm,
        fraction: fraction(), pastWarmup: pastWarmup)
      {
        report(.warning(text))
      }

      if !outcome.isTaken {
        let samples = outcome.faultyMicrobatches.map { objective.samples(step: batch, microbatch: $0) }
        try append(SkippedLine(step: cursor.step, batch: batch, samples: samples))
        report(.skipped(step: cursor.step, samples: samples))
        if cursor.skips?.inARow == Trainer.skipsBeforeReturn {
          cursor = try goBack(cursor, stepper.optimizer, report)
          if let back = cursor.skips?.returns.last { try append(ReturnLine(back)) }
          savedStep = cursor.step
          window = ProgressWindow()
          continue
        }
      }

      if fraction() >= 1 { end = .limitReached }
      if end == nil, isInterrupted() { end = .interrupted }
      if cursor.step % settings.cadence.logSteps == 0 || end != nil {
        let progress = window.progress(cursor: cursor, outcome: outcome, fraction: fraction())
        try append(MetricsLine(progress, cursor: cursor))
        report(.progress(progress))
        window = ProgressWindow()
      }
      // An interrupted run, too, validates where it is due: left out, it would never be made up for, and the best
      // checkpoint would depend on the interruption.
      if cursor.step % settings.cadence.validationSteps == 0 || end == .limitReached {
        let result = try validate(stepper.tapes)
        try append(ValidationLine(result, cursor: cursor))
        cursor.record(result)
        report(.validated(step: cursor.step, result))
        for text in result.warnings { report(.warning(text)) }
        if let loss = result.figures["validationLoss"] {
          for text in monitor.observe(validationLoss: loss, trainingLoss: outcome.statistics.loss) {
            report(.warning(text))
          }
        }
        if settings.patience > 0, cursor.validationsSinceBest >= settings.patience {
          end = end ?? .noImprovement
        }
        if cursor.bestStep == cursor.step { try save() }
      }
      if cursor.step % settings.cadence.checkpointSteps == 0 || end != nil { try save() }
    }
    try save()
    let outcome = RunOutcome(cursor: cursor, reason: end ?? .limitReached)
    report(.finished(outcome))
    return outcome
  }

  /// What a checkpoint takes: the last one's size, or parameters and two moments of 4 bytes each.
  private var checkpointBytes: Int {
    guard let step = folder.checkpointSteps.first else { return 12 * objective.store.parameterCount }
    return Folder.byteCount(of: folder.checkpoint(step: step))
  }

  /// Puts parameters and moments back to the last checkpoint that the cadence asked for, and the cursor behind the samples
  /// since then: diverging runs recover that way where a lower rate is not wanted.
  ///
  /// Source: Chowdhery et al. 2022, section 5.1. arXiv:2204.02311
  /// - Throws: `CheckpointError.notFinite` where there is no such checkpoint, or going back to it does not help
  private func goBack(
    _ cursor: RunCursor, _ optimizer: AdamW, _ report: (TrainingEvent) -> Void
  ) throws -> RunCursor {
    let returns = cursor.skips?.returns.count { $0.toStep == cursor.anchorStep } ?? 0
    guard let anchor = cursor.anchorStep, returns < Trainer.returnsToOne else {
      throw CheckpointError.notFinite(path: folder.url.path, step: cursor.step, returns: returns)
    }
    let checkpoint = folder.checkpoint(step: anchor)
    let manifest = try CheckpointManifest.verified(checkpoint)
    let parameters = try readModel(checkpoint)
    objective.store.values.update(from: parameters.values, count: parameters.elementCount)
    objective.store.refreshCopies()
    try optimizer.read(from: TensorFile(checkpoint.appendingPathComponent(Trainer.optimizerFile)))
    let returned = cursor.returned(to: manifest.cursor)
    try folder.goBack(to: manifest, cursor: returned, keep: settings.cadence.keepCheckpoints)
    if let last = returned.skips?.returns.last {
      report(.returned(last, folder: checkpoint.path))
    }
    return returned
  }
}

/// The figures since the last progress line.
private struct ProgressWindow {
  private var statistics = PredictionStatistics()
  private var seconds = 0.0

  mutating func add(_ statistics: PredictionStatistics, seconds: Double) {
    var statistics = statistics
    if !statistics.lossSum.isFinite {
      // Its tokens were read; its loss would hide that of all other steps.
      let tokenCount = statistics.tokenCount
      statistics = PredictionStatistics()
      statistics.tokenCount = tokenCount
    }
    self.statistics += statistics
    self.seconds += seconds
  }

  func progress(cursor: RunCursor, outcome: Stepper.Outcome, fraction: Double) -> TrainingEvent.Progress {
    TrainingEvent.Progress(
      step: cursor.step, statistics: statistics, gradientNorm: outcome.gradientNorm,
      learningRate: outcome.learningRate, tokensPerSecond: Double(statistics.tokenCount) / max(seconds, 1e-9),
      fraction: fraction, secondsLeft: fraction > 0 ? cursor.seconds * (1 - fraction) / fraction : 0)
  }
}

/// A line of `metrics.jsonl`.
private struct MetricsLine: Encodable {
  let event = "train"
  let step, tokens: Int
  let loss, accuracy, gradientNorm, learningRate, tokensPerSecond, seconds: Double

  init(_ progress: TrainingEvent.Progress, cursor: RunCursor) {
    step = progress.step
    tokens = cursor.tokens
    // JSON has no NaN; what no step gives is written as -1.
    func finite(_ value: Double) -> Double { value.isFinite ? value : -1 }
    loss = finite(progress.statistics.loss)
    accuracy = finite(progress.statistics.accuracy)
    gradientNorm = finite(progress.gradientNorm)
    learningRate = progress.learningRate
    tokensPerSecond = progress.tokensPerSecond
    seconds = cursor.seconds
  }
}

/// A line of `metrics.jsonl`.
private struct SkippedLine: Encodable {
  let event = "skipped"
  let step, batch: Int
  let samples: [String]
}

/// A line of `metrics.jsonl`.
private struct ReturnLine: Encodable {
  let event = "returned"
  let fromStep, toStep, firstBatch, batchCount: Int

  init(_ back: RunCursor.Return) {
    (fromStep, toStep, firstBatch, batchCount) = (
      back.fromStep, back.toStep, back.firstBatch, back.batchCount
    )
  }
}

/// A line of `metrics.jsonl`.
private struct ValidationLine: Encodable {
  let event = "validation"
  let step, tokens: Int
  let figures: [String: Double]

  init(_ report: ValidationReport, cursor: RunCursor) {
    step = cursor.step
    tokens = cursor.tokens
    figures = report.figures.filter { $0.value.isFinite }
  }
}

extension Duration {
  fileprivate var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
