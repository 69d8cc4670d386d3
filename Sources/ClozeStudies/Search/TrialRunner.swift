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

/// Runs trials to their rungs, several at once, and writes into the journal what they measured.
///
/// The events of a trial are written when its turn comes, in the order of one trial after the other. So the journal does not depend on
/// how many run at once, or which of them ends first. A trial that was ahead when the process was killed is proposed again, as
/// the same, and resumes its run.
final class TrialRunner<Subject: SearchSubject> {
  private let training: TrialTraining<Subject>
  let schedule: SearchSchedule
  private let limits: SearchConfiguration.Limits
  /// The memory of this process before its first run.
  private let programBytes: Int
  let journal: SearchJournal
  private let report: (SearchProgress) -> Void
  private let work = BackgroundWork<Place, TrialEvent, TrialOutcome>()
  /// nil for a study of one process.
  private let leader: RankLeader?
  /// By number, the share of the study's work that trials have done since their last rung.
  private var advanced: [Int: Double] = [:]

  private struct Place: Hashable, Sendable {
    let number: Int
    let rung: Int
  }

  private struct TrialEvent: Sendable {
    let trial: SearchTrial
    let event: TrainingEvent
  }

  /// - Parameters:
  ///   - folder: that of the run folders.
  ///   - leader: of the other ranks; nil if there are none.
  ///   - isInterrupted: whether the runs are to save and end.
  init(
    subject: Subject, folder: URL, schedule: SearchSchedule, limits: SearchConfiguration.Limits,
    journal: SearchJournal, leader: RankLeader?, isInterrupted: @escaping @Sendable () -> Bool,
    report: @escaping (SearchProgress) -> Void
  ) {
    (self.schedule, self.limits, self.journal, self.report) = (schedule, limits, journal, report)
    self.leader = leader
    programBytes = ProcessMemory.resident
    training = TrialTraining(
      subject: subject, folder: folder, schedule: schedule, isInterrupted: isInterrupted)
  }

  /// Begins a trial's run to a rung, unless it was there, has failed or is running.
  ///
  /// - Parameter atOnce: the trials that run at once on a machine.
  /// - Throws: what opening a run throws that has nothing to do with the trial's settings
  func begin(_ trial: SearchTrial, to rung: Int, atOnce: Int) throws {
    guard trial.failure == nil, trial.losses[rung] == nil else { return }
    if advanced[trial.number] == nil { report(.running(trial, rung: rung, status)) }
    advanced[trial.number] = advanced[trial.number] ?? 0
    if needsAdmission(trial), let reason = try training.findings(trial, { try refusal(of: trial, $0) }) {
      return try end(trial.number, with: .failed(.init(trial: trial.number, reason: reason)))
    }
    work.begin(Place(number: trial.number, rung: rung)) { [training, leader] report in
      func here() throws -> TrialOutcome {
        try training(trial, to: rung, atOnce: atOnce) { report(TrialEvent(trial: trial, event: $0)) }
      }
      guard let leader else { return try here() }
      let reason = try training.findings(trial) { settings in
        try training.subject.prepare(settings)
        return nil
      }
      if let reason { return .failed(reason) }
      return try leader.run(
        .init(proposal: .init(trial), rung: rung, atOnce: atOnce),
        warn: { report(TrialEvent(trial: trial, event: .warning($0))) }, here: here)
    }
  }

  /// Waits for the end of a run that has begun, and writes what it measured.
  ///
  /// - Returns: false if it was interrupted.
  /// - Throws: what training throws that has nothing to do with the trial's settings
  func end(_ number: Int, at rung: Int) throws -> Bool {
    guard let trial = journal.trials[number], trial.failure == nil, trial.losses[rung] == nil else {
      return true
    }
    switch try work.wait(for: Place(number: number, rung: rung), report: pass) {
    case .interrupted: return false
    case .loss(let loss, let step):
      try end(number, with: .measured(.init(trial: number, rung: rung, step: step, loss: loss)))
    case .failed(let reason):
      try end(number, with: .failed(.init(trial: number, reason: reason)))
    }
    return true
  }

  private func end(_ number: Int, with event: SearchEvent) throws {
    try journal.append(event)
    advanced[number] = nil
    if let trial = journal.trials[number] { report(.ended(trial, status)) }
  }

  /// Waits until nothing runs.
  func finish() { work.finish() }

  private func pass(_ event: TrialEvent) {
    if case .progress(let progress) = event.event {
      let before = schedule.share(event.trial.last?.rung)
      advanced[event.trial.number] = max(0, progress.fraction - before) / schedule.cost
    }
    let share = status.share + advanced.values.reduce(0, +)
    report(.training(event.trial, event.event, share: min(share, 1)))
  }

  private func needsAdmission(_ trial: SearchTrial) -> Bool {
    (limits.memoryGB > 0 || limits.secondsPerStep > 0) && trial.arm != .base && !trial.isAdmitted
      && trial.losses.isEmpty
  }

  /// Why a trial is not made: it needs more memory or seconds than the study allows, by a few steps before its run.
  ///
  /// What was measured differs from one call to the next, so the decision is an event of the journal and is made once, and the
  /// journal has no figure. The runs of the base are not held against the limits. No other trial runs meanwhile.
  private func refusal(of trial: SearchTrial, _ settings: Subject.Task.Settings) throws -> String? {
    let room = limits.memoryGB > 0 ? Int(min(limits.memoryGB * 1e9, 1e18)) : nil
    let needs = try RunNeeds(
      training.subject.task(settings), output: training.output(trial.number), resume: .ifPresent, room: room,
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
    report(.training(trial, .warning(finding), share: status.share))
  }

  /// Removes the checkpoints of the trials before a number, which have ended, all but the best one's.
  func tidy(before end: Int) {
    let best = status.best?.number
    for number in journal.trials.keys where number != best && number < end {
      RunFolder(training.output(number)).removeCheckpoints()
    }
  }

  private var status: SearchStatus {
    let trials = journal.trials.values
    let done = trials.reduce(0) { $0 + schedule.share($1.losses.keys.max()) }
    return SearchStatus(
      best: SearchResult.best(of: trials, rung: schedule.rungCount - 1), begun: trials.count,
      of: schedule.baseCount + schedule.trialCount, share: min(done / schedule.cost, 1))
  }
}
