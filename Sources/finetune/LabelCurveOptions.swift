import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeStudies
import ClozeTraining
import Foundation

/// The options of a label curve.
struct LabelCurveOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Train with these numbers of rows, pretrained and from scratch, and show what pretraining is worth; such as 500,2000,all.",
      valueName: "sizes"))
  var labelCurve: String?

  @Option(help: "With --label-curve: runs of each arm at each size, with different seeds; 3 where not given.")
  var seeds: Int?

  @Option(
    help:
      "With --label-curve: trials of each arm at each size, with other learning rates and dropout; validation chooses one. 3 where not given."
  )
  var trials: Int?

  @Option(
    help: ArgumentHelp("With --label-curve: held-out rows, on which all runs are scored.", valueName: "file"))
  var test: String?

  @Flag(help: "With --label-curve: print the number of runs and the hours, and train nothing.")
  var plan = false

  var seedCount: Int { seeds ?? 3 }
  var trialCount: Int { trials ?? 3 }

  mutating func validate() throws {
    guard labelCurve != nil else {
      guard test == nil, !plan, seeds == nil, trials == nil else {
        throw ValidationError(
          "--test, --plan, --seeds and --trials go with --label-curve; add it, or leave them out")
      }
      return
    }
    guard test != nil else {
      throw ValidationError("--label-curve needs --test FILE, rows that neither training nor validation has")
    }
    guard (1...100).contains(seedCount) else {
      throw ValidationError("--seeds is \(seedCount); choose 1 to 100")
    }
    guard (1...CurveTrial.all.count).contains(trialCount) else {
      throw ValidationError("--trials is \(trialCount); choose 1 to \(CurveTrial.all.count)")
    }
  }
}

/// Makes a label curve and prints it.
struct LabelCurveCommand {
  let options: LabelCurveOptions
  let output: URL
  let resume: ResumeMode
  let progress: ProgressLine

  /// - Parameter warnings: about the held-out rows.
  func run(_ subject: some CurveSubject, warnings: [String]) throws {
    let study = try LabelCurveStudy(
      subject, sizes: options.labelCurve ?? "", seedCount: options.seedCount, trialCount: options.trialCount,
      output: output, resume: resume, plansOnly: options.plan)
    for warning in warnings { progress.warning(warning) }
    if options.plan { return try showPlan(study) }
    let interruption = Interruption()
    let runs = try study.run(isInterrupted: { interruption.isRequested }, report: show)
    guard let runs else { throw interruption.exitCode }
    let report = LabelCurveReport(runs)
    try report.write(to: output)
    try StandardOutput.writeLine(LabelCurveTable(report).text)
    try StandardOutput.writeLine("\ncurve  \(output.appendingPathComponent("curve.svg").path), curve.json")
  }

  private func showPlan(_ study: LabelCurveStudy<some CurveSubject>) throws {
    var table = Table()
    table.add(
      "runs",
      "\(study.runCount): 2 arms, \(study.sizes.count) sizes, \(study.trials.count) trials, "
        + "\(options.seedCount) seeds")
    table.add("sizes", study.sizes.map(Figure.count).joined(separator: ", "))
    table.add(
      "time",
      try study.estimatedSeconds().map {
        "at most \(Figure.duration($0)) of training; validations and scores come on top"
      } ?? "unknown, since the runs are limited by tokens alone")
    try StandardOutput.writeLine(table.text)
  }

  private func show(_ event: LabelCurve.Event) {
    switch event {
    case .begun(let run, let warnings):
      progress.line(name(run))
      for warning in warnings { progress.warning(warning) }
    case .training(_, let event):
      switch event {
      case .progress, .warning: progress.show(event.message)
      default: break
      }
    case .ended(let score, let heldOut, let done, let count):
      progress.line(
        "\(name(score.run)): \(Figure.decimal(heldOut, 2)) held out, \(Figure.count(score.steps)) steps, "
          + "\(Figure.duration(score.seconds)); run \(done) of \(count)")
    }
  }

  private func name(_ run: CurveRun) -> String {
    "\(run.arm.rawValue), \(Figure.count(run.size)) rows, \(run.trial), seed \(run.seed)"
  }
}

/// A label curve as a table for people.
private struct LabelCurveTable {
  let report: LabelCurveReport

  init(_ report: LabelCurveReport) { self.report = report }

  var text: String {
    let header =
      ["rows"] + ["pretrained", "95 %", "from scratch", "95 %", "difference", "95 %", "rows worth", "95 %"]
    let lines = report.sizes.map { size in
      [
        Figure.count(size.rows), score(size.pretrained), interval(size.pretrained.intervals[0]),
        score(size.scratch), interval(size.scratch.intervals[0]), Figure.decimal(size.difference, 2),
        interval(size.differenceInterval), times(size.rowsWorth),
        size.rowsWorthInterval.map(times).joined(separator: " to "),
      ]
    }
    return ([Table.columns([header] + lines), ""] + sentences).joined(separator: "\n")
  }

  private func score(_ arm: LabelCurveReport.Arm) -> String { Figure.decimal(arm.scores[0], 2) }

  private func interval(_ interval: LabelCurveReport.Interval) -> String {
    "[\(Figure.decimal(interval.low, 2)), \(Figure.decimal(interval.high, 2))]"
  }

  private func times(_ worth: RowsWorth) -> String {
    let bound =
      switch worth.bound {
      case .within: ""
      case .moreThan: "more than "
      case .atMost: "at most "
      }
    return bound + Figure.decimal(worth.factor, 1) + " x"
  }

  private var sentences: [String] {
    let trials = "\(report.trialCount) \(report.trialCount == 1 ? "trial" : "trials")"
    let seeds = "\(report.seedCount) \(report.seedCount == 1 ? "seed" : "seeds")"
    var sentences = [
      "\(report.metrics[0]) on held-out rows. Each arm had \(trials) at each size, and the best had \(seeds)."
        + (report.hasEqualSeconds ? " All runs had equal seconds." : ""),
      "Rows worth: the rows that the network from scratch needs for the same score, as a multiple.",
    ]
    let none = report.sizes.filter { !$0.isGain }.map { Figure.count($0.rows) }
    if !none.isEmpty {
      sentences.append("No gain from pretraining beyond chance with \(none.joined(separator: ", ")) rows.")
    }
    let idle = report.sizes.filter { !$0.scratch.hasLearned }.map { Figure.count($0.rows) }
    if !idle.isEmpty {
      sentences.append(
        "From scratch the decoder ignores its source with \(idle.joined(separator: ", ")) rows. Such a control proves nothing; "
          + "give it more steps, another rate or more trials.")
    }
    return sentences + report.sizes.map(computing)
  }

  private func computing(_ size: LabelCurveReport.Size) -> String {
    let start =
      "\(Figure.count(size.rows)) rows: the best validation score from scratch took "
      + "\(Figure.duration(size.scratch.secondsToBest)); pretrained, fine-tuning "
    guard let seconds = size.secondsToScratchsBest else { return start + "did not reach it" }
    return start + "took \(Figure.duration(seconds))"
      + (report.pretrainingSeconds.map { ", with the pretraining \(Figure.duration(seconds + $0))" } ?? "")
  }
}
