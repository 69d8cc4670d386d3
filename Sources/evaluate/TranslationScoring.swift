import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeModel
import ClozeText
import ClozeTraining
import Foundation

/// How translations are searched for.
struct SearchOptions: ParsableArguments {
  @Option(help: "Hypotheses kept at each step; 1 is greedy search.")
  var beam = 5

  @Option(help: "The exponent on the length in a hypothesis's score; 0 prefers short translations.")
  var lengthPenalty = 1.0

  @Option(
    help: ArgumentHelp(
      "How BLEU cuts sentences into words: 13a, or zh, each Chinese character a word; zh where the targets are Chinese.",
      valueName: "name"))
  var metricTokenizer: MetricTokenizer?

  mutating func validate() throws {
    guard (1...100).contains(beam) else { throw ValidationError("--beam is \(beam); choose 1 to 100") }
    guard lengthPenalty >= 0, lengthPenalty.isFinite else {
      throw ValidationError("--length-penalty is \(lengthPenalty); choose 0 or more")
    }
  }

  var beamConfiguration: BeamConfiguration { BeamConfiguration(beamSize: beam, lengthPenalty: lengthPenalty) }
}

/// The work of `--translation`: translates the sources of labelled pairs and compares with the targets.
struct TranslationScoring {
  private let folder: URL
  private let model: TranslationModel
  private let tokenizer: Tokenizer
  private let beam: BeamConfiguration
  private let metricTokenizer: MetricTokenizer?

  init(model folder: URL, precision: ComputeConfiguration.Precision, search: SearchOptions) throws {
    var compute = ComputeConfiguration()
    compute.precision = precision
    let (model, metadata) = try ModelArchive.loadTranslationModel(folder, precision: compute.elementType)
    self.folder = folder
    self.model = model
    beam = search.beamConfiguration
    metricTokenizer = search.metricTokenizer
    tokenizer = try Tokenizer(
      besideModel: folder, vocabularySize: model.configuration.vocabularySize, metadata: metadata)
  }

  func score(_ file: URL, workers: Int) throws -> TranslationResult {
    let pairs = try TranslationPairs.read(file)
    let report = try TranslationEvaluation(pairs, metricTokenizer: metricTokenizer).run(
      Translator(model, tokenizer: tokenizer, beam: beam),
      tapes: WorkerGroup(count: workers).tapes(for: model.store))
    return TranslationResult(
      unknown: UnknownPairs(pairs, tokenizer), model: folder, precision: "\(model.store.precision)",
      pairs: pairs.count,
      data: Digest(of: try Data(file: file)), beam: beam, report: report)
  }
}

/// The outcome of `--translation`, as a person and as a program reads it.
struct TranslationResult {
  let unknown: UnknownPairs
  let model: URL
  let precision: String
  let pairs: Int
  let data: Digest
  let beam: BeamConfiguration
  let report: TranslationEvaluation.Report

  var warnings: [String] { report.warnings + unknown.warnings(of: "test") }

  var text: String {
    var table = Table()
    table.add("BLEU", Figure.decimal(report.bleu.value, 2))
    table.add("chrF", Figure.decimal(report.chrF.value, 2))
    table.add("chrF++", Figure.decimal(report.chrFPlusPlus.value, 2))
    table.add("pairs", "\(Figure.count(pairs)), \(data.short)")
    table.add(
      "search",
      beam.beamSize == 1 ? "greedy" : "beam of \(beam.beamSize), length penalty \(beam.lengthPenalty)")
    table.add("model", "\(model.path), \(precision)")
    return table.text + "\nBLEU|\(report.bleu.signature)\nchrF|\(report.chrF.signature)"
      + "\nchrF++|\(report.chrFPlusPlus.signature)"
  }

  func json() throws -> String {
    try JSONText.encode(
      JSON(
        model: model.path, precision: precision, pairs: pairs, data: data.hex, beamSize: beam.beamSize,
        lengthPenalty: beam.lengthPenalty, bleu: JSON.Score(report.bleu), chrF: JSON.Score(report.chrF),
        chrFPlusPlus: JSON.Score(report.chrFPlusPlus), diversity: report.diversity,
        hypotheses: report.hypotheses, warnings: warnings))
  }
}

/// The keys of `--json`. They stay: programs read them.
private struct JSON: Encodable {
  struct Score: Encodable {
    let value: Double
    let signature: String

    init(_ score: MetricScore) {
      value = score.value
      signature = score.signature
    }
  }

  let model: String
  let precision: String
  let pairs: Int
  let data: String
  let beamSize: Int
  let lengthPenalty: Double
  let bleu: Score
  let chrF: Score
  let chrFPlusPlus: Score
  let diversity: Double
  let hypotheses: [String]
  let warnings: [String]
}

extension MetricTokenizer: ExpressibleByArgument {}
