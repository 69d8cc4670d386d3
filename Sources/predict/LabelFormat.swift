import ClozeCore
import ClozeData
import Foundation

/// Formats labelled samples as text.
struct LabelFormat {
  let labels: [String]
  let kind: LabelKind
  /// The number of labels for each text or word; 0 for all.
  let topK: Int
  let isJSON: Bool

  /// The output for an empty line.
  var empty: String { isJSON ? (kind == .classification ? "{\"texts\":[]}\n" : "{\"words\":[]}\n") : "\n" }

  /// - Parameter probabilities: of all labels, of the text or of each word.
  func text(_ sample: LabelledSample, _ probabilities: [[Double]]) -> String {
    isJSON ? json(sample, probabilities) : columns(sample, probabilities)
  }

  private func columns(_ sample: LabelledSample, _ probabilities: [[Double]]) -> String {
    func cells(_ row: [Double]) -> String {
      best(row).map { "\(labels[$0])\t\(Figure.decimal(row[$0], 4))" }.joined(separator: "\t")
    }
    switch kind {
    case .classification:
      return cells(probabilities[0]) + "\t" + sample.texts.joined(separator: "\t") + "\n"
    case .tagging:
      return zip(sample.texts, probabilities).map { "\($0)\t\(cells($1))\n" }.joined() + "\n"
    }
  }

  private func json(_ sample: LabelledSample, _ probabilities: [[Double]]) -> String {
    func labels(_ row: [Double]) -> String {
      let members = best(row).map {
        "{\"label\":\(JSONValue.quote(self.labels[$0])),\"probability\":\(Figure.decimal(row[$0], 6))}"
      }
      return "[" + members.joined(separator: ",") + "]"
    }
    switch kind {
    case .classification:
      return "{\"texts\":[\(sample.texts.map(JSONValue.quote).joined(separator: ","))],"
        + "\"labels\":\(labels(probabilities[0]))}\n"
    case .tagging:
      let words = zip(sample.texts, probabilities).map {
        "{\"word\":\(JSONValue.quote($0)),\"labels\":\(labels($1))}"
      }
      return "{\"words\":[\(words.joined(separator: ","))]}\n"
    }
  }

  /// The likeliest labels, best first; of equal ones the first.
  private func best(_ row: [Double]) -> ArraySlice<Int> {
    let order = row.indices.sorted { (row[$1], $0) < (row[$0], $1) }
    return order.prefix(topK == 0 ? row.count : topK)
  }
}
