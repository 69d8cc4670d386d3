internal import ClozeCompute
internal import ClozeCore
internal import ClozeEvaluation
internal import Foundation

/// The loop of a run: steps, recovery from steps that are not finite, progress, validation and checkpoints, until a
/// limit, an interruption, or the end of patience.
struct TrainingLoop<Task: TrainingTask> {
  private let task: Task
  private let training: Task.Training
  private let folder: RunFolder
  private let isInterrupted: () -> Bool
  private let report: (TrainingEvent) -> Void
  private let stepper: Stepper
  /// Nil if the settings ask for none.
  private let average: WeightAverage?
  private let events: RunLog
  private let diskWait: DiskWait

  private var cursor = RunCursor()
  private var monitor: RunMonitor
  /// The figures since the last progress line.
  private var window: ProgressWindow
  /// When the seconds of the cursor were last updated.
  private var clock = ContinuousClock.now
  /// The step of the newest checkpoint; -1 if there is none.
  private var savedStep = -1
  private var end: RunOutcome.Reason?

  private var settings: Task.Settings { task.configuration }
  private var cadence: CadenceConfiguration { settings.cadence }
  /// How much of the run is done, 0...1.
  private var fraction: Double {
    settings.stop.fraction(steps: cursor.step, tokens: cursor.tokens, seconds: cursor.seconds)
  }

  /// - Parameter checkpoint: a whole checkpoint of this run, whose parameters are already in the objective's store.
  init(
    _ task: Task, _ training: Task.Training, folder: RunFolder,
    resumeFrom checkpoint: (folder: URL, manifest: CheckpointManifest)?,
    isInterrupted: @escaping () -> Bool, report: @escaping (TrainingEvent) -> Void
  ) throws {
    self.task = task
    self.training = training
    self.folder = folder
    self.isInterrupted = isInterrupted
    self.report = report
    window = ProgressWindow(training.losses)
    let settings = task.configuration
    stepper = Stepper(
      training, optimizer: settings.optimizer, compute: settings.compute, seed: UInt64(settings.seed))
    average = WeightAverage(training.store, settings.average)
    events = try RunLog(folder.metrics)
    diskWait = DiskWait(folder: folder.url, minutes: settings.cadence.diskWaitMinutes)
    monitor = RunMonitor(contextFreeLoss: task.contextFreeLoss, readsRawText: task.readsRawText)
    if let checkpoint {
      cursor = checkpoint.manifest.cursor
      savedStep = cursor.step
      try stepper.optimizer.read(from: checkpoint.folder, average: average)
      stepper.optimizer.follow(cursor)
      try folder.settle(cursor, keep: cadence.keepCheckpoints)
      report(.resumed(step: cursor.step, folder: checkpoint.folder.path))
    }
  }

  /// - Parameter lastStep: the step after which the run is interrupted.
  mutating func run(until lastStep: Int) throws -> RunOutcome {
    if cursor.step >= lastStep { end = .interrupted }
    if fraction >= 1 { end = .limitReached }
    if isOutOfPatience { end = .noImprovement }
    if end == nil {
      try settings.optimizer.atItsEnd(training.store) { try stepper.prepare(step: cursor.batch) }
      report(.prepared(memoryBytes: ProcessMemory.resident + task.dataBytes))
    }
    clock = ContinuousClock.now
    while end == nil {
      try restartIfCollapsed()
      try thaw()
      let outcome = try takeStep()
      if try recover(from: outcome) { continue }
      if fraction >= 1 { end = .limitReached }
      if end == nil, cursor.step >= lastStep || isInterrupted() { end = .interrupted }
      try log(outcome)
      try validate(trainingLoss: outcome.statistics.firstLoss)
      if cursor.step % cadence.checkpointSteps == 0 || end != nil { try save() }
    }
    try save()
    let outcome = RunOutcome(cursor: cursor, reason: end ?? .limitReached)
    report(.finished(outcome))
    return outcome
  }

  /// Trains the frozen parts from the next step on, if their share of the run is over. A run whose limit was raised since then
  /// does not freeze them again.
  private mutating func thaw() throws {
    guard cursor.thawStep == nil, settings.optimizer.isThawed(fraction: fraction) else { return }
    cursor.thawStep = cursor.step
    stepper.optimizer.follow(cursor)
    report(.thawed(step: cursor.step, parts: settings.optimizer.freeze))
    try append(ThawLine(step: cursor.step))
  }

  private var isOutOfPatience: Bool { task.patience > 0 && cursor.validationsSinceBest >= task.patience }

  /// Takes a step and advances the cursor.
  private mutating func takeStep() throws -> Stepper.Outcome {
    let start = ContinuousClock.now
    let outcome = try stepper.take(step: cursor.step, batch: cursor.batch, fraction: fraction)
    let now = ContinuousClock.now
    // The time of a run includes validation and checkpoints; its tokens per second do not.
    cursor.advance(
      tokens: outcome.statistics.tokenCount, seconds: (now - clock) / .seconds(1), isTaken: outcome.isTaken)
    clock = now
    window.add(outcome.statistics, seconds: (now - start) / .seconds(1))
    if outcome.isTaken, let average {
      average.add(fraction: fraction, workers: stepper.workers)
      if average.stepCount == 1 { report(.averages(step: cursor.step)) }
    }
    if outcome.isTaken, cursor.step % cadence.checkpointSteps == 0 { cursor.anchorStep = cursor.step }
    let warnings = monitor.observe(
      loss: outcome.statistics.firstLoss, accuracy: outcome.statistics.accuracy,
      gradientNorm: outcome.gradientNorm, fraction: fraction,
      pastWarmup: cursor.step - cursor.scheduleOrigin.step - settings.optimizer.schedule.warmupSteps)
    for text in warnings { report(.warning(text)) }
    return outcome
  }

  /// Reports the samples of a step that changed nothing; after several such steps in a row returns to a checkpoint.
  /// - Returns: whether the run returned to a checkpoint.
  private mutating func recover(from outcome: Stepper.Outcome) throws -> Bool {
    guard !outcome.isTaken else { return false }
    // The cursor has already advanced past this step.
    let batch = cursor.batch - 1
    let samples = outcome.faultyMicrobatches.map { training.samples(step: batch, microbatch: $0) }
    try append(SkippedLine(step: cursor.step, batch: batch, samples: samples))
    report(.skipped(step: cursor.step, samples: samples))
    guard cursor.skips?.inARow == Recovery.skipsBeforeReturn else { return false }
    try returnToAnchor()
    return true
  }

  /// Loads parameters and moments of the last checkpoint of the cadence, and sets the cursor to skip the batches since
  /// then. Diverging runs recover this way without a lower learning rate.
  ///
  /// Source: Chowdhery et al. 2022, section 5.1. arXiv:2204.02311
  /// - Throws: `CheckpointError.notFinite` if there is no such checkpoint, or returning to it several times did not
  ///   help
  private mutating func returnToAnchor() throws {
    let returns = cursor.skips?.returns.count { $0.toStep == cursor.anchorStep } ?? 0
    guard let anchor = cursor.anchorStep, returns < Recovery.returnsToOneCheckpoint else {
      throw CheckpointError.notFinite(path: folder.url.path, step: cursor.step, returns: returns)
    }
    let checkpoint = folder.checkpoint(step: anchor)
    let manifest = try CheckpointManifest.verified(checkpoint)
    try takeParameters(from: checkpoint)
    try stepper.optimizer.read(from: checkpoint, average: average)
    cursor = cursor.returned(to: manifest.cursor)
    stepper.optimizer.follow(cursor)
    try folder.returnTo(manifest, cursor: cursor, keep: cadence.keepCheckpoints)
    if let last = cursor.skips?.returns.last {
      report(.returned(last, folder: checkpoint.path))
      try append(ReturnLine(last))
    }
    savedStep = cursor.step
    window = ProgressWindow(training.losses)
  }

  /// - Parameter checkpoint: nil for the initial ones.
  private func takeParameters(from checkpoint: URL?) throws {
    let parameters = try task.start(from: checkpoint).training.store
    training.store.values.update(from: parameters.values, count: parameters.elementCount)
    training.store.refreshCopies()
  }

  /// Starts anew from the initial weights with half the learning rate, if the time for a check has come and the model does not
  /// read its input.
  private mutating func restartIfCollapsed() throws {
    let check = CollapseCheck(settings.optimizer)
    guard check.isDue(cursor, fraction: fraction) else { return }
    guard let gain = try task.inputGain(training, tapes: stepper.tapes), check.isCollapsed(gain) else {
      cursor.collapseCheckStep = cursor.step
      return
    }
    cursor = cursor.restarted(fraction: fraction)
    try takeParameters(from: nil)
    stepper.optimizer.forget()
    stepper.optimizer.follow(cursor)
    average?.forget()
    folder.unlinkBest()
    let rate = settings.optimizer.learningRate * cursor.scheduleOrigin.factor
    report(.restarted(step: cursor.step, inputGain: gain, learningRate: rate))
    try append(RestartLine(step: cursor.step, inputGain: gain, learningRate: rate))
    window = ProgressWindow(training.losses)
    monitor.restart()
  }

  /// Logs the figures since the last progress line, if a line is due.
  private mutating func log(_ outcome: Stepper.Outcome) throws {
    guard cursor.step % cadence.logSteps == 0 || end != nil else { return }
    let progress = window.progress(cursor: cursor, outcome: outcome, fraction: fraction)
    try append(MetricsLine(progress, cursor: cursor))
    report(.progress(progress))
    window = ProgressWindow(training.losses)
  }

  /// Validates the model if a validation is due, and saves it if it is the best so far.
  ///
  /// An interrupted run also makes a validation that is due. The resumed run would not repeat it, and the best
  /// checkpoint would depend on the interruption.
  private mutating func validate(trainingLoss: Double) throws {
    guard cursor.step % cadence.validationSteps == 0 || end == .limitReached else { return }
    let result = try withOfferedWeights { try task.validate(training, tapes: stepper.tapes) }
    try append(ValidationLine(result, cursor: cursor, averagedSteps: average?.stepCount ?? 0))
    cursor.record(result)
    report(.validated(step: cursor.step, result))
    var warnings = result.warnings
    if let loss = result.firstLoss {
      warnings += monitor.observe(validationLoss: loss, trainingLoss: trainingLoss)
    }
    for text in warnings { report(.warning(text)) }
    if isOutOfPatience { end = end ?? .noImprovement }
    if cursor.bestStep == cursor.step { try save() }
  }

  /// Writes a checkpoint of this step, if it does not exist yet.
  private mutating func save() throws {
    guard savedStep != cursor.step else { return }
    try waitingForRoom(checkpointBytes) {
      try folder.write(
        purpose: Task.purpose, cursor: cursor, identities: task.identities, keep: cadence.keepCheckpoints
      ) { temporary in
        try withOfferedWeights {
          try task.write(training, to: temporary)
          try stepper.optimizer.write(to: temporary, step: cursor.step, average: average)
        }
      }
    }
    savedStep = cursor.step
    report(.saved(folder: folder.checkpoint(step: cursor.step).path))
  }

  /// Calls `body` while the model has the weights that a checkpoint offers: their average once it has begun.
  private func withOfferedWeights<Value>(_ body: () throws -> Value) rethrows -> Value {
    try average?.withMean(body) ?? body()
  }

  private func append(_ line: some Encodable) throws {
    try waitingForRoom(1 << 12) { try events.append(line) }
  }

  private func waitingForRoom(_ bytes: @autoclosure () -> Int, _ write: () throws -> Void) throws {
    try diskWait(bytes: bytes(), isInterrupted: isInterrupted, report: report, write)
  }

  /// The size of a checkpoint: that of the last one, and at least what its tensors need.
  private var checkpointBytes: Int {
    let least = settings.average.checkpointBytes(training.store, settings.optimizer)
    guard let step = folder.checkpointSteps.first else { return least }
    return max(least, Folder.byteCount(of: folder.checkpoint(step: step)))
  }
}

/// When a run returns to an earlier checkpoint.
private enum Recovery {
  /// Steps in a row without an update.
  static let skipsBeforeReturn = 3
  static let returnsToOneCheckpoint = 3
}
