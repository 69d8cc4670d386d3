import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeText
import Foundation

@main
struct Evaluate: Tool {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Score a pretrained model on masked tokens, or a fine-tuned one on translations or labels.",
    discussion: """
      The masks are frozen: a function of the text, the seed and the scheme alone. Each score is printed with its \
      bootstrap 95 % interval, the unigram baseline and a signature; scores with equal signatures are comparable.

      --data scores on a split of a data folder that tokenize wrote, --text on any text. --fill prints the likeliest \
      tokens at each [MASK] of a sentence. --translation translates the sources of source<TAB>target lines with a \
      model of finetune, and compares the translations with the targets: BLEU, chrF, chrF++ and TER by sacreBLEU's \
      definitions; --against tests whether another translator differs from it by more than chance. \
      --classification and --tagging label texts or words with a model of that task, and compare with their true \
      labels: accuracy and macro F1 by scikit-learn's definitions, F1 of entities by seqeval's.

      Examples:
        evaluate --model checkpoints/small --data corpora/shards
        evaluate --model checkpoints/small --fill '我爱 [MASK] 。'
        evaluate --model checkpoints/zh-en --translation pairs.tsv --against checkpoints/scratch
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

  @OptionGroup(title: "Labelled rows") var rows: RowOptions

  @OptionGroup(title: "The text, with --text") var textOptions: DocumentOptions

  @OptionGroup(title: "Search, with --translation") var search: SearchOptions

  @OptionGroup(title: "Masks, with --data and --text") var questions: SchemeOptions

  @Flag(help: "Print one JSON object.")
  var json = false

  @OptionGroup var compute: ComputeOptions

  mutating func validate() throws {
    let modes = [("--data", data), ("--text", text), ("--fill", fill)] + rows.modes
    let given = modes.filter { $0.1 != nil }.map(\.0)
    guard given.count == 1 else {
      throw ValidationError(
        given.isEmpty
          ? "nothing to evaluate on; give one of \(modes.map(\.0).joined(separator: ", "))"
          : "\(given.joined(separator: " and ")) are given; choose one of them")
    }
    guard !rows.skipBadRows || rows.pairs != nil || rows.labels != nil || text != nil else {
      throw ValidationError(
        "--skip-bad-rows is for --translation, --classification, --tagging and --text; add one of them")
    }
    guard dumpLogits == nil || text != nil else {
      throw ValidationError("--dump-logits needs a text; add --text FILE")
    }
    try refuseOptionsOfOtherModes()
    guard (1...1000).contains(topK) else { throw ValidationError("--top-k is \(topK); choose 1 to 1000") }
  }

  private func refuseOptionsOfOtherModes() throws {
    let given = GivenOptions()
    if fill == nil { try given.refuse(["--top-k"], "for --fill") }
    if data == nil { try given.refuse(["--split"], "for --data") }
    if text == nil { try given.refuse(DocumentOptions.names, "for --text") }
    if data == nil, text == nil {
      let masks: Set = ["--seed", "--windows", "--window-length", "--strategy", "--selection-rate"]
      try given.refuse(masks, "for --data and --text")
    }
    if rows.pairs == nil {
      let search: Set = ["--beam", "--length-penalty", "--minimum-length", "--metric-tokenizer"]
      try given.refuse(search, "for --translation")
    }
  }

  mutating func execute() throws {
    try compute.configuration.validate()
    let folder = try RunFolder.model(at: URL(fileURLWithPath: model)) { Console.warning("\($0)") }
    if try scoreRows(folder) { return }
    let pretrained = try PretrainedModel(folder, precision: dumpLogits == nil ? compute.precision : .float32)
    for warning in pretrained.warnings { Console.warning(warning) }
    if let fill {
      warn(
        of: UnknownText(TextLoss([fill], pretrained.tokenizer, specials: .recognized), pretrained.tokenizer),
        in: "--fill")
      let blanks = try MaskFilling(pretrained).fill(fill, count: topK)
      let result = FillingResult(model: folder, sentence: fill, blanks: blanks)
      return try StandardOutput.writeLine(json ? result.json() : result.text)
    }
    if let data {
      let dataset = try TokenDataset(folder: URL(fileURLWithPath: data), split: split)
      return try score(
        pretrained, questions: shardQuestions(dataset, pretrained), on: data,
        unknownText: dataset.index.unknownText)
    }
    if let text {
      let encoded = try encodedText(text, pretrained)
      if let dumpLogits {
        try FileError.refuseExisting(dumpLogits)
        warn(of: encoded.unknownText, in: text)
        return try dump(pretrained, encoded, source: text, to: dumpLogits)
      }
      try score(
        pretrained, questions: textQuestions(encoded, pretrained), on: text, unknownText: encoded.unknownText)
    }
  }

  /// - Returns: whether labelled rows were named and scored.
  private func scoreRows(_ folder: URL) throws -> Bool {
    if let input = rows.pairs {
      let result = try scoreTranslations(
        TranslationPairs(input, skipsBadRows: rows.skipBadRows), folder)
      for warning in result.warnings { Console.warning(warning) }
      try StandardOutput.writeLine(json ? result.json() : result.text)
      guard result.isFinite else { throw EvaluationError.notFinite }
      return true
    }
    guard let (kind, url) = rows.labels else { return false }
    let file = try LabelledFile(kind, url, skipsBadRows: rows.skipBadRows)
    let result = try LabelResult(
      of: Labeller(folder, kind: kind, precision: compute.precision), on: file, workers: compute.workers,
      isStrict: rows.strict)
    for warning in result.warnings { Console.warning(warning) }
    try StandardOutput.writeLine(json ? result.json() : result.text)
    guard result.isFinite else { throw EvaluationError.notFinite }
    return true
  }

  private func scoreTranslations(_ file: TranslationPairs, _ folder: URL) throws -> TranslationResult {
    let scoring = try TranslationScoring(model: folder, precision: compute.precision, search: search)
    // Everything about the other system is checked before the first sentence is translated.
    let other = try rows.against.map {
      try OtherSystem(at: $0, file, comparedWith: folder, precision: compute.precision, search: search)
    }
    let workers = WorkerGroup(count: compute.workers)
    let translated = try scoring.translate(file, workers: workers, isStrict: rows.strict)
    return TranslationResult(
      file, beam: scoring.beam, metricTokenizer: search.metricTokenizer, system: translated,
      against: try other?.translations(of: file, workers: workers, isStrict: rows.strict), workers: workers)
  }

  /// The windows of a split, which must have the model's tokenizer.
  private func shardQuestions(_ dataset: TokenDataset, _ pretrained: PretrainedModel) throws
    -> MaskedQuestions
  {
    try pretrained.check(dataset)
    return try MaskedQuestions(
      dataset, scheme: questions.scheme(for: pretrained), vocabulary: pretrained.tokenizer.vocabulary)
  }

  private func warn(of unknownText: UnknownText, in source: String) {
    guard unknownText.isWorthAWarning else { return }
    Console.warning("\(source): \(unknownText.description); \(unknownText.adviceForModel)")
  }

  private func encodedText(_ path: String, _ pretrained: PretrainedModel) throws -> EncodedText {
    var format = try textOptions.format()
    format.skipsBadRows = rows.skipBadRows
    let text = try EncodedText(CorpusInputs([path]), format: format, tokenizer: pretrained.tokenizer)
    if let skipped = text.skippedRowsText { Console.warning(skipped) }
    return text
  }

  private func textQuestions(_ text: EncodedText, _ pretrained: PretrainedModel) throws -> MaskedQuestions {
    try MaskedQuestions(
      text, scheme: questions.scheme(for: pretrained), vocabulary: pretrained.tokenizer.vocabulary)
  }

  private func score(
    _ pretrained: PretrainedModel, questions: MaskedQuestions, on source: String, unknownText: UnknownText?
  ) throws {
    if let unknownText { warn(of: unknownText, in: source) }
    let progress = EvaluationProgress(
      windowCount: self.questions.windowCount(of: questions.windowCount), quiet: common.quiet)
    let report = try questions.evaluation(windows: progress.windowCount)
      .run(pretrained.model, workers: compute.workers) { progress.finished(windows: $0) }
    progress.end()
    guard report.all.count > 0 else { throw EvaluationError.nothingToPredict(text: source) }
    for warning in report.warnings { Console.warning(warning) }
    let precision = "\(pretrained.model.store.precision)"
    let result = MaskedResult(
      model: pretrained.folder, precision: precision, scheme: questions.scheme, report: report,
      signature: questions.signature(
        tokenizer: pretrained.tokenizer.digest, precision: precision, report: report),
      unknownText: unknownText)
    try StandardOutput.writeLine(json ? result.json() : result.text)
    guard report.all.loss.isFinite else { throw EvaluationError.notFinite }
  }

  private func dump(_ pretrained: PretrainedModel, _ text: EncodedText, source: String, to path: String)
    throws
  {
    let file = try LogitsFile(
      pretrained, text: text, source: source, longestRow: pretrained.windowLength(questions.windowLength))
    try file.write(to: URL(fileURLWithPath: path))
    if file.cutCount > 0 {
      Console.warning(
        "\(source): \(file.cutCount) of \(file.rowCount) documents are longer than \(file.rowLength) tokens and were cut"
      )
    }
    try StandardOutput.writeLine(
      "\(path): logits [\(file.rowCount), \(file.rowLength), \(file.vocabularySize)]")
  }
}
