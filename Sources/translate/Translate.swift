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
      found. An empty line stays an empty line. --sample draws a translation for each line instead of searching for the \
      best one; the draws follow from --seed and the number of the line, so a second call gives the same.

      Example:
        echo 我爱你。 | translate --model checkpoints/zh-en
      """)

  @OptionGroup var common: CommonOptions

  @Option(
    help: ArgumentHelp("A fine-tuned model folder, or the run folder that holds it.", valueName: "folder"))
  var model: String

  @OptionGroup var decoding: DecodingOptions

  @Option(
    name: .customLong("n-best"),
    help: "Print the best N translations of each line as index<TAB>score<TAB>text; at most the beam.")
  var nBest: Int?

  @OptionGroup var compute: ComputeOptions

  mutating func validate() throws {
    let most = decoding.configuration.sampling == nil ? decoding.configuration.beamSize : 1
    guard nBest.map({ (1...most).contains($0) }) ?? true else {
      let limit = decoding.configuration.sampling == nil ? "to --beam, which is \(most)" : "with --sample"
      throw ValidationError("--n-best is \(nBest ?? 0); choose 1 \(limit)")
    }
  }

  mutating func execute() throws {
    try compute.configuration.validate()
    let progress = ProgressLine(quiet: common.quiet)
    let folder = try RunFolder.model(at: URL(fileURLWithPath: model)) { progress.warning("\($0)") }
    let translator = try Translator(
      folder, precision: compute.precision.elementType, beam: decoding.configuration)
    let group = WorkerGroup(count: compute.workers)
    let tapes = group.tapes(for: translator.model.store)

    var input = InputLines()
    var unknown = UnknownLines(translator.tokenizer)
    var (lineNumber, isFinite) = (0, true)
    while let lines = try input.next(limit: 512 * group.count) {
      let translations = try translator.translate(lines, firstNumber: lineNumber, tapes: tapes) {
        index, problem in
        progress.warning("line \(lineNumber + index + 1): \(problem.description)")
        if problem == .notFinite { isFinite = false }
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
    guard isFinite else { throw EvaluationError.notFinite }
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
