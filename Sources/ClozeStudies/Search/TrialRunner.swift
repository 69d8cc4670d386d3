internal import ClozeCore
internal import ClozeEvaluation
package import ClozeTraining
internal import Foundation

/// What happens while a study runs.
package enum SearchProgress: Sendable {
  /// A run begins or goes on, to a rung.
  case running(SearchTrial, rung: Int, SearchStatus)
  /// - `share`: of the study's work, 0...1, that is done.
  case training(SearchTrial, TrainingEvent, share: Double)
  /// A trial came to a rung, or failed.
  case ended(SearchTrial, SearchStatus)
}

/// How far a study is.
package struct SearchStatus: Sendable {
  /// Of the trials at the last rung.
  package let best: SearchTrial?
  /// Trials that have begun, and all of the study, the runs of the base included.
  package let begun, of: Int
  /// Of the study's work, 0...1.
  package let share: Double
}

/// Runs trials to their rungs, and writes into the journal what it measured.
struct TrialRunner<Subject: SearchSubject> {
  let subject: Subject
  /// That of the run folders.
  let folder: URL
  let schedule: SearchSchedule
  let limits: SearchConfiguration.Limits
  /// The memory of this process before its first run.
  let programBytes: Int
  let journal: SearchJournal
  let isInterrupted: () -> Bool
  let report: (SearchProgress) -> Void

  private enum Outcome {
    case interrupted
    case loss(Double, step: Int)
    case failed(String)
  }

  /// Runs a trial to a rung, unless it was there or has failed.
  ///
  /// - Returns: false if it was interrupted.
  /// - Throws: what training throws that has nothing to do with the trial's settings
  func advance(_ number: Int, to rung: Int) throws -> Bool {
    guard let trial = journal.trials[number], trial.failure == nil, trial.losses[rung] == nil else {
      return true
    }
    report(.running(trial, rung: rung, status))
    switch try outcome(of: trial, at: rung) {
    case .interrupted: return false
    case .loss(let loss, let step):
      try journal.append(.measured(.init(trial: number, rung: rung, step: step, loss: loss)))
    case .failed(let reason):
      try journal.append(.failed(.init(trial: number, reason: reason)))
    }
    if let trial = journal.trials[number] { report(.ended(trial, status)) }
    return true
  }

  private func outcome(of trial: SearchTrial, at rung: Int) throws -> Outcome {
    do {
      let total = try subject.steps(subject.base.with(trial.settings))
      let steps = schedule.steps(total: total)
      let settings = try subject.settings(trial.settings, seed: trial.seed, rungs: steps)
      if let reason = try refusal(of: trial, settings) { return .failed(reason) }
      return try train(trial, settings, until: steps[min(rung, steps.count - 1)])
    } catch let error as ConfigurationError {
      return .failed("\(error)")
    } catch let error as CheckpointError {
      guard case .notFinite = error else { throw error }
      return .failed(
        "diverged: its loss or gradient stopped being finite, and returning to a checkpoint did not help")
    }
  }

  /// Why a trial is not made: it needs more memory or seconds than the study allows, by a few steps before its run.
  ///
  /// What was measured differs from one call to the next, so the decision is an event of the journal and is made once, and the
  /// journal has no figure. The runs of the base are not held against the limits.
  private func refusal(of trial: SearchTrial, _ settings: Subject.Task.Settings) throws -> String? {
    guard limits.memoryGB > 0 || limits.secondsPerStep > 0, trial.arm != .base, !trial.isAdmitted,
      trial.losses.isEmpty
    else { return nil }
    let room = limits.memoryGB > 0 ? Int(min(limits.memoryGB * 1e9, 1e18)) : nil
    let needs = try RunNeeds(
      subject.task(settings), output: output(trial.number), resume: .ifPresent, room: room,
      programBytes: programBytes)
    let seconds = needs.secondsPerStep
    if needs.bytes > room ?? .max {
      warn(trial, "needs \(Figure.bytes(needs.bytes)) of memory" + (seconds == nil ? " or more" : ""))
      return "it needs more memory than limits.memoryGB, \(limits.memoryGB)"
    }
    if limits.secondsPerStep > 0, let seconds, seconds > limits.secondsPerStep {
      warn(trial, "takes \(Figure.decimal(seconds, 3)) s a step")
      return "its steps take longer than limits.secondsPerStep, \(limits.secondsPerStep)"
    }
    try journal.append(.admitted(.init(trial: trial.number)))
    return nil
  }

  private func warn(_ trial: SearchTrial, _ finding: String) {
    report(.training(trial, .warning("trial \(trial.number) \(finding)"), share: status.share))
  }

  /// - Parameter isSecondTry: whether a run without the figure that it should have logged was removed.
  private func train(
    _ trial: SearchTrial, _ settings: Subject.Task.Settings, until step: Int, isSecondTry: Bool = false
  )
    throws -> Outcome
  {
    let output = self.output(trial.number)
    let before = schedule.share(trial.last?.rung)
    let done = status.share
    var score: Double?
    let run = try TrainingRun(subject.task(settings), output: output, resume: .ifPresent)
    let outcome = try run.run(until: step, isInterrupted: isInterrupted) { event in
      var share = done
      switch event {
      case .validated(step, let validation): score = validation.score
      case .progress(let progress): share += max(0, progress.fraction - before) / schedule.cost
      default: break
      }
      report(.training(trial, event, share: min(share, 1)))
    }
    guard outcome.cursor.step >= step else { return .interrupted }
    // A process that was killed after the validation has left it in the log.
    score = try score ?? RunFolder(output).validationScore(at: step)
    let loss = try score.map { try subject.loss(ofScore: $0, in: run.task) }
    if let loss, loss.isFinite { return .loss(loss, step: step) }
    guard loss == nil, !isSecondTry else {
      return .failed("diverged: its loss at step \(step) is not finite")
    }
    // The machine lost its power before the line of the log was on the disk, or the loss was not finite.
    try FileManager.default.removeItem(at: output)
    return try train(trial, settings, until: step, isSecondTry: true)
  }

  private func output(_ number: Int) -> URL {
    let digits = String(number)
    return folder.appendingPathComponent(String(repeating: "0", count: max(0, 4 - digits.count)) + digits)
  }

  /// Removes the checkpoints of trials that have ended, all but the best one's.
  func tidy() {
    let best = status.best?.number
    for number in journal.trials.keys where number != best { RunFolder(output(number)).removeCheckpoints() }
  }

  private var status: SearchStatus {
    let trials = journal.trials.values
    let done = trials.reduce(0) { $0 + schedule.share($1.losses.keys.max()) }
    return SearchStatus(
      best: SearchResult.best(of: trials, rung: schedule.rungCount - 1), begun: trials.count,
      of: schedule.baseCount + schedule.trialCount, share: min(done / schedule.cost, 1))
  }
}
