internal import ClozeCore
internal import ClozeEvaluation
package import ClozeTraining
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
  private let lock: FolderLock?
  private let points: PointSettings<Subject>
  /// nil for a study that is only planned.
  private let journal: SearchJournal?

  /// Checks the space, the corners of which have to be settings of a run, and the folder. It trains and writes nothing.
  ///
  /// - Parameter plansOnly: for a study that is planned and never `run`: takes no lock.
  /// - Throws: `SearchError`, `ConfigurationError`, `FileError`
  package init(
    _ subject: Subject, settings: SearchConfiguration, output: URL, resume: ResumeMode,
    plansOnly: Bool = false
  ) throws {
    (self.subject, self.settings, folder) = (subject, settings, output)
    points = try PointSettings(subject, settings)
    try points.checkSpace()
    let steps = subject.steps(subject.base)
    try SettingsCheck()(
      steps >= settings.bracketSize, "rungs.count",
      "is \(settings.rungs.count), with the first rung at step 1 / \(settings.bracketSize) of a run; base has \(steps) "
        + "steps, choose fewer rungs")
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
    if let start = journal?.start { try check(start) }
  }

  /// What the study is made from. Its journal has their digests.
  private func identities() throws -> [String: String] {
    var fixed = settings
    fixed.base = .scalar("")
    fixed.space = .scalar("")
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try subject.identities().merging([
      "base": Digest(of: subject.base.trajectory.yaml() + "\(subject.base.stop)").hex,
      "space": Digest(of: encoder.encode(settings.space)).hex, "settings": Digest(of: fixed.yaml()).hex,
    ]) { first, _ in first }
  }

  private func check(_ start: SearchEvent.Start) throws {
    let expected = try identities()
    for what in Set(expected.keys).union(start.identities.keys).sorted()
    where expected[what] != start.identities[what] {
      throw SearchError.otherStudy(path: folder.path, what: what)
    }
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
    let least = 2 * settings.rungs.factor
    guard schedule(least).cost <= runs else {
      throw SearchError.noTime(
        minutes: settings.minutes,
        needed: Figure.duration(60 * settings.minutes * schedule(least).cost / runs))
    }
    var trials = least
    while trials < 10_000, schedule(trials + 1).cost <= runs { trials += 1 }
    return schedule(trials)
  }

  /// The seconds of a whole run of the base, by a few of its steps; validations come on top.
  package func secondsPerRun() throws -> Double {
    let run = try TrainingRun(
      subject.task(subject.base), output: folder.appendingPathComponent("plan"), resume: .never,
      plansOnly: true)
    return try StepProbe(run).secondsPerStep * Double(subject.steps(subject.base))
  }

  // MARK: Running

  /// Makes what is missing.
  ///
  /// - Parameter report: is called with each event.
  /// - Returns: nil if it was interrupted.
  /// - Throws: `SearchError`, and what training throws that has nothing to do with a trial's settings
  package func run(
    isInterrupted: @escaping () -> Bool, report: @escaping (SearchProgress) -> Void
  ) throws -> SearchResult? {
    guard let journal else { preconditionFailure("SearchStudy.run: a study that was opened to plan it") }
    let schedule = try schedule(secondsPerRun: secondsPerRun)
    if journal.start == nil {
      try AtomicFile.write(Data(try settings.yaml().utf8), to: folder.appendingPathComponent("config.yaml"))
      try journal.append(.started(.init(identities: try identities(), trials: schedule.trialCount)))
    }
    let runner = TrialRunner(
      subject: subject, folder: folder.appendingPathComponent("trials"), schedule: schedule,
      limits: settings.limits, programBytes: ProcessMemory.resident, journal: journal,
      isInterrupted: isInterrupted, report: report)
    for number in 1..<schedule.baseCount + 1 {
      if journal.trials[number] == nil {
        try journal.append(
          .proposed(
            .init(
              trial: number, arm: .base, point: SearchPoint(), settings: [],
              seed: subject.base.seed + number - 1)))
      }
      guard try runner.advance(number, to: schedule.rungCount - 1) else { return nil }
      if let reason = journal.trials[number]?.failure { throw SearchError.baseFailed(reason: reason) }
    }
    for bracket in schedule.brackets {
      guard try run(bracket, runner) else { return nil }
    }
    runner.tidy()
    let result = SearchResult(
      journal: journal, schedule: schedule, proposer: settings.proposer, score: subject.score)
    try write(result)
    return result
  }

  /// - Returns: false if it was interrupted.
  private func run(_ bracket: SearchSchedule.Bracket, _ runner: TrialRunner<Subject>) throws -> Bool {
    let journal = runner.journal
    for number in bracket.trials {
      if journal.trials[number] == nil {
        try propose(number, bracket.arm, rungCount: runner.schedule.rungCount, journal)
      }
      guard try runner.advance(number, to: 0) else { return false }
    }
    for rung in 1..<runner.schedule.rungCount {
      let ranked = bracket.trials.compactMap { number in
        journal.trials[number]?.losses[rung - 1].map { (loss: $0, number: number) }
      }.sorted { $0 < $1 }
      for (_, number) in ranked.prefix(runner.schedule.count(of: bracket.trials.count, at: rung)) {
        guard try runner.advance(number, to: rung) else { return false }
      }
    }
    runner.tidy()
    return true
  }

  private func propose(_ number: Int, _ arm: SearchArm, rungCount: Int, _ journal: SearchJournal) throws {
    // An arm does not know what the other one found, or they could not be compared.
    let before = journal.trials.values.filter { $0.arm == arm }.sorted { $0.number < $1.number }
    let kind = arm == .control ? ProposerKind.random : settings.proposer
    let point = kind.proposer(space: points.space, seed: UInt64(settings.seed)).propose(
      trial: number, observations: SearchObservation.all(before.dropLast(settings.lag), rungCount: rungCount),
      pending: before.suffix(settings.lag).map(\.point))
    try journal.append(
      .proposed(
        .init(
          trial: number, arm: arm, point: point, settings: points.named.overrides(point),
          seed: subject.base.seed)))
    if let reason = points.refusal(point) {
      try journal.append(.failed(.init(trial: number, reason: reason)))
    }
  }

  /// What the trials of a result show of the settings that were varied, those of random search included.
  package func importance(_ result: SearchResult) -> SettingImportance {
    SettingImportance(
      points.space,
      SearchObservation.all(result.trials.filter { $0.arm != .base }, rungCount: settings.rungs.count))
  }

  /// `best.yaml`: the settings of the best trial, as `--config` of `pretrain` or `finetune` takes them.
  private func write(_ result: SearchResult) throws {
    guard let best = result.best else { return }
    let settings = try subject.base.with(best.settings)
    try AtomicFile.write(Data(try settings.yaml().utf8), to: folder.appendingPathComponent("best.yaml"))
  }
}
