import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeTraining
import Foundation

@main
struct Finetune: Tool {
  static let configuration = CommandConfiguration(
    commandName: "finetune",
    abstract: "Fine-tune a pretrained encoder into a translator on labelled sentence pairs.",
    discussion: """
      The encoder, the embeddings and the output bias start from the checkpoint; the decoder's layers are new. \
      --from-scratch trains the same network from random weights, which shows \
      what pretraining was worth. Pairs are lines of source<TAB>target, or line i of two files.

      Example:
        finetune --model checkpoints/small --train pairs.train.tsv --validation pairs.validation.tsv \\
          --output checkpoints/zh-en
        finetune --from-scratch --tokenizer checkpoints/small --train pairs.train.tsv \\
          --validation pairs.validation.tsv --output checkpoints/zh-en-scratch
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
      "With --from-scratch: whose tokenizer to use; a model folder gives the network's sizes as well.",
      valueName: "folder"))
  var tokenizer: String?

  @OptionGroup(title: "Labelled pairs") var pairs: PairOptions

  @Option(help: ArgumentHelp("The run folder.", valueName: "folder"))
  var output: String

  @OptionGroup var freezing: FreezeOption

  @OptionGroup var resuming: ResumeOptions

  mutating func validate() throws {
    switch (model, fromScratch, tokenizer) {
    case (.some, false, nil), (nil, true, .some): break
    case (nil, true, nil): throw ValidationError("--from-scratch needs --tokenizer FOLDER")
    case (nil, false, _): throw ValidationError("give --model FOLDER, or --from-scratch --tokenizer FOLDER")
    default:
      throw ValidationError("--model starts from a checkpoint and --from-scratch does not; give one of them")
    }
  }

  mutating func execute() throws {
    let configuration = try settings.load(FinetuneConfiguration.self, options: freezing.overrides)
    let start =
      model.map { FinetuneStart.pretrained(URL(fileURLWithPath: $0)) }
      ?? .scratch(tokenizer: URL(fileURLWithPath: tokenizer ?? ""))
    let (training, held) = (try pairs.training(), try pairs.validationPairs())
    let task = try TranslationTask(
      configuration: configuration, start: start, training: training, validation: held)
    if pairs.strictPairs { try task.findings.refuse() }
    let run = try TrainingRun(
      task, output: URL(fileURLWithPath: output),
      resume: ResumeMode(resumes: resuming.resume, orStarts: resuming.resumeOrStart))
    let progress = ProgressLine(quiet: common.quiet)
    for error in task.damaged + run.damaged { progress.warning("\(error)") }
    for warning in task.warnings + task.findings.messages { progress.warning(warning) }
    describe(run, to: progress)
    for (name, pairs) in [("training", training), ("validation", held)] {
      for warning in UnknownPairs(pairs.pairs, task.tokenizer).warnings(of: name) {
        progress.warning(warning)
      }
    }

    let interruption = Interruption()
    let outcome = try run.run(
      isInterrupted: { interruption.isRequested }, report: { progress.show($0.message) })
    guard outcome.reason != .interrupted else { throw interruption.exitCode }
    let cursor = outcome.cursor
    var table = Table()
    table.add("steps", Figure.count(cursor.step))
    table.add("time", Figure.duration(cursor.seconds))
    table.add("tokens/s", Figure.count(Int(Double(cursor.tokens) / max(cursor.seconds, 1e-9))))
    table.add("best step", cursor.bestStep.map(Figure.count) ?? "none")
    for (name, value) in (cursor.bestFigures ?? [:]).sorted(by: { $0.key < $1.key }) {
      table.add("best " + name, Figure.decimal(value, 3))
    }
    table.add("peak memory", Figure.bytes(ProcessMemory.peak))
    table.add("model", URL(fileURLWithPath: output).appendingPathComponent(cursor.bestLink).path)
    try StandardOutput.writeLine(table.text)
  }

  private func describe(_ run: TrainingRun<TranslationTask>, to progress: ProgressLine) {
    progress.line(
      "\(Figure.count(run.training.store.parameterCount)) parameters, \(run.training.store.precision), "
        + "\(Figure.count(run.task.trainingPairCount)) pairs")
    let tensors = TensorTable(run.origins, run.training.store)
    var table = Table()
    for (name, text) in tensors.rows { table.add(name, text) }
    progress.line(table.text)
    progress.line(tensors.summary)
  }
}
