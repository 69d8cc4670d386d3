import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeTraining
import Foundation

@main
struct Evaluate: Tool {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Score a pretrained model on masked tokens, or a fine-tuned one on translations.",
    discussion: """
      The masks are frozen: a function of the text, the seed and the scheme alone. A score stands beside its bootstrap \
      95 % interval, the unigram baseline and a signature; scores of equal signatures are comparable.

      --data scores on a split of a data folder that tokenize wrote, --text on any text. --fill prints the likeliest \
      tokens at each [MASK] of a sentence. --translation translates the sources of source<TAB>target lines with a model \
      that finetune wrote, and compares the translations with the targets: BLEU and chrF by sacreBLEU's definitions.

      Examples:
        evaluate --model checkpoints/small --data corpora/shards
        evaluate --model checkpoints/small --fill '我爱 [MASK] 。'
      """)

  @OptionGroup var common: CommonOptions

  @Option(help: ArgumentHelp("A model folder, or the run folder that holds it.", valueName: "folder"))
  var model: String

  @Option(help: ArgumentHelp("Score on a data folder, as tokenize writes it.", valueName: "folder"))
  var data: String?

  @Option(help: "The part of the data folder to score on: train or validation.")
  var split = Split.validation

  @Option(
    help: ArgumentHelp("Score on a text: plain or JSON lines, which may be compressed.", valueName: "file"))
  var text: String?

  @Option(
    help: ArgumentHelp(
      "With --text: write the logits of its documents, 8 at most, to a safetensors file and score nothing. In float32.",
      valueName: "file"))
  var dumpLogits: String?

  @Option(help: ArgumentHelp("Fill in each [MASK] of a sentence.", valueName: "sentence"))
  var fill: String?

  @Option(help: ArgumentHelp("With --fill: the number of tokens to print.", valueName: "k"))
  var topK = 5

  @Option(help: ArgumentHelp("Score translations of labelled pairs.", valueName: "tsv"))
  var translation: String?

  @OptionGroup(title: "The text, with --text") var textOptions: TextOptions

  @OptionGroup(title: "Search, with --translation") var search: SearchOptions

  @OptionGroup(title: "Masks, with --data and --text") var questions: SchemeOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  @Option(help: "Threads; 0 for one a core.")
  var workers = 0

  @Option(help: "Arithmetic: automatic, float32 or bfloat16.")
  var precision = ComputeConfiguration.Precision.automatic

  mutating func validate() throws {
    let modes = [("--data", data), ("--text", text), ("--fill", fill), ("--translation", translation)]
    let given = modes.filter { $0.1 != nil }.map(\.0)
    guard given.count == 1 else {
      throw ValidationError(
        given.isEmpty
          ? "nothing to evaluate on; give one of \(modes.map(\.0).joined(separator: ", "))"
          : "\(given.joined(separator: " and ")) are given; choose one of them")
    }
    guard dumpLogits == nil || text != nil else {
      throw ValidationError("--dump-logits needs a text; add --text FILE")
    }
    guard (1...1000).contains(topK) else { throw ValidationError("--top-k is \(topK); choose 1 to 1000") }
    guard (0...1024).contains(workers) else {
      throw ValidationError("--workers is \(workers); choose 0 to 1024")
    }
  }

  mutating func execute() throws {
    var compute = ComputeConfiguration()
    compute.precision = precision
    try compute.validate()
    let folder = try RunFolder.model(at: URL(fileURLWithPath: model)) { Console.warning("\($0)") }
    if let translation {
      let scoring = try TranslationScoring(model: folder, precision: precision, search: search)
      let result = try scoring.score(URL(fileURLWithPath: translation), workers: workers)
      for warning in result.warnings { Console.warning(warning) }
      return try StandardOutput.writeLine(json ? result.json() : result.text)
    }
    let pretrained = try PretrainedModel(folder, precision: dumpLogits == nil ? precision : .float32)
    if let fill {
      let blanks = try MaskFilling(pretrained).fill(fill, count: topK)
      let result = FillingResult(model: folder, sentence: fill, blanks: blanks)
      return try StandardOutput.writeLine(json ? result.json() : result.text)
    }
    if let data { return try score(pretrained, questions: shardQuestions(data, pretrained), on: data) }
    if let text {
      let encoded = try encodedText(text, pretrained)
      if let dumpLogits { return try dump(pretrained, encoded, source: text, to: dumpLogits) }
      try score(pretrained, questions: textQuestions(encoded, pretrained), on: text)
    }
  }

  /// Windows of a split, which must be made with the model's tokenizer.
  private func shardQuestions(_ folder: String, _ pretrained: PretrainedModel) throws -> MaskedQuestions {
    let dataset = try TokenDataset(folder: URL(fileURLWithPath: folder), split: split)
    try pretrained.check(dataset)
    return try MaskedQuestions(
      dataset, scheme: questions.scheme(for: pretrained), vocabulary: pretrained.tokenizer.vocabulary)
  }

  private func encodedText(_ path: String, _ pretrained: PretrainedModel) throws -> EncodedText {
    try EncodedText(CorpusInputs([path]), format: textOptions.format(), tokenizer: pretrained.tokenizer)
  }

  private func textQuestions(_ text: EncodedText, _ pretrained: PretrainedModel) throws -> MaskedQuestions {
    try MaskedQuestions(
      text, scheme: questions.scheme(for: pretrained), vocabulary: pretrained.tokenizer.vocabulary)
  }

  private func score(_ pretrained: PretrainedModel, questions: MaskedQuestions, on source: String) throws {
    let progress = EvaluationProgress(
      windowCount: self.questions.windowCount(of: questions.windowCount), quiet: common.quiet)
    let report = try questions.evaluation(windowCount: progress.windowCount)
      .run(pretrained.model, workers: workers) { progress.finished(windows: $0) }
    progress.end()
    guard report.all.count > 0 else { throw EvaluationError.nothingToPredict(text: source) }
    for warning in report.warnings { Console.warning(warning) }
    let result = MaskedResult(
      model: pretrained.folder, precision: "\(pretrained.model.store.precision)", scheme: questions.scheme,
      report: report,
      signature: questions.signature(tokenizer: pretrained.tokenizer.digest, count: report.all.count))
    try StandardOutput.writeLine(json ? result.json() : result.text)
  }

  private func dump(_ pretrained: PretrainedModel, _ text: EncodedText, source: String, to path: String)
    throws
  {
    let file = try LogitsFile(
      pretrained, text: text, source: source, longestRow: pretrained.windowLength(questions.windowLength))
    try file.write(to: URL(fileURLWithPath: path))
    try StandardOutput.writeLine(
      "\(path): logits [\(file.rowCount), \(file.rowLength), \(file.vocabularySize)]")
  }
}
