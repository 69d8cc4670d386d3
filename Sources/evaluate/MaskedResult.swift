import ClozeCLI
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeText
import Foundation

/// The result of `--data` and `--text`, as a table and as JSON.
struct MaskedResult {
  let model: URL
  let precision: String
  let scheme: EvaluationScheme
  let report: MaskedReport
  let signature: MaskedSignature
  /// nil for data folders of earlier versions, which did not count it.
  let unknownText: UnknownText?

  var text: String {
    var table = Table()
    table.add("accuracy", Figure.percent(report.all.accuracy, report.accuracyInterval))
    table.add("top-5 accuracy", Figure.percent(report.all.top5Accuracy, report.top5Interval))
    table.add("loss", "\(Figure.decimal(report.all.loss, 4)) nats/prediction")
    table.add("perplexity", Figure.decimal(report.all.perplexity, 2))
    if let unigram = report.unigram {
      let origin = unigram.origin == .text ? ", of the text's own frequencies" : ""
      table.add("unigram accuracy", Figure.percent(unigram.accuracy, 2) + origin)
      table.add("unigram loss", "\(Figure.decimal(unigram.loss, 4)) nats/prediction")
    }
    table.add(
      "predictions",
      "\(Figure.count(report.all.count)) in \(Figure.count(report.windowCount)) windows of \(scheme.windowLength)"
    )
    if let unknownText { table.add("unknown characters", unknownText.description) }
    for (name, scores) in outcomes { table.add(name, line(scores)) }
    for (band, scores) in zip(UnigramBaseline.bands, report.byBand) {
      table.add("tokens " + band.name, line(scores))
    }
    table.add("model", "\(model.path), \(precision)")
    return table.text + "\n\(signature)"
  }

  func json() throws -> String {
    try JSONText.encode(
      JSON(
        model: model.path, precision: precision, signature: "\(signature)", windows: report.windowCount,
        windowLength: scheme.windowLength, all: JSON.Scores(report.all),
        accuracyInterval: JSONText.bounds(report.accuracyInterval),
        top5Interval: JSONText.bounds(report.top5Interval),
        unigram: report.unigram.map {
          JSON.Unigram(origin: $0.origin.rawValue, accuracy: $0.accuracy, loss: JSONText.number($0.loss))
        },
        outcomes: Dictionary(uniqueKeysWithValues: outcomes.map { ($0, JSON.Scores($1)) }),
        bands: zip(UnigramBaseline.bands, report.byBand).map {
          JSON.Band(name: $0.name, minimumShare: $0.share, scores: JSON.Scores($1))
        },
        unknownText: unknownText, warnings: report.warnings))
  }

  private var outcomes: [(String, MaskedScores)] {
    MaskingOutcome.allCases.map { ("\($0)", report.byOutcome[$0] ?? MaskedScores()) }
  }

  /// 41.23 %  [40.10 %, 42.35 %]
  private func line(_ scores: MaskedScores) -> String {
    guard scores.count > 0 else { return "none" }
    return "\(Figure.percent(scores.accuracy, 2)), top 5 \(Figure.percent(scores.top5Accuracy, 2)), "
      + "loss \(Figure.decimal(scores.loss, 4)), n \(Figure.count(scores.count))"
  }
}

/// The keys of `--json`. They must not change, since programs read them. A missing figure is left out.
private struct JSON: Encodable {
  struct Scores: Encodable {
    let count: Int
    let accuracy: Double?
    let top5Accuracy: Double?
    let loss: Double?
    let perplexity: Double?

    init(_ scores: MaskedScores) {
      count = scores.count
      accuracy = JSONText.number(scores.accuracy)
      top5Accuracy = JSONText.number(scores.top5Accuracy)
      loss = JSONText.number(scores.loss)
      perplexity = JSONText.number(scores.perplexity)
    }
  }

  struct Unigram: Encodable {
    let origin: String
    let accuracy: Double
    let loss: Double?
  }

  struct Band: Encodable {
    let name: String
    let minimumShare: Double
    let scores: Scores
  }

  let model: String
  let precision: String
  let signature: String
  let windows: Int
  let windowLength: Int
  let all: Scores
  let accuracyInterval: [Double]
  let top5Interval: [Double]
  let unigram: Unigram?
  let outcomes: [String: Scores]
  let bands: [Band]
  let unknownText: UnknownText?
  let warnings: [String]

}
