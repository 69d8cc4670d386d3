import ClozeCLI
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeText
import Foundation

/// The result of `--classification` and `--tagging`, as a table and as JSON.
struct LabelResult {
  /// The most labels for which the whole confusion table is printed; for more labels, the most frequent confusions are.
  private static let tabulatedLabels = 12

  private let labeller: Labeller
  private let file: LabelledFile
  private let report: LabelReport
  private let intervals: (accuracy: ClosedRange<Double>, f1: ClosedRange<Double>)
  let warnings: [String]
  /// Whether the model gives numbers for all rows.
  var isFinite: Bool { report.loss.isFinite }

  init(of labeller: Labeller, on file: LabelledFile, workers: Int, isStrict: Bool) throws {
    let encoded = try labeller.encode(file)
    var findings = RowFindings(of: file.kind)
    findings.describe(encoded, maximumLength: labeller.maximumLength)
    if labeller.trainingData == file.digest.hex {
      findings.add("\(file.path): holds the rows that the model was trained on; score held-out rows")
    }
    if let expected = labeller.textCount, expected != file.textCount {
      findings.add(
        "\(file.path): its rows have \(file.textCount) \(file.textCount == 1 ? "text" : "texts"), and those that the "
          + "model was trained on \(expected); score on rows of the same kind")
    }
    if isStrict { try findings.refuse() }
    self.labeller = labeller
    self.file = file
    report = try labeller.report(
      encoded, tapes: WorkerGroup(count: workers).tapes(for: labeller.model.store))
    intervals = report.intervals()
    let unknown = UnknownText(
      TextLoss(file.samples.lazy.flatMap(\.texts), labeller.tokenizer), labeller.tokenizer)
    warnings =
      findings.messages
      + (unknown.isWorthAWarning
        ? ["\(file.path): \(unknown.description); \(unknown.adviceForModel)"] : [])
      + report.warnings
  }

  // MARK: For people

  var text: String {
    var table = Table()
    let f1 = LabelReport.f1Name(report.kind)
    table.add(f1, Figure.percent(report.f1, intervals.f1))
    table.add("accuracy", Figure.percent(report.accuracy, intervals.accuracy))
    table.add("loss", "\(Figure.decimal(report.loss, 4)) nats/label")
    table.add(
      "baseline",
      "accuracy \(Figure.percent(report.baseline.accuracy, 2)), \(f1) \(Figure.percent(report.baseline.f1, 2)), "
        + "with '\(report.baseline.label)' for everything")
    let noun = report.kind == .classification ? "texts" : "sentences"
    let words = report.kind == .tagging ? " of \(Figure.count(report.table.total)) words" : ""
    table.add(noun, "\(Figure.count(report.sampleCount))\(words), \(file.digest.short)")
    table.add("model", "\(labeller.folder.path), \(labeller.model.store.precision)")
    return [table.text, scoreTable, confusions, labeller.signature(of: file)].joined(separator: "\n\n")
  }

  /// 41.23 %  [40.10 %, 42.35 %]
  /// The classes, or the types of entities, with their counts.
  private var rows: [(name: String, counts: ClassCounts)] {
    if let entities = report.entities {
      return entities.types.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
    return zip(report.classes, report.table.scores).filter { $0.1.actual + $0.1.predicted > 0 }.map {
      ($0, $1)
    }
  }

  private var scoreTable: String {
    let heads = [report.kind == .classification ? "class" : "entity", "precision", "recall", "F1", "n"]
    func cells(_ name: String, _ counts: ClassCounts) -> [String] {
      [name] + [counts.precision, counts.recall, counts.f1].map { Figure.percent($0, 2) }
        + [Figure.count(counts.actual)]
    }
    var lines = [heads] + rows.map { cells($0.name, $0.counts) }
    if let entities = report.entities { lines.append(cells("all", entities.all)) }
    return Table.columns(lines)
  }

  private var confusions: String {
    let used = report.classes.indices.filter {
      let counts = report.table.scores[$0]
      return counts.actual + counts.predicted > 0
    }
    guard used.count > Self.tabulatedLabels else {
      let heads = ["true \\ predicted"] + used.map { report.classes[$0] }
      return Table.columns(
        [heads]
          + used.map { truth in
            [report.classes[truth]]
              + used.map { Figure.count(report.table[truth: truth, predicted: $0]) }
          })
    }
    let wrong = used.flatMap { truth in
      used.filter { $0 != truth }.map { (truth, $0, report.table[truth: truth, predicted: $0]) }
    }.filter { $0.2 > 0 }.sorted { ($1.2, $0.0, $0.1) < ($0.2, $1.0, $1.1) }.prefix(Self.tabulatedLabels)
    return Table.columns(
      [["true", "predicted", "n"]]
        + wrong.map { [report.classes[$0.0], report.classes[$0.1], Figure.count($0.2)] })
  }

  // MARK: For programs

  func json() throws -> String {
    try JSONText.encode(
      JSON(
        model: labeller.folder.path, precision: "\(labeller.model.store.precision)",
        task: report.kind.rawValue, signature: labeller.signature(of: file), data: file.digest.hex,
        samples: report.sampleCount, labels: report.table.total, f1: JSONText.number(report.f1),
        f1Interval: JSONText.bounds(intervals.f1), accuracy: JSONText.number(report.accuracy),
        accuracyInterval: JSONText.bounds(intervals.accuracy), loss: JSONText.number(report.loss),
        macroF1: JSONText.number(report.entities?.macroF1 ?? report.table.macroF1),
        baseline: JSON.Baseline(
          label: report.baseline.label, accuracy: JSONText.number(report.baseline.accuracy),
          f1: JSONText.number(report.baseline.f1)),
        classes: rows.map { JSON.Class(name: $0.name, $0.counts) },
        confusion: JSON.Confusion(
          labels: report.classes,
          counts: report.classes.indices.map { truth in
            report.classes.indices.map { report.table[truth: truth, predicted: $0] }
          }), warnings: warnings))
  }
}

/// The keys of `--json`. They must not change, since programs read them.
private struct JSON: Encodable {
  struct Baseline: Encodable {
    let label: String
    let accuracy: Double?
    let f1: Double?
  }

  /// The figures of a class or of a type of entity.
  struct Class: Encodable {
    let name: String
    let precision: Double
    let recall: Double
    let f1: Double
    let count: Int
    let predicted: Int

    init(name: String, _ counts: ClassCounts) {
      self.name = name
      (precision, recall, f1) = (counts.precision, counts.recall, counts.f1)
      (count, predicted) = (counts.actual, counts.predicted)
    }
  }

  /// A row for each true label, a column for each predicted one.
  struct Confusion: Encodable {
    let labels: [String]
    let counts: [[Int]]
  }

  let model: String
  let precision: String
  let task: String
  let signature: String
  let data: String
  let samples: Int
  let labels: Int
  let f1: Double?
  let f1Interval: [Double]
  let accuracy: Double?
  let accuracyInterval: [Double]
  let loss: Double?
  let macroF1: Double?
  let baseline: Baseline
  let classes: [Class]
  let confusion: Confusion
  let warnings: [String]

}
