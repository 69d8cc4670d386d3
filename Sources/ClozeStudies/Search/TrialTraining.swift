internal import ClozeCore
internal import ClozeEvaluation
internal import ClozeTraining
internal import Foundation

/// What became of a trial's run to a rung.
enum TrialOutcome: Codable, Sendable {
  case interrupted
  case loss(Double, step: Int)
  case failed(String)
}

/// Trains trials, each in a run folder of its own. Several threads may do so at the same time.
struct TrialTraining<Subject: SearchSubject>: Sendable {
  let subject: Subject
  /// That of the run folders.
  let folder: URL
  let schedule: SearchSchedule
  let isInterrupted: @Sendable () -> Bool

  /// Trains a trial to a rung.
  ///
  /// - Parameter atOnce: the trials that share the processors of this machine, unless its settings say how many threads a run has.
  /// - Throws: what training throws that has nothing to do with the trial's settings
  func callAsFunction(
    _ trial: SearchTrial, to rung: Int, atOnce: Int, report: @escaping (TrainingEvent) -> Void
  ) throws -> TrialOutcome {
    var outcome = TrialOutcome.interrupted
    let reason = try findings(trial) { settings in
      var settings = settings
      if atOnce > 1, settings.compute.workers == 0 {
        settings.compute.workers = max(1, ProcessInfo.processInfo.activeProcessorCount / atOnce)
      }
      let steps = try steps(trial)
      outcome = try train(trial, settings, until: steps[min(rung, steps.count - 1)], report: report)
      return nil
    }
    return reason.map { .failed($0) } ?? outcome
  }

  /// Calls `body` with the settings of a trial.
  ///
  /// - Returns: what it returned, or what it found wrong with the settings.
  /// - Throws: what has nothing to do with the trial's settings
  func findings(_ trial: SearchTrial, _ body: (Subject.Task.Settings) throws -> String?) throws -> String? {
    do {
      return try body(subject.settings(trial.settings, seed: trial.seed, rungs: steps(trial)))
    } catch let error as ConfigurationError {
      return "\(error)"
    } catch let error as PlanError {
      return "\(error)"
    } catch let error as CheckpointError {
      guard case .notFinite = error else { throw error }
      return "diverged: its loss or gradient stopped being finite, and returning to a checkpoint did not help"
    }
  }

  /// The steps of the rungs.
  private func steps(_ trial: SearchTrial) throws -> [Int] {
    try schedule.steps(total: subject.steps(subject.base.with(trial.settings)))
  }

  /// - Parameter isSecondTry: whether a run without the figure that it should have logged was removed.
  private func train(
    _ trial: SearchTrial, _ settings: Subject.Task.Settings, until step: Int, isSecondTry: Bool = false,
    report: @escaping (TrainingEvent) -> Void
  ) throws -> TrialOutcome {
    let output = self.output(trial.number)
    var score: Double?
    let run = try TrainingRun(subject.task(settings), output: output, resume: .ifPresent)
    let outcome = try run.run(until: step, isInterrupted: isInterrupted) { event in
      if case .validated(step, let validation) = event { score = validation.score }
      report(event)
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
    return try train(trial, settings, until: step, isSecondTry: true, report: report)
  }

  func output(_ number: Int) -> URL {
    let digits = String(number)
    return folder.appendingPathComponent(String(repeating: "0", count: max(0, 4 - digits.count)) + digits)
  }
}
