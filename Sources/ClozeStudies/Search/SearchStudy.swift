package import ClozeCore
internal import ClozeEvaluation
internal import ClozeTraining
package import Foundation

/// A study: trials of settings that a proposer thinks of, random search with a share of them as control, and the base with
/// several seeds.
///
/// Each trial is a run in a folder of its own. A trial that goes on to the next rung resumes its run, under the schedule of the
/// whole one, so no step is computed twice. What the study does next is a function of its settings and its journal.
package final class SearchStudy<Subject: SearchSubject> {
  package let subject: Subject
  package let settings: SearchConfiguration
  private let folder: URL
  private let launched: LaunchedRank?
  private let lock: FolderLock?
  private let points: PointSettings<Subject>
  /// nil for a study that is only planned.
  private let journal: SearchJournal?

  /// Checks the space, the corners of which have to be settings of a run, and the folder. It trains and writes nothing.
  ///
  /// - Parameters:
  ///   - launched: as rank 0 of several processes; nil for one process.
  ///   - plansOnly: for a study that is planned and never `run`: takes no lock.
  /// - Throws: `SearchError`, `ConfigurationError`, `FileError`
  package init(
    _ subject: Subject, settings: SearchConfiguration, output: URL, resume: ResumeMode,
    launched: LaunchedRank? = nil, plansOnly: Bool = false
  ) throws {
    (self.subject, self.settings, folder, self.launched) = (subject, settings, output, launched)
    if let launched {
      try SettingsCheck()(
        settings.limits.memoryGB == 0 && settings.limits.secondsPerStep == 0, "limits",
        "of memory and seconds are measured of a trial that runs alone, and \(launched.variable) says that there are "
          + "\(launched.count) processes; set both to 0, or start one process")
    }
    points = try PointSettings(subject, settings)
    try points.checkSpace()
    let steps = subject.steps(subject.base)
    try SettingsCheck()(
      steps >= settings.rungs.bracketSize, "rungs.count",
      "is \(settings.rungs.count), with the first rung at step 1 / \(settings.rungs.bracketSize) of a run; base has \(steps) "
        + "steps, choose fewer rungs")
    try FolderContent.check(output, for: .search)
    if resume == .never, SearchJournal.exists(in: output) { throw SearchError.studyExists(path: output.path) }
    if resume == .required, !SearchJournal.exists(in: output) {
      throw SearchError.nothingToResume(path: output.path)
    }
    do {
      lock = plansOnly ? nil : try FolderLock(output, fileName: "study.lock")
    } catch let held as FolderLock.Held {
      throw SearchError.inUse(path: output.path, process: held.process)
    }
    journal = plansOnly ? nil : try SearchJournal(output)
    if let journal, let start = journal.start {
      try subject.check(start.identities, of: settings, path: output.path)
    }
  }

  /// What is worth knowing of a study with so many trials.
  package func warnings(trials: Int) -> [String] {
    var warnings: [String] = []
    if let count = points.space.pointCount, count < trials {
      warnings.append(
        "the space has at most \(Figure.count(count)) points, fewer than the \(Figure.count(trials)) trials, so some are run more "
          + "than once; set trials to \(Figure.count(count)) or less, or widen the space")
    }
    if settings.seeds == 2 {
      warnings.append(
        "two seeds of base hardly tell how far equal runs are apart, so that almost nothing is beyond the noise; set seeds to 3 or more"
      )
    }
    return warnings
  }

  // MARK: Budget

  /// The trials of the study: those that it began with, those that the settings name, or those that fit into their minutes.
  ///
  /// - Parameter secondsPerRun: of a whole run of the base.
  /// - Throws: `SearchError.noTime`
  package func schedule(secondsPerRun: () throws -> Double) throws -> SearchSchedule {
    func schedule(_ trials: Int) -> SearchSchedule {
      SearchSchedule(trials: trials, control: settings.control, seeds: settings.seeds, rungs: settings.rungs)
    }
    if let start = journal?.start { return schedule(start.trials) }
    if settings.trials > 0 { return schedule(settings.trials) }
    let runs = 60 * settings.minutes / max(try secondsPerRun(), 1e-9)
    // More trials do not always cost more: with few of random search the brackets are small, and more of a bracket goes on.
    let least = 2 * settings.rungs.factor
    let possible = (least...max(least, SearchSchedule.mostFitted)).map(schedule)
    guard let largest = possible.last(where: { $0.cost <= runs }) else {
      let cost = possible.map(\.cost).min() ?? 0
      throw SearchError.noTime(
        minutes: settings.minutes, needed: Figure.duration(60 * settings.minutes * cost / runs))
    }
    return largest
  }

  /// The seconds of a whole run of the base, by a few of its steps; validations come on top.
  package func secondsPerRun() throws -> Double {
    let run = try TrainingRun(
      subject.task(subject.base), output: folder.appendingPathComponent("plan"), resume: .never,
      plansOnly: true)
    return try StepProbe(run).secondsPerStep * Double(subject.steps(subject.base))
  }

  // MARK: Running

  /// The trials that may run at once, on all ranks.
  private var places: Int { settings.trialsAtOnce * (launched?.count ?? 1) }

  /// Makes what is missing.
  ///
  /// - Parameter report: is called with each event.
  /// - Returns: nil if it was interrupted.
  /// - Throws: `SearchError`, and what training throws that has nothing to do with a trial's settings
  package func run(
    isInterrupted: @escaping @Sendable () -> Bool, report: @escaping (SearchProgress) -> Void
  ) throws -> (result: SearchResult, importance: SettingImportance)? {
    guard let journal else { preconditionFailure("SearchStudy.run: a study that was opened to plan it") }
    let isStopped = Guarded(false)
    let stops: @Sendable () -> Bool = { isInterrupted() || isStopped.withLock { $0 } }
    let leader = try launched.map { try RankLeader(study: folder, $0, isStopping: stops) }
    defer { leader?.end() }
    let schedule = try schedule(secondsPerRun: secondsPerRun)
    let identities = try subject.identities(of: settings)
    if journal.start == nil {
      // The journal first: what a study is refused for leaves nothing.
      try journal.append(.started(.init(identities: identities, trials: schedule.trialCount)))
    }
    try leader?.begin(identities)
    let description = folder.appendingPathComponent("config.yaml")
    if description.fileSize == nil { try AtomicFile.write(Data(try settings.yaml().utf8), to: description) }
    let runner = TrialRunner(
      subject: subject, folder: folder.appendingPathComponent("trials"), schedule: schedule,
      limits: settings.limits, journal: journal, leader: leader, isInterrupted: stops, report: report)
    defer {
      isStopped.withLock { $0 = true }
      runner.finish()
    }
    let base = Array(1..<schedule.baseCount + 1)
    guard try advance(base, .base, to: schedule.rungCount - 1, ahead: places, runner) else {
      return nil
    }
    for bracket in schedule.brackets {
      guard try run(bracket, runner) else { return nil }
    }
    runner.tidy(before: .max)
    let result = SearchResult(
      journal: journal, schedule: schedule, proposer: settings.proposer, score: subject.score)
    let importance = SettingImportance(points.space, result.observations)
    try write(result, importance)
    return (result, importance)
  }

  /// - Returns: false if it was interrupted.
  private func run(_ bracket: SearchSchedule.Bracket, _ runner: TrialRunner<Subject>) throws -> Bool {
    let (journal, count) = (runner.journal, bracket.trials.count)
    // A proposal has to wait for all results but the latest `lag` ones.
    let ahead = min(places, settings.lag + 1)
    guard try advance(Array(bracket.trials), bracket.arm, to: 0, ahead: ahead, runner) else { return false }
    for rung in 1..<runner.schedule.rungCount {
      var losses: [Int: Double] = [:]
      for number in bracket.trials { losses[number] = journal.trials[number]?.losses[rung - 1] }
      let promoted = runner.schedule.promoted(losses, of: count, to: rung)
      guard try advance(promoted, bracket.arm, to: rung, ahead: places, runner) else {
        return false
      }
    }
    runner.tidy(before: bracket.trials.upperBound)
    return true
  }

  /// Runs trials to a rung, and writes their events in this order.
  ///
  /// - Parameter ahead: how many may run at once.
  /// - Returns: false if it was interrupted.
  private func advance(
    _ numbers: [Int], _ arm: SearchArm, to rung: Int, ahead: Int, _ runner: TrialRunner<Subject>
  ) throws -> Bool {
    let journal = runner.journal
    let ranks = launched?.count ?? 1
    let atOnce = (min(ahead, numbers.count) + ranks - 1) / ranks
    // Trials that have begun before their turn, and are not yet in the journal.
    var early: [Int: SearchTrial] = [:]
    for (index, number) in numbers.enumerated() {
      if journal.trials[number] == nil {
        let trial =
          try early.removeValue(forKey: number) ?? proposal(number, arm, after: [SearchTrial](), runner)
        try journal.append(.proposed(.init(trial)))
      }
      if let trial = journal.trials[number], let reason = refusal(trial) {
        try journal.append(.failed(.init(trial: number, reason: reason)))
      }
      for next in numbers[index..<min(index + ahead, numbers.count)] {
        let trial =
          try journal.trials[next] ?? early[next] ?? proposal(next, arm, after: early.values, runner)
        if journal.trials[next] == nil { early[next] = trial }
        if refusal(trial) == nil { try runner.begin(trial, to: rung, atOnce: atOnce) }
      }
      guard try runner.end(number, at: rung) else { return false }
      if arm == .base, let reason = journal.trials[number]?.failure {
        throw SearchError.baseFailed(reason: reason)
      }
    }
    return true
  }

  /// Why a new trial is not run; nil if it is, or if that is known.
  private func refusal(_ trial: SearchTrial) -> String? {
    guard trial.arm != .base, trial.losses.isEmpty, trial.failure == nil else { return nil }
    return points.refusal(trial.point)
  }

  /// The settings of a new trial.
  ///
  /// - Parameter begun: the trials of its arm that are not yet in the journal.
  private func proposal(
    _ number: Int, _ arm: SearchArm, after begun: some Sequence<SearchTrial>, _ runner: TrialRunner<Subject>
  ) throws -> SearchTrial {
    guard arm != .base else {
      return SearchTrial(
        number: number, arm: .base, point: SearchPoint(), settings: [], seed: subject.base.seed + number - 1)
    }
    // An arm does not know what the other one found, or they could not be compared.
    let known = runner.journal.trials.values.filter { $0.arm == arm }
    let before = (known + begun).sorted { $0.number < $1.number }
    let kind = arm == .control ? ProposerKind.random : settings.proposer
    let point = kind.proposer(space: points.space, seed: UInt64(settings.seed)).propose(
      trial: number,
      observations: SearchObservation.all(
        before.dropLast(settings.lag), rungCount: runner.schedule.rungCount),
      pending: before.suffix(settings.lag).map(\.point))
    return SearchTrial(
      number: number, arm: arm, point: point, settings: points.named.overrides(point), seed: subject.base.seed
    )
  }

  /// Writes `best.yaml`, the settings of the best trial, as `--config` of `pretrain` or `finetune` takes them, and `report.html`.
  private func write(_ result: SearchResult, _ importance: SettingImportance) throws {
    let best = try result.best.map { try subject.base.with($0.settings) }
    if let best {
      try AtomicFile.write(Data(try best.yaml().utf8), to: folder.appendingPathComponent("best.yaml"))
    }
    let page = StudyPage(
      result, space: points.space, importance: importance, proposer: settings.proposer,
      network: best.map(subject.network) ?? [])
    try AtomicFile.write(Data(page.html.utf8), to: folder.appendingPathComponent(StudyPage.fileName))
  }
}
