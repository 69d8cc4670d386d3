import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeEvaluation
import ClozeTraining
import Foundation

@main
struct Pretrain: Tool {
  static let configuration = CommandConfiguration(
    commandName: "pretrain",
    abstract: "Pretrain an encoder, or a whole translator, on raw text.",
    discussion: """
      Reads the shards of a data folder that `tokenize` wrote. A BERT encoder learns to predict masked tokens; with \
      --set objective=denoising, an encoder and a decoder learn to write the text from a corrupted copy; with \
      objective=replacedTokens, the encoder learns to find tokens that a small generator has put in. Writes a run folder: config.yaml, metrics.jsonl and \
      checkpoints, each of which is a model folder for `evaluate`, `finetune` and Hugging Face's `from_pretrained`. \
      The links `best` and `latest` point at two of them. --model starts from the weights of another model, with other \
      text and a schedule from step 0. SIGINT, SIGTERM, SIGHUP and SIGUSR1 save and exit with 128 plus their number; \
      --resume continues to the same bits.

      Examples:
        pretrain --config configs/pretrain.yaml --data corpora/shards --output checkpoints/small --set stop.minutes=5
        pretrain --config configs/denoise.yaml --data corpora/shards --output checkpoints/denoiser
        pretrain --config configs/replaced-tokens.yaml --data corpora/shards --output checkpoints/electra
        pretrain --model checkpoints/small --data corpora/law --output checkpoints/law --set optimizer.learningRate=3e-4
      """)

  @OptionGroup var common: CommonOptions
  @OptionGroup var settings: ConfigurationOptions

  @Option(help: ArgumentHelp("A folder of shards, as tokenize writes it.", valueName: "folder"))
  var data: String

  @Option(help: ArgumentHelp("The run folder.", valueName: "folder"))
  var output: String

  @Option(
    help: ArgumentHelp(
      "Start from the weights of this model folder or run, whose sizes are taken, and not from random ones. The data's vocabulary is the model's or a larger one.",
      valueName: "folder"))
  var model: String?

  @Flag(
    help: "With --model: drop the rows of tokens that the data's vocabulary lacks, instead of refusing it.")
  var allowLostTokens = false

  @OptionGroup var freezing: FreezeOption

  @OptionGroup var resuming: ResumeOptions

  @Flag(help: "Print what the run will need and how long it will take, and write nothing.")
  var plan = false

  @Option(
    help: ArgumentHelp(
      "Show on this data that a run of N steps ends with the same bytes if it is stopped and resumed.",
      valueName: "n"))
  var verifyResume: Int?

  private var start: PretrainStart? {
    model.map { PretrainStart(URL(fileURLWithPath: $0), allowsLostTokens: allowLostTokens) }
  }

  mutating func validate() throws {
    guard model != nil || !allowLostTokens else {
      throw ValidationError("--allow-lost-tokens goes with --model")
    }
    if let verifyResume {
      guard (2...1 << 30).contains(verifyResume) else {
        throw ValidationError("--verify-resume is \(verifyResume); choose 2 to \(1 << 30) steps")
      }
      guard !resuming.mode.mayResume, !plan else {
        throw ValidationError("--verify-resume goes with neither --resume, --resume-or-start nor --plan")
      }
    }
  }

  mutating func execute() throws {
    let run = RunFolder(URL(fileURLWithPath: output))
    let configuration = try settings.load(
      PretrainConfiguration.self, options: freezing.overrides,
      defaults: run.defaults(PretrainConfiguration.self, resume: resuming.mode))
    if plan { return try showPlan(configuration) }
    if let verifyResume { return try proveResuming(configuration, steps: verifyResume) }
    try train(configuration.task(data: URL(fileURLWithPath: data), start: start))
  }

  private func train(_ task: some PretrainingTask) throws {
    let run = try TrainingRun(task, output: URL(fileURLWithPath: output), resume: resuming.mode)
    let progress = ProgressLine(quiet: common.quiet)
    for error in run.damaged { progress.warning("\(error)") }
    for warning in run.task.text.warnings { progress.warning(warning) }
    describe(run, to: progress)

    let interruption = Interruption()
    let outcome = try run.run(
      isInterrupted: { interruption.isRequested }, report: { progress.show($0.message) })
    guard outcome.reason != .interrupted else { throw interruption.exitCode }
    let best = outcome.cursor.bestFigures.map { Self.rows(of: $0, run.task.text) } ?? []
    try StandardOutput.writeLine(Table(outcome.rows(best: best, output: URL(fileURLWithPath: output))).text)
  }

  /// The figures of the best validation, for the table.
  private static func rows(of figures: [String: Double], _ text: PretrainingText) -> [(String, String)] {
    func nats(_ name: String) -> String { "\(Figure.decimal(figures[name] ?? .nan, 4)) nats" }
    func share(_ name: String) -> String { Figure.percent(figures[name] ?? .nan, 2) }
    let entropy = "(unigram entropy \(Figure.decimal(text.unigramEntropy, 4)))"
    guard text.configuration.objective == .replacedTokens else {
      return [
        ("best validation loss", "\(nats("validationLoss")) \(entropy)"),
        ("best validation accuracy", share("validationAccuracy")),
      ]
    }
    return [
      ("best validation loss", nats("validationLoss")),
      ("generator", "\(nats("generatorLoss")) \(entropy), \(share("generatorAccuracy")) right"),
      ("discriminator", "\(nats("discriminatorLoss")), \(share("discriminatorAccuracy")) right"),
      (
        "replaced tokens",
        "precision \(share("replacedPrecision")), recall \(share("replacedRecall"))"
      ),
    ]
  }

  private func showPlan(_ configuration: PretrainConfiguration) throws {
    let plan = try PretrainPlan(
      configuration: configuration, data: URL(fileURLWithPath: data), start: start,
      output: URL(fileURLWithPath: output), resume: resuming.mode)
    var table = Table()
    for finding in plan.findings {
      table.add(finding.name, finding.text)
      if let advice = finding.advice { table.add("", advice) }
    }
    try StandardOutput.writeLine(table.text)
    if let shortage = plan.shortage { throw shortage }
  }

  private func proveResuming(_ configuration: PretrainConfiguration, steps: Int) throws {
    let progress = ProgressLine(quiet: common.quiet)
    let interruption = Interruption()
    let proof = ResumeProof(
      steps: steps, configuration: configuration, data: URL(fileURLWithPath: data), start: start)
    let outcome = try proof.run(
      beside: URL(fileURLWithPath: output), isInterrupted: { interruption.isRequested },
      report: { progress.show($0.message) })
    guard let outcome else { throw interruption.exitCode }
    var table = Table()
    table.add("straight", "\(steps) steps with \(outcome.straightWorkers) workers")
    table.add(
      "resumed",
      "\(outcome.stoppedStep) steps with \(outcome.firstWorkers), stopped, "
        + "\(steps - outcome.stoppedStep) with \(outcome.secondWorkers)")
    for (file, digest) in outcome.digests.sorted(by: { $0.key < $1.key }) {
      table.add(file, "the same bytes, \(digest)")
    }
    try StandardOutput.writeLine(table.text)
  }

  private func describe(_ run: TrainingRun<some PretrainingTask>, to progress: ProgressLine) {
    let model = run.task.configuration.model
    let batch = run.task.configuration.batch
    progress.line(
      "\(model.layerCount) layers, hidden \(model.hiddenSize), \(model.headCount) heads, vocabulary "
        + "\(Figure.count(model.vocabularySize)): \(Figure.count(run.training.store.parameterCount)) parameters, "
        + "\(run.training.store.precision)")
    let tensors = TensorTable(run.origins, run.training.store)
    if !tensors.rows.isEmpty {
      var table = Table()
      for (name, text) in tensors.rows { table.add(name, text) }
      progress.line(table.text)
      progress.line(tensors.summary)
    }
    let windows = Figure.count(run.task.text.training.windowCount)
    let epochs = run.task.text.epochs.map { ", \(Figure.decimal($0.count, 2)) epochs" } ?? ""
    progress.line("\(windows) windows of \(batch.windowLength) tokens, \(batch.windows) a step\(epochs)")
    if let advice = run.task.text.epochs?.advice { progress.warning(advice) }
    if let unknownText = run.task.text.unknownText, unknownText.isWorthAWarning {
      progress.warning("\(data): \(unknownText.description); \(unknownText.adviceForTokenizing)")
    }
  }
}
