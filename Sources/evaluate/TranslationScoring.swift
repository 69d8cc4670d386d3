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

/// Translates the sources of labelled pairs with a model.
struct TranslationScoring {
  private let folder: URL
  private let translator: Translator
  let beam: BeamConfiguration
  let metricTokenizer: MetricTokenizer?

  init(model folder: URL, precision: ComputeConfiguration.Precision, search: SearchOptions) throws {
    self.folder = folder
    beam = search.beamConfiguration
    metricTokenizer = search.metricTokenizer
    translator = try Translator(folder, precision: precision.elementType, beam: beam)
  }

  /// Translates the sources.
  func translate(_ file: TranslationPairs, workers: WorkerGroup, isStrict: Bool) throws -> TranslatedPairs {
    let findings = findings(file)
    if isStrict { try findings.refuse() }
    let report = try TranslationEvaluation(file.pairs, metricTokenizer: metricTokenizer).run(
      translator, tapes: workers.tapes(for: translator.model.store))
    let (tokenizer, precision) = (translator.tokenizer, "\(translator.model.store.precision)")
    return TranslatedPairs(
      path: folder.path, precision: precision,
      origin: "beam:\(beam.beamSize)|penalty:\(beam.lengthPenalty)|minimum:\(beam.minimumLength)"
        + "|precision:\(precision)|tokenizer:\(tokenizer.digest.short)",
      hypotheses: report.hypotheses, diversity: report.diversity,
      warnings: findings.messages + UnknownPairs(file.pairs, tokenizer).warnings(of: "test")
        + report.warnings,
      isFinite: report.problems[.notFinite] == nil)
  }

  /// Warnings about pairs that distort the score.
  private func findings(_ file: TranslationPairs) -> RowFindings {
    var findings = RowFindings(of: "pair")
    findings.describeSkippedRows(file)
    var encoder = TokenEncoder(translator.tokenizer)
    let lengths = file.pairs.map {
      (source: encoder.encode($0.source).count, target: encoder.encode($0.target).count)
    }
    func lines(where isOdd: ((source: Int, target: Int)) -> Bool) -> [Int] {
      zip(lengths, file.lines).filter { isOdd($0.0) }.map(\.1)
    }
    let limit = translator.model.configuration.positionCount - 2
    findings.add(file.path, lines { $0.source == 0 }, "a source without tokens")
    findings.add(file.path, lines { $0.target == 0 }, "a target without tokens")
    findings.add(
      file.path, lines { $0.source > limit },
      "a source of more than \(limit) tokens, which is cut for the model")
    if translator.metadata["pairs"] == file.digest.hex {
      findings.add("\(file.path): holds the pairs that the model was trained on; score held-out pairs")
    }
    return findings
  }
}

extension MetricTokenizer: ExpressibleByArgument {}
