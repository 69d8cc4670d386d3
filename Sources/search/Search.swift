import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeStudies
import ClozeTraining
import Foundation

@main
struct Search: Tool {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Find good settings, and a good network, for pretraining on a text.",
    discussion: """
      Makes a study: short pretraining runs with settings of a space, which the file --config describes, as a proposer thinks \
      of them, with random search on a share of the trials as control. Most trials stop at a rung early in the run; the best \
      go on. Writes trials.jsonl, a run folder for each trial, and best.yaml, which `pretrain --config` takes; prints the best \
      trials, and whether they are better than chance. SIGINT, SIGTERM, SIGHUP and SIGUSR1 save and exit with 128 plus their \
      number; --resume continues, also after a kill, to the same result.

      Examples:
        search --config configs/search.yaml --data corpora/shards --output studies/first --plan
        search --config configs/search.yaml --data corpora/shards --output studies/first
        pretrain --config studies/first/best.yaml --data corpora/shards --output checkpoints/found
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var settings: ConfigurationOptions

  @Option(help: ArgumentHelp("A folder of shards, as tokenize writes it.", valueName: "folder"))
  var data: String

  @Option(help: ArgumentHelp("The folder of the study.", valueName: "folder"))
  var output: String

  @OptionGroup var resuming: ResumeOptions

  @Flag(help: "Print the trials, the rungs and the hours of the study, and write nothing.")
  var plan = false

  mutating func execute() throws {
    let settings = try settings.load(SearchConfiguration.self)
    let subject = try MaskedSearchSubject(base: settings.base, data: URL(fileURLWithPath: data))
    let output = URL(fileURLWithPath: output)
    let study = try SearchStudy(
      subject, settings: settings, output: output,
      resume: ResumeMode(resumes: resuming.resume, orStarts: resuming.resumeOrStart), plansOnly: plan)
    if plan { return try showPlan(study) }
    let interruption = Interruption()
    let display = StudyDisplay(settings.proposer, ProgressLine(quiet: common.quiet))
    let result = try study.run(isInterrupted: { interruption.isRequested }, report: display.show)
    guard let result else { throw interruption.exitCode }
    try StandardOutput.writeLine(ResultTable(result, settings.proposer).text)
    if result.best != nil {
      try StandardOutput.writeLine("\nbest  \(output.appendingPathComponent("best.yaml").path)")
    }
  }

  private func showPlan(_ study: SearchStudy<MaskedSearchSubject>) throws {
    let seconds = try study.secondsPerRun()
    let schedule = try study.schedule { seconds }
    let controls = schedule.brackets.filter { $0.arm == .control }.reduce(0) { $0 + $1.trials.count }
    let steps = schedule.steps(total: study.subject.steps(study.subject.base))
    var table = Table()
    table.add(
      "trials",
      "\(Figure.count(schedule.trialCount)): \(Figure.count(schedule.trialCount - controls)) "
        + "\(study.settings.proposer.rawValue), \(Figure.count(controls)) random as control; and base with "
        + "\(schedule.baseCount) seeds")
    table.add(
      "rungs",
      "at steps \(steps.map(Figure.count).joined(separator: ", ")); 1 of \(schedule.factor) trials goes on to the next"
    )
    table.add(
      "work", "\(Figure.decimal(schedule.cost, 1)) runs of \(Figure.count(steps.last ?? 0)) steps")
    table.add(
      "time",
      "about \(Figure.duration(seconds * schedule.cost)) at the speed of base; the first result after "
        + "\(Figure.duration(seconds * (schedule.baseCount > 0 ? 1 : schedule.share(0)))); validations come on top"
    )
    try StandardOutput.writeLine(table.text)
  }
}
