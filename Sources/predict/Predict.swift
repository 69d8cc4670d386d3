import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeText
import Foundation

@main
struct Predict: Tool {
  static let configuration = CommandConfiguration(
    commandName: "predict",
    abstract: "Label texts, or words, with a fine-tuned model.",
    discussion: """
      Reads lines from standard input or a file and writes labels with their probabilities to standard output, in \
      order, as soon as they are found. An empty line stays an empty line, but for --conll, where several are one, and --json, where it \
      is an object without texts. A classifier reads a text in each line, or \
      text<TAB>text, and writes label<TAB>probability<TAB>text. A tagger reads a sentence in each line, with spaces \
      between words, or with --conll a word in each line. It writes word<TAB>label<TAB>probability, and an empty line \
      after each sentence.

      Examples:
        echo 'What a day!' | predict --model checkpoints/topics
        predict --model checkpoints/names --conll --input test.conll
      """)

  @OptionGroup var common: CommonOptions

  @Option(
    help: ArgumentHelp(
      "A folder that finetune wrote with --task classification or tagging, or a run folder.",
      valueName: "folder"))
  var model: String

  @Option(help: ArgumentHelp("The text to label; the default is standard input.", valueName: "file"))
  var input: String?

  @Flag(
    help:
      "For a tagger: the first column of each line is a word, and an empty line or a -DOCSTART- line ends a sentence; other columns are left out."
  )
  var conll = false

  @Option(
    help: ArgumentHelp(
      "Labels to print, the likeliest first, each with its probability; 0 for all.", valueName: "k"))
  var topK = 1

  @Flag(
    help:
      "Leave out lines that cannot be used, with an empty line in their place unless there is --conll, and count them."
  )
  var skipBadRows = false

  @Flag(help: "Print JSON lines, one object for each text or sentence.")
  var json = false

  @OptionGroup var compute: ComputeOptions

  mutating func validate() throws {
    guard (0...1 << 20).contains(topK) else {
      throw ValidationError("--top-k is \(topK); choose 0 (all) or more")
    }
  }

  mutating func execute() throws {
    try compute.configuration.validate()
    let progress = ProgressLine(quiet: common.quiet)
    let folder = try RunFolder.model(at: URL(fileURLWithPath: model)) { progress.warning("\($0)") }
    let labeller = try Labeller(folder, kind: nil, precision: compute.precision)
    guard labeller.kind == .tagging || !conll else {
      throw ValidationError("--conll is for a tagger, and \(folder.path) classifies texts; leave it out")
    }
    let group = WorkerGroup(count: compute.workers)
    let tapes = group.tapes(for: labeller.model.store)
    let format = LabelFormat(labels: labeller.model.labels, kind: labeller.kind, topK: topK, isJSON: json)
    var lines = InputLines(input.map { URL(fileURLWithPath: $0) })
    var reader = SampleReader(labeller, readsColumns: conll, skipsBadRows: skipBadRows)
    var unknown = UnknownLines(labeller.tokenizer)
    var isAtEnd = false
    while !isAtEnd {
      let next = try lines.next(limit: 512 * group.count)
      isAtEnd = next == nil
      let firstNumber = reader.lineCount + 1
      // The samples before a bad line are labelled first.
      let batch = reader.read(next ?? [], isAtEnd: isAtEnd) { progress.warning($0) }
      unknown.check(conll ? batch.words : next ?? [], firstNumber: firstNumber) { progress.warning($0) }
      let labelled = try labeller.label(batch.samples.compactMap(\.sample), tapes: tapes)
      try write(batch.samples, labelled, format, folder) { progress.warning($0) }
      if let error = batch.error { throw error }
      if !common.quiet { progress.update("\(Figure.count(reader.lineCount)) lines") }
    }
    progress.clear()
    if let summary = unknown.summary { progress.warning(summary) }
    for warning in reader.summaries { progress.warning(warning) }
    if lines.repairedLines > 0 {
      progress.warning(
        "\(Figure.count(lines.repairedLines)) lines were not valid UTF-8; what was wrong reads as U+FFFD")
    }
  }

  private func write(
    _ samples: [SampleReader.Item], _ labelled: [Labeller.Labelling], _ format: LabelFormat, _ folder: URL,
    warn: (String) -> Void
  ) throws {
    var output = ""
    var next = labelled.startIndex
    for item in samples {
      guard let sample = item.sample else {
        output += format.empty
        continue
      }
      let labelling = labelled[next]
      next += 1
      guard labelling.isFinite else { throw PredictError.notFinite(model: folder.path) }
      if labelling.isCut { warn("line \(item.line): is longer than the model reads and was cut") }
      output += format.text(sample, labelling.probabilities)
    }
    try StandardOutput.write(output)
  }
}

/// Text that cannot be labelled.
enum PredictError: Failure {
  case tooManyTabs(line: Int)
  case noWord(line: Int)
  case notFinite(model: String)

  var exitStatus: ExitStatus { .data }

  var description: String {
    switch self {
    case .tooManyTabs(let line):
      "line \(line): has more than one tab; write a text a line, or text<TAB>text, or leave such lines out with "
        + "--skip-bad-rows"
    case .noWord(let line):
      "line \(line): its first column, the word, is empty; write a word in each line, and an empty line after each sentence"
    case .notFinite(let model):
      "\(model): gives numbers that are not finite; its weights are damaged, use another model"
    }
  }
}
