import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeStudies
import ClozeTraining
import Foundation

@main
struct Finetune: Tool {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract:
      "Fine-tune a pretrained encoder on labelled rows: into a translator, a classifier, or a tagger.",
    discussion: """
      A translator starts with the encoder, the embeddings and the output bias of a pretrained checkpoint, and the \
      layers of its decoder are new; from another translator it takes everything. Its rows are lines of \
      source<TAB>target, or line i of two files. A classifier of texts is trained on lines of label<TAB>text or \
      label<TAB>text<TAB>text. A tagger is trained on CoNLL's columns: the word first, its label last, and a blank \
      line after each sentence. The last layer of both is new, unless the start has the same labels. --from-scratch \
      trains the same network from random weights. --label-curve trains both with several numbers of rows, and shows what \
      pretraining is worth. The settings are explained \
      in configs/finetune.yaml and configs/labels.yaml.

      --synthetic trains twice, with equal settings and steps: on the pairs alone, in OUTPUT/control, and first on \
      synthetic pairs, in OUTPUT/synthetic. It keeps the synthetic pairs only if the score of the validation pairs is \
      higher beyond chance. OUTPUT/best is the model to use.

      --rewards teaches a translator that has made synthetic pairs: sources that it has drawn and that a discriminator takes \
      for real become more probable, the others less (policy gradient), beside the loss on --train. A round is augment \
      --sample, augment --discriminate --keep 1, and a short run of finetune --rewards with the pairs in the direction of \
      --model, whose columns are exchanged. The model that comes out draws other sources, so the next round begins with new \
      ones.

      Examples:
        finetune --model checkpoints/small --train pairs.train.tsv --validation pairs.validation.tsv \\
          --output checkpoints/zh-en
        finetune --task classification --model checkpoints/small --train train.tsv --validation held-out.tsv \\
          --output checkpoints/topics
        finetune --from-scratch --tokenizer checkpoints/small --train pairs.train.tsv \\
          --validation pairs.validation.tsv --output checkpoints/zh-en-scratch
        finetune --label-curve 500,2000,10000,all --model checkpoints/small --train pairs.train.tsv \\
          --validation pairs.validation.tsv --test pairs.test.tsv --output studies/zh-en
        finetune --config configs/finetune-rewards.yaml --model checkpoints/en-zh --train reversed.tsv \\
          --validation reversed.validation.tsv --rewards judged.tsv --output checkpoints/en-zh-2
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var settings: ConfigurationOptions

  @Option(
    help: ArgumentHelp("A pretrained model folder, or the run folder that holds it.", valueName: "folder"))
  var model: String?

  @Flag(help: "Start from random weights; needs --tokenizer.")
  var fromScratch = false

  @Option(
    help: ArgumentHelp(
      "With --from-scratch: whose tokenizer to use; a model folder gives the network's sizes as well. With --model: a tokenizer whose vocabulary extends the model's.",
      valueName: "folder"))
  var tokenizer: String?

  @Flag(
    help:
      "With --model and --tokenizer: drop the rows of tokens that the vocabulary lacks, instead of refusing it."
  )
  var allowLostTokens = false

  @OptionGroup(title: "Labelled rows") var rows: RowOptions

  @OptionGroup(title: "Synthetic pairs") var synthetic: SyntheticOptions

  @OptionGroup(title: "Label curve") var curve: LabelCurveOptions

  @Option(help: ArgumentHelp("The run folder.", valueName: "folder"))
  var output: String

  @OptionGroup var freezing: FreezeOption

  @OptionGroup var resuming: ResumeOptions

  mutating func validate() throws {
    guard
      curve.labelCurve == nil || (model != nil && !fromScratch && tokenizer == nil && freezing.freeze.isEmpty)
    else {
      throw ValidationError(
        "--label-curve needs --model, whose tokenizer and sizes both arms have; leave out --from-scratch, --tokenizer and "
          + "--freeze")
    }
    guard synthetic.synthetic == nil || (rows.task == .translation && curve.labelCurve == nil) else {
      throw ValidationError("--synthetic goes with --task translation and without --label-curve")
    }
    guard
      synthetic.rewards == nil
        || (rows.task == .translation && curve.labelCurve == nil && synthetic.synthetic == nil
          && !fromScratch)
    else {
      throw ValidationError(
        "--rewards goes with --task translation and --model, without --synthetic, --from-scratch and --label-curve"
      )
    }
    guard !allowLostTokens || (model != nil && tokenizer != nil) else {
      throw ValidationError("--allow-lost-tokens goes with --model and --tokenizer")
    }
    switch (model, fromScratch, tokenizer) {
    case (.some, false, _), (nil, true, .some): break
    case (nil, true, nil): throw ValidationError("--from-scratch needs --tokenizer FOLDER")
    case (nil, false, _): throw ValidationError("give --model FOLDER, or --from-scratch --tokenizer FOLDER")
    default:
      throw ValidationError("--model starts from a checkpoint and --from-scratch does not; give one of them")
    }
  }

  mutating func execute() throws {
    if curve.labelCurve != nil { return try makeCurve() }
    let start =
      model.map {
        FinetuneStart.pretrained(
          URL(fileURLWithPath: $0), tokenizer: tokenizer.map { URL(fileURLWithPath: $0) },
          allowsLostTokens: allowLostTokens)
      }
      ?? .scratch(tokenizer: URL(fileURLWithPath: tokenizer ?? ""))
    if let kind = rows.task.labelKind {
      let configuration = try load(LabelConfiguration.self)
      let samples = try rows.files.samples(kind)
      try train(
        LabelTask(
          configuration: configuration, start: start, training: samples.training,
          validation: samples.validation))
    } else {
      let configuration = try load(FinetuneConfiguration.self)
      let pairs = try rows.files.pairs()
      func task(_ synthetic: URL? = nil) throws -> TranslationTask {
        try TranslationTask(
          configuration: configuration, start: start, training: pairs.training, validation: pairs.validation,
          synthetic: synthetic, rewards: self.synthetic.rewardFile)
      }
      guard let file = synthetic.file else { return try train(task()) }
      try compare(control: task(), synthetic: task(file), validation: pairs.validation)
    }
  }

  private func makeCurve() throws {
    func refuse(_ overlap: RowFindings, _ found: @autoclosure () throws -> RowFindings) throws {
      guard rows.strict else { return }
      try overlap.refuse()
      try found().refuse()
    }
    let command = LabelCurveCommand(
      options: curve, output: URL(fileURLWithPath: output),
      resume: resuming.mode, progress: ProgressLine(quiet: common.quiet))
    let start = URL(fileURLWithPath: model ?? "")
    let test = URL(fileURLWithPath: curve.test ?? "")
    if let kind = rows.task.labelKind {
      let samples = try rows.files.samples(kind)
      let held = try LabelledFile(kind, test, skipsBadRows: rows.files.skipBadRows)
      var findings = RowFindings(of: kind)
      findings.describeOverlap(of: held, with: samples.training)
      findings.describeOverlap(of: held, with: samples.validation, named: "validation")
      let rows = try LabelRows(
        settings: settings.load(LabelConfiguration.self), model: start, training: samples.training,
        validation: samples.validation)
      try refuse(findings, rows.task(.pretrained(start), rows: nil, settings: rows.settings).findings)
      try command.run(LabelSubject(rows, test: held), warnings: findings.messages)
    } else {
      let pairs = try rows.files.pairs()
      let held = try TranslationPairs(.table(test), skipsBadRows: rows.files.skipBadRows)
      var findings = RowFindings(of: "pair")
      findings.describeOverlap(of: held, with: pairs.training.pairs)
      findings.describeOverlap(of: held, with: pairs.validation.pairs, named: "validation")
      let rows = try PairRows(
        settings: settings.load(FinetuneConfiguration.self), model: start, training: pairs.training,
        validation: pairs.validation)
      try refuse(findings, rows.task(.pretrained(start), rows: nil, settings: rows.settings).findings)
      try command.run(TranslationSubject(rows, test: held), warnings: findings.messages)
    }
  }

  private func load<Settings: RunConfiguration>(_ type: Settings.Type) throws -> Settings {
    let output = URL(fileURLWithPath: output)
    // Of two runs, the first that was begun.
    let run = RunFolder(synthetic.file == nil ? output : ComparedRuns(output).control)
    return try settings.load(
      type, options: freezing.overrides, defaults: run.defaults(type, resume: resuming.mode))
  }

  /// Trains with and without synthetic pairs, and says which of the two models to use.
  private func compare(
    control: TranslationTask, synthetic task: TranslationTask, validation: TranslationPairs
  )
    throws
  {
    let folder = ComparedRuns(URL(fileURLWithPath: output))
    try folder.check()
    // What the second run would be refused for, before the first one.
    if rows.strict { try task.findings.refuse() }
    let interruption = Interruption()
    try StandardOutput.writeLine("control")
    try train(control, in: folder.control, resume: resuming.mode, interruption)
    try StandardOutput.writeLine("\nsynthetic")
    try train(
      task, in: folder.synthetic, resume: resuming.mode.mayResume ? .ifPresent : .never, interruption)
    guard !interruption.isRequested else { throw interruption.exitCode }
    let verdict = try folder.judge(task, validation: validation)
    try StandardOutput.writeLine("\n" + synthetic.table(verdict, output: folder.url).text)
  }

  private func train(_ task: some FinetuningTask) throws {
    try train(task, in: URL(fileURLWithPath: output), resume: resuming.mode, Interruption())
  }

  private func train(
    _ task: some FinetuningTask, in folder: URL, resume: ResumeMode, _ interruption: Interruption
  ) throws {
    if rows.strict { try task.findings.refuse() }
    let run = try TrainingRun(task, output: folder, resume: resume)
    let progress = ProgressLine(quiet: common.quiet)
    for error in task.damaged + run.damaged { progress.warning("\(error)") }
    for warning in task.warnings + task.findings.messages { progress.warning(warning) }
    describe(run, to: progress)

    let outcome = try run.run(
      isInterrupted: { interruption.isRequested }, report: { progress.show($0.message) })
    guard outcome.reason != .interrupted else { throw interruption.exitCode }
    let best = (outcome.cursor.bestFigures ?? [:]).sorted { $0.key < $1.key }.map {
      ("best " + $0.key, Figure.decimal($0.value, 3))
    }
    try StandardOutput.writeLine(Table(outcome.rows(best: best, output: folder)).text)
  }

  private func describe(_ run: TrainingRun<some FinetuningTask>, to progress: ProgressLine) {
    progress.line(
      "\(Figure.count(run.training.store.parameterCount)) parameters, \(run.training.store.precision), "
        + run.task.sampleText)
    let tensors = TensorTable(run.origins, run.training.store)
    var table = Table()
    for (name, text) in tensors.rows { table.add(name, text) }
    progress.line(table.text)
    progress.line(tensors.summary)
  }
}
