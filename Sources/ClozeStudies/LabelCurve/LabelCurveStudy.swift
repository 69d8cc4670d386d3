package import ClozeCore
internal import ClozeEvaluation
package import ClozeTraining
package import Foundation

/// A study of what pretraining is worth: the same network is trained from pretrained and from random weights, with different
/// numbers of labelled rows.
///
/// At each size, both arms make the same trials with seed 1, and the validation score chooses one. That one is run with the
/// other seeds. All runs are scored on held-out rows that chose nothing. The rows of a size are the first of one random order,
/// so a larger size has all rows of a smaller one.
package struct LabelCurveStudy<Subject: CurveSubject> {
  package let subject: Subject
  /// Ascending.
  package let sizes: [Int]
  package let seedCount: Int
  package let trials: [CurveTrial]
  private let folder: URL
  private let order: [Int]
  private let lock: FolderLock?

  private static var fileName: String { "study.json" }

  /// Checks the sizes and the study's folder. It trains and writes nothing.
  ///
  /// - Parameters:
  ///   - sizes: numbers of rows, ascending, separated by commas; the last may be `all`.
  ///   - plansOnly: for a study that is planned and never `run`: takes no lock.
  /// - Throws: `StudyError`, `FileError`
  package init(
    _ subject: Subject, sizes: String, seedCount: Int, trialCount: Int, output: URL, resume: ResumeMode,
    plansOnly: Bool = false
  ) throws {
    self.subject = subject
    let freeze = subject.rows.settings.optimizer.freeze
    try SettingsCheck("optimizer")(
      freeze == "none", "freeze",
      "is \(freeze); a label curve trains from random weights, too, which would stay random; choose none")
    self.sizes = try LabelCurve.sizes(sizes, rowCount: subject.rows.rowCount, path: subject.rows.trainingPath)
    self.seedCount = seedCount
    trials = Array(CurveTrial.all.prefix(trialCount))
    folder = output
    try FolderContent.check(output, for: .labelCurve)
    let permutation = Permutation(
      count: subject.rows.rowCount,
      random: CounterRandom(seed: UInt64(subject.rows.settings.seed), purpose: .labelSubset))
    order = (0..<subject.rows.rowCount).map { permutation[$0] }
    do {
      lock = plansOnly ? nil : try FolderLock(output, fileName: "study.lock")
    } catch let held as FolderLock.Held {
      throw StudyError.inUse(path: output.path, process: held.process)
    }
    try check(resume)
  }

  /// A study resumes with the model, rows and settings that it was started with. Sizes, seeds and trials may be added.
  private func check(_ resume: ResumeMode) throws {
    let url = folder.appendingPathComponent(Self.fileName)
    guard FileManager.default.fileExists(atPath: url.path) else {
      guard resume != .required else { throw StudyError.nothingToResume(path: folder.path) }
      return
    }
    guard resume != .never else { throw StudyError.studyExists(path: folder.path) }
    guard let found = try? JSONDecoder().decode([String: String].self, from: try Data(file: url)) else {
      throw StudyError.damagedStudy(path: url.path)
    }
    let expected = try identities()
    for what in Set(found.keys).union(expected.keys).sorted()
    where found[what] != expected[what] {
      throw StudyError.otherStudy(
        path: folder.path, what: what, expected: expected[what] ?? "none", found: found[what] ?? "none")
    }
  }

  private func identities() throws -> [String: String] {
    try subject.rows.identities.merging([
      "test": subject.testIdentity, "model": StartFolder(subject.rows.model).digest.hex,
      "settings": subject.rows.settings.resultDigest.hex,
    ]) { first, _ in first }
  }

  /// The most runs of the study, those that have ended included.
  package var runCount: Int { CurveArm.allCases.count * sizes.count * (trials.count + seedCount - 1) }

  /// Makes the runs that are missing.
  ///
  /// - Parameter report: is called with each event.
  /// - Returns: the scores of all runs; nil if it was interrupted.
  /// - Throws: what training and scoring throw
  package func run(
    isInterrupted: @escaping () -> Bool, report: @escaping (LabelCurve.Event) -> Void
  ) throws -> LabelCurveRuns? {
    precondition(lock != nil, "LabelCurveStudy.run: a study that was opened to plan it")
    let url = folder.appendingPathComponent(Self.fileName)
    if !FileManager.default.fileExists(atPath: url.path) { try checkRuns() }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try AtomicFile.write(try encoder.encode(identities()), to: url)
    var done = 0
    var width: Int?
    func score(_ run: CurveRun) throws -> CurveRunScore? {
      let score = try self.score(run, isInterrupted: isInterrupted, report: report)
      guard width == nil || score == nil || score?.width == width else {
        throw StudyError.damagedScore(path: CurveRunScore.file(in: self.output(run)).path)
      }
      width = width ?? score?.width
      done += 1
      if let score {
        report(.ended(score, heldOut: heldOutScore(score), done: done, of: runCount))
      }
      return score
    }
    var points: [LabelCurveRuns.Point] = []
    for size in sizes {
      for arm in CurveArm.allCases {
        var made: [CurveRunScore] = []
        for trial in trials {
          guard let next = try score(CurveRun(arm: arm, size: size, trial: trial, seed: 1)) else {
            return nil
          }
          made.append(next)
        }
        // Of equal scores the first.
        guard
          let best = made.indices.max(by: { (made[$0].validationScore, $1) < (made[$1].validationScore, $0) })
        else { return nil }
        var seeds = [made[best]]
        for seed in 1..<max(seedCount, 1) {
          let run = CurveRun(arm: arm, size: size, trial: trials[best], seed: seed + 1)
          guard let next = try score(run) else { return nil }
          seeds.append(next)
        }
        points.append(LabelCurveRuns.Point(arm: arm, size: size, trials: made, seeds: seeds))
      }
    }
    let start = try StartFolder(subject.rows.model)
    // A run may end before its minutes, at another limit or by its patience.
    let seconds = 60 * subject.rows.settings.stop.minutes
    let haveEqualSeconds =
      seconds > 0 && points.allSatisfy { $0.seeds.allSatisfy { $0.seconds >= 0.98 * seconds } }
    return LabelCurveRuns(
      points: points, metrics: subject.metrics, rankingFigure: subject.rows.settings.rankingFigure,
      pretrainingSeconds: (try? CheckpointManifest.verified(start.folder))?.cursor.seconds,
      haveEqualSeconds: haveEqualSeconds)
  }

  private func heldOutScore(_ score: CurveRunScore) -> Double {
    subject.metrics.scores(LabelCurve.sums(score.statistics))[0]
  }

  /// Opens the first run of each arm before the study is begun, so that settings which a run refuses leave no study.
  private func checkRuns() throws {
    for arm in CurveArm.allCases {
      let run = CurveRun(arm: arm, size: sizes[0], trial: trials[0], seed: 1)
      _ = try TrainingRun(task(run), output: output(run), resume: .ifPresent, plansOnly: true)
    }
  }

  private func task(_ run: CurveRun) throws -> Subject.Rows.Task {
    var settings = subject.rows.settings
    settings.seed += run.seed - 1
    // Of each run the best checkpoint and the last one are needed until it is scored.
    settings.cadence.keepCheckpoints = 1
    run.trial.apply(to: &settings)
    return try subject.rows.task(
      run.arm == .pretrained ? .pretrained(subject.rows.model) : .scratch(tokenizer: subject.rows.model),
      rows: Array(order.prefix(run.size)), settings: settings)
  }

  private func output(_ run: CurveRun) -> URL {
    folder.appendingPathComponent("runs").appendingPathComponent(run.folderName)
  }

  /// The recorded score of a run, or that of the run that is made, or resumed, now.
  private func score(
    _ run: CurveRun, isInterrupted: @escaping () -> Bool, report: @escaping (LabelCurve.Event) -> Void
  ) throws -> CurveRunScore? {
    let output = output(run)
    if let score = try CurveRunScore.read(output, of: run, testCount: subject.testCount) {
      // A kill may have come before this.
      RunFolder(output).removeCheckpoints()
      return score
    }
    let task = try task(run)
    report(.begun(run, warnings: task.warnings))
    let training = try TrainingRun(task, output: output, resume: .ifPresent)
    let outcome = try training.run(
      isInterrupted: isInterrupted, report: { report(.training(run, $0)) })
    guard outcome.reason != .interrupted else { return nil }
    let cursor = outcome.cursor
    let score = CurveRunScore(
      run: run, steps: cursor.step, tokens: cursor.tokens, seconds: cursor.seconds, bestStep: cursor.bestStep,
      validationScore: cursor.bestScore ?? -.greatestFiniteMagnitude,
      validations: try RunFolder(output).validations(subject.rows.settings.rankingFigure.name),
      statistics: try subject.statistics(of: output.appendingPathComponent(cursor.bestLink)))
    try score.write(to: output)
    // A study has many runs, and their scores are all that it needs of them.
    RunFolder(output).removeCheckpoints()
    return score
  }

  /// The seconds that all runs take: a few steps of the first run, or the time limit. Validations come on top.
  ///
  /// - Returns: nil if the runs are limited by tokens alone.
  package func estimatedSeconds() throws -> Double? {
    let stop = subject.rows.settings.stop
    if stop.minutes > 0 { return 60 * stop.minutes * Double(runCount) }
    guard stop.steps > 0, let size = sizes.last else { return nil }
    let task = try subject.rows.task(
      .pretrained(subject.rows.model), rows: Array(order.prefix(size)), settings: subject.rows.settings)
    let probe = try StepProbe(
      TrainingRun(
        task, output: folder.appendingPathComponent("runs/plan"), resume: .never, plansOnly: true))
    return probe.secondsPerStep * Double(stop.steps * runCount)
  }
}

/// What all label curves share.
package enum LabelCurve {
  /// What happens while a study runs.
  package enum Event {
    case begun(CurveRun, warnings: [String])
    case training(CurveRun, TrainingEvent)
    /// A run has its score, now or from earlier.
    case ended(CurveRunScore, heldOut: Double, done: Int, of: Int)
  }

  /// - Throws: `StudyError`
  static func sizes(_ text: String, rowCount: Int, path: String) throws -> [Int] {
    let fields = text.split(separator: ",", omittingEmptySubsequences: false)
    var sizes: [Int] = []
    for (index, field) in fields.enumerated() {
      let field = field.trimmingCharacters(in: .whitespaces)
      let isAll = field == "all" && index == fields.count - 1
      guard let size = isAll ? rowCount : Int(field), size > 0 else { throw StudyError.size(text: field) }
      guard size <= rowCount else { throw StudyError.tooLarge(size: size, path: path, rows: rowCount) }
      if let last = sizes.last, size <= last { throw StudyError.sizesDescend(first: last, second: size) }
      sizes.append(size)
    }
    return sizes
  }

  /// The sums over rows: [N, S] to [S].
  static func sums(_ statistics: [[Double]]) -> [Double] {
    statistics.dropFirst().reduce(into: statistics.first ?? []) { sums, row in
      for place in row.indices { sums[place] += row[place] }
    }
  }
}
