import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeStudies
import ClozeTraining
import Foundation

@main
struct Search: Tool {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Find good settings, and a good network, for pretraining on a text or for fine-tuning on rows.",
    discussion: """
      Makes a study: short runs with settings of a space, which the file --config describes, as a proposer thinks \
      of them, with random search on a share of the trials as control. Most trials stop at a rung early in the run; the best \
      go on. Writes trials.jsonl, a run folder for each trial, best.yaml, which `pretrain --config` or `finetune --config` takes, and \
      report.html, a page with drawings; prints the best trials, and whether they are better than chance. SIGINT, SIGTERM, SIGHUP and SIGUSR1 save and exit with 128 plus their \
      number; --resume continues, also after a kill, to the same result.

      The setting task says what the runs are: pretraining on the shards of --data or the raw text of --text or, from the model of --model on the rows of \
      --train and --validation, translation, classification or tagging.

      Examples:
        search --config configs/search.yaml --data corpora/shards --output studies/first --plan
        search --config configs/search.yaml --data corpora/shards --output studies/first
        pretrain --config studies/first/best.yaml --data corpora/shards --output checkpoints/found
        search --config configs/search-finetune.yaml --model checkpoints/found --train pairs.train.tsv \\
          --validation pairs.validation.tsv --output studies/zh-en
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var settings: ConfigurationOptions

  @Option(
    help: ArgumentHelp(
      "With task pretraining: a folder of shards, as tokenize writes it.", valueName: "folder"))
  var data: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "With task pretraining, in place of --data: raw text, for a study that varies model.vocabularySize; files, folders or patterns. The study makes shards of it, once for each size.",
      valueName: "files"))
  var text: [String] = []

  @Option(help: "With --text: the share of documents to hold out, in 0...1.")
  var validationRate = 0.01

  @OptionGroup(title: "How --text is read") var reading: DocumentOptions

  @Option(
    help: ArgumentHelp(
      "With the other tasks: the model folder from which the runs start, or the run folder that holds it.",
      valueName: "folder"))
  var model: String?

  @OptionGroup(title: "Labelled rows") var rows: RowFiles

  @Option(help: ArgumentHelp("The folder of the study.", valueName: "folder"))
  var output: String

  @OptionGroup var resuming: ResumeOptions

  @Flag(help: "Print the trials, the rungs and the hours of the study, and write nothing.")
  var plan = false

  mutating func validate() throws {
    guard (0...1).contains(validationRate) else {
      throw ValidationError("--validation-rate is \(validationRate); choose a share in 0...1, such as 0.01")
    }
  }

  mutating func execute() throws {
    let settings = try load()
    if text.isEmpty {
      try GivenOptions().refuse(DocumentOptions.names.union(["--validation-rate"]), "for --text")
    }
    if settings.task == .pretraining {
      try GivenOptions().refuse(["--skip-bad-rows"], "for labelled rows")
    }
    switch settings.task {
    case .pretraining:
      try pretrain(settings)
    case .translation:
      let (model, pairs) = (try start(settings.task, nil), try rows.pairs())
      try make(
        RowSearchSubject(
          PairRows(
            settings: .base(settings.base), model: model, training: pairs.training,
            validation: pairs.validation)), settings)
    case .classification: try label(.classification, settings)
    case .tagging: try label(.tagging, settings)
    }
  }

  private func load() throws -> SearchConfiguration {
    do {
      return try settings.load(SearchConfiguration.self)
    } catch ConfigurationError.unknownKey(_, let path, _)
      where ["base.", "space."].contains(where: path.hasPrefix)
    {
      throw ConfigurationError.invalid(
        path: path,
        reason: "is not in the file, and --set changes only what the file names there; write it into the file"
      )
    }
  }

  private func label(_ kind: LabelKind, _ settings: SearchConfiguration) throws {
    let (model, samples) = (try start(settings.task, kind), try rows.samples(kind))
    try make(
      RowSearchSubject(
        LabelRows(
          settings: .base(settings.base), model: model, training: samples.training,
          validation: samples.validation)), settings)
  }

  private func pretrain(_ settings: SearchConfiguration) throws {
    guard (data == nil) != text.isEmpty, model == nil, rows.isEmpty else {
      throw ValidationError(
        "the study has task: pretraining, which needs --data FOLDER or --text FILES alone; for --model, --train and "
          + "--validation give it task: translation, classification or tagging")
    }
    if let data {
      return try make(
        MaskedSearchSubject(base: .base(settings.base), data: URL(fileURLWithPath: data)), settings)
    }
    // A plan writes nothing into the folder of the study.
    let scratch = FileManager.default.temporaryDirectory.appendingPathComponent("cloze-\(UUID().uuidString)")
    defer { if plan { try? FileManager.default.removeItem(at: scratch) } }
    let folder = plan ? scratch : URL(fileURLWithPath: output).appendingPathComponent("vocabularies")
    let (isQuiet, base) = (common.quiet, try PretrainConfiguration.base(settings.base))
    let vocabularies = try StudyVocabularies(
      text, format: reading.format(), validationRate: validationRate, folder: folder,
      workers: base.compute.workers
    ) { message in if !isQuiet { Console.error(message) } }
    try make(VocabularySearchSubject(base: base, vocabularies: vocabularies), settings)
  }

  private func start(_ task: SearchConfiguration.Task, _ kind: LabelKind?) throws -> URL {
    guard let model, data == nil, text.isEmpty else {
      throw ValidationError(
        "the study has task: \(task.rawValue), which needs --model FOLDER and labelled rows, and no --data or --text"
      )
    }
    try rows.check(kind)
    return URL(fileURLWithPath: model)
  }

  private func make(_ subject: some SearchSubject, _ settings: SearchConfiguration) throws {
    let output = URL(fileURLWithPath: output)
    let launched = LaunchedRank(environment: ProcessInfo.processInfo.environment)
    guard !plan else {
      guard launched?.rank ?? 0 == 0 else { return }
      return try showPlan(
        SearchStudy(
          subject, settings: settings, output: output, resume: resuming.mode, launched: launched,
          plansOnly: true))
    }
    let interruption = Interruption()
    if let launched, launched.rank > 0 {
      return try RankWorker(subject, settings: settings, output: output, launched).serve {
        interruption.isRequested
      }
    }
    let study = try SearchStudy(
      subject, settings: settings, output: output, resume: resuming.mode, launched: launched)
    let progress = ProgressLine(quiet: common.quiet)
    for warning in subject.warnings + study.warnings(trials: settings.trials) { progress.warning(warning) }
    if let launched, settings.trialsAtOnce * launched.count > settings.lag + 1 {
      progress.warning(
        "lag is \(settings.lag), so of the \(launched.count) ranks at most \(settings.lag + 1) begin trials at once; raise lag in the "
          + "study's settings")
    }
    let display = StudyDisplay(settings.proposer, subject.score, progress)
    guard
      let (result, importance) = try study.run(
        isInterrupted: { interruption.isRequested }, report: display.show)
    else { throw interruption.exitCode }
    try StandardOutput.writeLine(ResultTable(result, settings.proposer).text)
    try StandardOutput.writeLine("\n" + ImportanceTable(importance: importance).text)
    var files = Table()
    if result.best != nil { files.add("best", output.appendingPathComponent("best.yaml").path) }
    files.add("report", output.appendingPathComponent(StudyPage.fileName).path)
    try StandardOutput.writeLine("\n" + files.text)
  }

  private func showPlan(_ study: SearchStudy<some SearchSubject>) throws {
    let seconds = try study.secondsPerRun()
    let schedule = try study.schedule { seconds }
    let progress = ProgressLine(quiet: common.quiet)
    for warning in study.warnings(trials: schedule.trialCount) { progress.warning(warning) }
    let controls = schedule.brackets.filter { $0.arm == .control }.reduce(0) { $0 + $1.trials.count }
    let steps = schedule.steps(total: study.subject.steps(study.subject.base))
    var table = Table()
    table.add(
      "trials",
      "\(Figure.count(schedule.trialCount)): \(Figure.count(schedule.trialCount - controls)) "
        + "\(study.settings.proposer.rawValue), \(Figure.count(controls)) random as control; and base with "
        + "\(schedule.baseCount) seeds")
    let largest = schedule.brackets.map(\.trials.count).max() ?? 0
    table.add(
      "rungs",
      "at steps \(steps.map(Figure.count).joined(separator: ", ")); "
        + (schedule.rungCount == 1
          ? "all trials run to the end"
          : largest == 1
            ? "all trials run to the end, since they are too few to be compared at a rung"
            : "1 of \(min(schedule.factor, largest)) trials goes on to the next")
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
