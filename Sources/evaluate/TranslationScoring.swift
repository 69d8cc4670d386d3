import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeText
import Foundation

/// The options of the search.
struct SearchOptions: ParsableArguments {
  @Option(help: "Hypotheses kept at each step; 1 is greedy search.")
  var beam = 5

  @Option(help: "The exponent on the length in a hypothesis's score; 0 prefers short translations.")
  var lengthPenalty = 1.0

  @Option(help: "Tokens that a translation has at least; 0 allows empty ones.")
  var minimumLength = 1

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
    guard (0...1000).contains(minimumLength) else {
      throw ValidationError("--minimum-length is \(minimumLength); choose 0 to 1000")
    }
  }

  var beamConfiguration: BeamConfiguration {
    BeamConfiguration(beamSize: beam, lengthPenalty: lengthPenalty, minimumLength: minimumLength)
  }
}

/// Runs `--translation`: translates the sources of labelled pairs and compares the translations with the targets.
struct TranslationScoring {
  private let folder: URL
  private let model: TranslationModel
  private let metadata: [String: String]
  private let tokenizer: Tokenizer
  private let beam: BeamConfiguration
  private let metricTokenizer: MetricTokenizer?

  init(model folder: URL, precision: ComputeConfiguration.Precision, search: SearchOptions) throws {
    (model, metadata) = try ModelArchive.loadTranslationModel(folder, precision: precision.elementType)
    self.folder = folder
    beam = search.beamConfiguration
    metricTokenizer = search.metricTokenizer
    tokenizer = try Tokenizer(
      besideModel: folder, vocabularySize: model.configuration.vocabularySize, metadata: metadata)
  }

  func score(_ file: TranslationPairs, workers: Int, isStrict: Bool) throws -> TranslationResult {
    let findings = findings(file)
    if isStrict { try findings.refuse() }
    let report = try TranslationEvaluation(file.pairs, metricTokenizer: metricTokenizer).run(
      Translator(model, tokenizer: tokenizer, beam: beam),
      tapes: WorkerGroup(count: workers).tapes(for: model.store))
    return TranslationResult(
      unknown: UnknownPairs(file.pairs, tokenizer), model: folder, precision: "\(model.store.precision)",
      pairs: file.pairs.count,
      data: file.digest, tokenizer: tokenizer.digest, beam: beam, findings: findings.messages,
      report: report)
  }

  /// Warnings about pairs that distort the score.
  private func findings(_ file: TranslationPairs) -> RowFindings {
    var findings = RowFindings(of: "pair")
    findings.describeSkippedRows(file)
    var encoder = TokenEncoder(tokenizer)
    let lengths = file.pairs.map {
      (source: encoder.encode($0.source).count, target: encoder.encode($0.target).count)
    }
    func lines(where isOdd: ((source: Int, target: Int)) -> Bool) -> [Int] {
      zip(lengths, file.lines).filter { isOdd($0.0) }.map(\.1)
    }
    let limit = model.configuration.positionCount - 2
    findings.add(file.path, lines { $0.source == 0 }, "a source without tokens")
    findings.add(file.path, lines { $0.target == 0 }, "a target without tokens")
    findings.add(
      file.path, lines { $0.source > limit },
      "a source of more than \(limit) tokens, which is cut for the model")
    if metadata["pairs"] == file.digest.hex {
      findings.add("\(file.path): holds the pairs that the model was trained on; score held-out pairs")
    }
    return findings
  }
}

/// The result of `--translation`, as a table and as JSON.
struct TranslationResult {
  let unknown: UnknownPairs
  let model: URL
  let precision: String
  let pairs: Int
  /// The digest of the pairs.
  let data: Digest
  let tokenizer: Digest
  let beam: BeamConfiguration
  let findings: [String]
  let report: TranslationEvaluation.Report

  var warnings: [String] { findings + unknown.warnings(of: "test") + report.warnings }

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
    return table.text + "\nBLEU|\(signature(report.bleu))\nchrF|\(signature(report.chrF))"
      + "\nchrF++|\(signature(report.chrFPlusPlus))"
  }

  /// sacreBLEU's signature, followed by everything else that decides a score: search, precision, tokenizer, pairs.
  private func signature(_ score: MetricScore) -> String {
    score.signature
      + "|beam:\(beam.beamSize)|penalty:\(beam.lengthPenalty)|minimum:\(beam.minimumLength)|precision:\(precision)"
      + "|tokenizer:\(tokenizer.short)|data:\(data.short)|n:\(pairs)"
  }

  func json() throws -> String {
    try JSONText.encode(
      JSON(
        model: model.path, precision: precision, pairs: pairs, data: data.hex, beamSize: beam.beamSize,
        lengthPenalty: beam.lengthPenalty, minimumLength: beam.minimumLength,
        bleu: JSON.Score(value: report.bleu.value, signature: signature(report.bleu)),
        chrF: JSON.Score(value: report.chrF.value, signature: signature(report.chrF)),
        chrFPlusPlus: JSON.Score(
          value: report.chrFPlusPlus.value, signature: signature(report.chrFPlusPlus)),
        diversity: report.diversity, hypotheses: report.hypotheses, warnings: warnings))
  }
}

/// The keys of `--json`. They must not change, since programs read them.
private struct JSON: Encodable {
  struct Score: Encodable {
    let value: Double
    let signature: String
  }

  let model: String
  let precision: String
  let pairs: Int
  let data: String
  let beamSize: Int
  let lengthPenalty: Double
  let minimumLength: Int
  let bleu: Score
  let chrF: Score
  let chrFPlusPlus: Score
  let diversity: Double
  let hypotheses: [String]
  let warnings: [String]
}

extension MetricTokenizer: ExpressibleByArgument {}
