import ArgumentParser
import ClozeCLI
import ClozeCompute
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeText
import Foundation

@main
struct Translate: Tool {
  static let configuration = CommandConfiguration(
    commandName: "translate",
    abstract: "Translate lines with a fine-tuned model.",
    discussion: """
      Reads lines from standard input and writes their translations to standard output, in order, as soon as they are \
      found. An empty line stays an empty line.

      Example:
        echo 我爱你。 | translate --model checkpoints/zh-en
      """)

  @OptionGroup var common: CommonOptions

  @Option(
    help: ArgumentHelp("A fine-tuned model folder, or the run folder that holds it.", valueName: "folder"))
  var model: String

  @Option(help: "Hypotheses kept at each step; 1 is greedy search.")
  var beam = 5

  @Option(help: "The exponent on the length in a hypothesis's score; 0 prefers short translations.")
  var lengthPenalty = 1.0

  @Option(help: "Tokens that a translation has at least; 0 allows empty ones.")
  var minimumLength = 1

  @Option(
    name: .customLong("n-best"),
    help: "Print the best N translations of each line as index<TAB>score<TAB>text; at most the beam.")
  var nBest: Int?

  @OptionGroup var compute: ComputeOptions

  mutating func validate() throws {
    guard (1...100).contains(beam) else { throw ValidationError("--beam is \(beam); choose 1 to 100") }
    guard lengthPenalty >= 0, lengthPenalty.isFinite else {
      throw ValidationError("--length-penalty is \(lengthPenalty); choose 0 or more")
    }
    guard (0...1000).contains(minimumLength) else {
      throw ValidationError("--minimum-length is \(minimumLength); choose 0 to 1000")
    }
    guard nBest.map({ (1...beam).contains($0) }) ?? true else {
      throw ValidationError("--n-best is \(nBest ?? 0); choose 1 to --beam, which is \(beam)")
    }
  }

  mutating func execute() throws {
    try compute.configuration.validate()
    let progress = ProgressLine(quiet: common.quiet)
    let folder = try RunFolder.model(at: URL(fileURLWithPath: model)) { progress.warning("\($0)") }
    let (translation, metadata) = try ModelArchive.loadTranslationModel(
      folder, precision: compute.precision.elementType)
    let tokenizer = try Tokenizer(
      besideModel: folder, vocabularySize: translation.configuration.vocabularySize, metadata: metadata)
    let translator = Translator(
      translation, tokenizer: tokenizer,
      beam: BeamConfiguration(
        beamSize: beam, lengthPenalty: lengthPenalty, minimumLength: minimumLength))
    let group = WorkerGroup(count: compute.workers)
    let tapes = group.tapes(for: translation.store)

    var input = InputLines()
    var unknown = UnknownLines(tokenizer)
    var lineNumber = 0
    while let lines = try input.next(limit: 512 * group.count) {
      let translations = try translator.translate(lines, tapes: tapes) { index, problem in
        progress.warning("line \(lineNumber + index + 1): \(problem.description)")
      }
      unknown.check(lines, firstNumber: lineNumber + 1) { progress.warning($0) }
      try write(translations, from: lineNumber)
      lineNumber += lines.count
      if !common.quiet { progress.update("\(Figure.count(lineNumber)) lines") }
    }
    progress.clear()
    if let summary = unknown.summary { progress.warning(summary) }
    if input.repairedLines > 0 {
      progress.warning(
        "\(Figure.count(input.repairedLines)) lines were not valid UTF-8; invalid bytes were read as U+FFFD")
    }
  }

  private func write(_ translations: [[Translation]], from firstLine: Int) throws {
    var output = ""
    for (index, hypotheses) in translations.enumerated() {
      if let nBest {
        for hypothesis in hypotheses.prefix(nBest) {
          output += "\(firstLine + index)\t\(Figure.decimal(hypothesis.score, 4))\t\(hypothesis.text)\n"
        }
      } else {
        output += (hypotheses.first?.text ?? "") + "\n"
      }
    }
    try StandardOutput.write(output)
  }
}

extension TranslationProblem: CustomStringConvertible {
  package var description: String {
    switch self {
    case .cut: "is longer than the model's positions and was cut"
    case .notFinite:
      "the model gives numbers that are not finite, so its translation is empty; the weights are damaged"
    }
  }
}
