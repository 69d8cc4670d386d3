import ArgumentParser
import ClozeCLI
import ClozeCompute
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeText
import ClozeTraining
import Foundation

@main
struct Augment: Tool {
  static let configuration = CommandConfiguration(
    commandName: "augment",
    abstract: "Make synthetic pairs from text in the target language, or choose among them.",
    discussion: """
      A reverse model is a translator from the target language into the source language, fine-tuned on the same pairs with \
      their columns exchanged. It gives each line of the text a source: the best one that beam search finds, or with \
      --sample one that is drawn. finetune --synthetic trains on the pairs, and says whether they helped.

      The output has the columns source, target, origin, score (the mean logarithmic probability of a token of the \
      source) and model (the digest of its weights). Left out and counted are lines without a token, longer than the \
      model or with [UNK], and pairs whose source is empty, cut off, a copy, much longer or shorter than the target, or \
      there already. OUTPUT.json says what made the pairs.

      --discriminate chooses among such pairs: classifiers learn to tell them from real ones, and the pairs that are most \
      like real ones are kept. Each classifier scores pairs that it has not seen. Their score column is the probability \
      of being real. The settings of the classifiers are those of configs/labels.yaml.

      A call that was killed continues with --resume, and writes the same bytes. --workers changes no byte.

      Examples:
        augment --reverse-model checkpoints/en-zh --text english.txt --output synthetic.tsv
        augment --discriminate synthetic.tsv --train pairs.train.tsv --model checkpoints/small --output chosen.tsv
      """)

  @OptionGroup var common: CommonOptions

  @Option(
    help: ArgumentHelp(
      "A translator from the target into the source language, or the run folder that holds it.",
      valueName: "folder"))
  var reverseModel: String?

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Text in the target language, a sentence in each line, plain or compressed; standard input without it.",
      valueName: "file"))
  var text: [String] = []

  @Option(help: ArgumentHelp("The file of pairs to write.", valueName: "file"))
  var output: String

  @Option(help: "Hypotheses kept at each step; 1 is greedy search. Default 5.")
  var beam: Int?

  @OptionGroup var sampling: SamplingOptions

  @Option(help: ArgumentHelp("Read at most so many lines.", valueName: "n"))
  var limit: Int?

  @Option(
    help: ArgumentHelp(
      "Leave out pairs one side of which has more than so many times the tokens of the other. Default 3.",
      valueName: "x"))
  var lengthRatio: Double?

  @OptionGroup(title: "A discriminator") var discrimination: DiscriminationOptions

  @OptionGroup var settings: ConfigurationOptions

  @Flag(help: "Continue an output that an earlier call has not finished; begin it if there is none.")
  var resume = false

  @OptionGroup var compute: ComputeOptions

  private var outputFile: URL { URL(fileURLWithPath: output) }

  mutating func validate() throws {
    guard beam.map({ (1...100).contains($0) }) ?? true else {
      throw ValidationError("--beam is \(beam ?? 0); choose 1 to 100")
    }
    guard !sampling.sample || beam == nil else {
      throw ValidationError("--sample draws translations in place of beam search; leave out --beam")
    }
    guard limit.map({ $0 > 0 }) ?? true else {
      throw ValidationError("--limit is \(limit ?? 0); choose 1 or more")
    }
    guard lengthRatio.map({ (1...1000).contains($0) }) ?? true else {
      throw ValidationError("--length-ratio is \(lengthRatio ?? 0); choose 1 to 1000")
    }
    guard (reverseModel == nil) != (discrimination.discriminate == nil) else {
      throw ValidationError(
        "give --reverse-model FOLDER to make pairs, or --discriminate FILE to choose among pairs that there are"
      )
    }
    if discrimination.discriminate == nil {
      guard settings.config == nil, settings.overrides.isEmpty else {
        throw ValidationError("--config and --set are settings of the classifiers of --discriminate")
      }
    } else {
      guard text.isEmpty, beam == nil, !sampling.sample, limit == nil, lengthRatio == nil else {
        throw ValidationError(
          "--discriminate reads pairs; leave out --text, --beam, --sample, --limit and --length-ratio")
      }
    }
  }

  mutating func execute() throws {
    try compute.configuration.validate()
    let progress = ProgressLine(quiet: common.quiet)
    guard let reverseModel else {
      return try discrimination.run(
        settings.load(LabelConfiguration.self, options: compute.overrides), output: outputFile,
        resumes: resume,
        progress: progress)
    }
    let files = text.map { URL(fileURLWithPath: $0) }
    for file in files where !FileManager.default.fileExists(atPath: file.path) {
      throw FileError.missing(path: file.path)
    }
    let folder = try RunFolder.model(at: URL(fileURLWithPath: reverseModel)) { progress.warning("\($0)") }
    let search = BeamConfiguration(beamSize: beam ?? 5, sampling: sampling.sampling)
    let translator = try Translator(folder, precision: compute.precision.elementType, beam: search)
    let (model, tokenizer) = (translator.model, translator.tokenizer)
    let ratio = lengthRatio ?? 3
    let settings = SyntheticManifest.Settings(
      model: try ModelArchive.weightsDigest(folder), tokenizer: tokenizer.digest,
      precision: "\(model.store.precision)", beam: search.sampling == nil ? search.beamSize : nil,
      sampling: search.sampling, lengthRatio: ratio, limit: limit)
    var lines = TextLines(files, limit: limit)
    if let finished = try SyntheticFile.finished(
      outputFile, settings: settings, resumes: resume, text: { try lines.digest() })
    {
      progress.line("\(output): an earlier call has finished it")
      return try report(finished, seconds: nil)
    }
    try BackTranslation.checkDirection(
      lines.peek(BackTranslation.partSize), metadata: translator.metadata, path: reverseModel)
    let file = try SyntheticFile(outputFile, settings: settings, resumes: resume)
    let filter = PairFilter(
      tokenizer, positionCount: model.configuration.positionCount, lengthRatio: ratio)
    let translation = BackTranslation(translator, filter: filter, modelPath: folder.path)
    let tapes = WorkerGroup(count: compute.workers).tapes(for: model.store)
    try write(file, translation, lines, tapes, progress)
  }

  /// Translates the text from where an earlier call ended.
  private func write(
    _ file: SyntheticFile, _ translation: BackTranslation, _ lines: TextLines, _ tapes: [Tape],
    _ progress: ProgressLine
  ) throws {
    var (translation, lines) = (translation, lines)
    let interruption = Interruption()
    if file.isRestarted {
      progress.warning("\(output).partial: is not as an earlier call wrote it; all lines are translated anew")
    }
    var left = file.counts.lines
    while left > 0 {
      let part = try lines.next(min(left, BackTranslation.partSize))
      guard !part.isEmpty else { break }
      file.skip(part)
      left -= part.count
    }
    try file.checkSkipped()
    try file.visitSources { translation.insert(source: $0) }
    let earlier = file.counts.lines
    if earlier > 0 { progress.line("going on after \(Figure.count(earlier)) lines") }

    let start = Date()
    while !interruption.isRequested {
      let part = try lines.next(BackTranslation.partSize)
      guard !part.isEmpty else {
        if lines.repairedLines > 0 {
          progress.warning(
            "\(Figure.count(lines.repairedLines)) lines were not valid UTF-8; invalid bytes were read as U+FFFD"
          )
        }
        progress.clear()
        let manifest = try file.finish()
        if let warning = BackTranslation.warning(manifest.counts, path: reverseModel ?? "") {
          progress.warning(warning)
        }
        return try report(manifest, seconds: (Date().timeIntervalSince(start), earlier))
      }
      try file.append(part, translation.rows(part, firstNumber: file.counts.lines, tapes: tapes))
      let rate = Double(file.counts.lines - earlier) / max(Date().timeIntervalSince(start), 1e-9)
      progress.update(
        "\(Figure.count(file.counts.lines)) lines  \(Figure.count(file.counts.pairs)) pairs  "
          + "\(Figure.decimal(rate, 1)) lines/s")
    }
    progress.line("\(output): stopped after \(Figure.count(file.counts.lines)) lines; continue with --resume")
    throw interruption.exitCode
  }

  /// - Parameter seconds: the time of this call, and the lines before it; nil if it translated nothing.
  private func report(_ manifest: SyntheticManifest, seconds: (Double, Int)?) throws {
    let counts = manifest.counts
    var table = Table()
    table.add("lines", Figure.count(counts.lines))
    table.add("pairs", Figure.count(counts.pairs))
    for fault in PairFault.allCases where counts[fault] > 0 {
      table.add("left out, \(fault.description)", Figure.count(counts[fault]))
    }
    if counts.pairs > 0 {
      table.add("mean score", Figure.decimal(counts.scores / Double(counts.pairs), 4) + " nats a token")
    }
    if let (seconds, earlier) = seconds, counts.lines > earlier {
      table.add("time", Figure.duration(seconds))
      table.add("lines/s", Figure.decimal(Double(counts.lines - earlier) / max(seconds, 1e-9), 1))
    }
    table.add("reverse model", manifest.settings.model.short)
    table.add("output", output)
    try StandardOutput.writeLine(table.text)
  }
}
