internal import Foundation

/// A score with the settings that reproduce it.
package struct MetricScore: Hashable, Sendable, CustomStringConvertible {
  /// In 0 ... 100; TER has no upper limit.
  package let value: Double
  /// The settings, in sacreBLEU's fields; the version is Cloze's.
  package let signature: String

  /// The version in the signatures.
  static let version = "cloze:0.1"

  package init(value: Double, signature: String) { (self.value, self.signature) = (value, signature) }

  package var description: String { "\(String(format: "%.2f", value)) (\(signature))" }
}

/// A score of translations that is computed from sums over sentences.
///
/// Each sentence adds its statistics, such as counts of matching n-grams. The score of any selection of sentences follows
/// from the sum of theirs, so resampled corpora are scored without reading the text again.
package protocol CorpusMetric: Sendable {
  /// The name in tables.
  var name: String { get }
  /// Whether a larger score is better.
  var prefersLarger: Bool { get }
  /// K, the number of statistics of a sentence.
  var statisticCount: Int { get }

  /// What a sentence adds to the sums: [K], whole numbers where there is one reference.
  /// - Parameter references: one or more translations of the same sentence.
  func statistics(_ hypothesis: String, references: [String]) -> [Double]

  /// The score of the sentences whose statistics have the sums `sums`, [K].
  func value(_ sums: [Double]) -> Double

  /// The settings, in sacreBLEU's fields.
  func signature(referenceCount: Int) -> String
}

extension CorpusMetric {
  /// - Parameters:
  ///   - hypotheses: one text per sentence.
  ///   - references: one or more lists, each with one text per sentence.
  package func score(_ hypotheses: [String], references: [[String]]) -> MetricScore {
    precondition(
      !references.isEmpty && references.allSatisfy { $0.count == hypotheses.count },
      "\(name): \(hypotheses.count) hypotheses, references of \(references.map(\.count))")
    var sums = [Double](repeating: 0, count: statisticCount)
    for (index, hypothesis) in hypotheses.enumerated() {
      let statistics = statistics(hypothesis, references: references.map { $0[index] })
      for (place, statistic) in statistics.enumerated() { sums[place] += statistic }
    }
    return MetricScore(value: value(sums), signature: signature(referenceCount: references.count))
  }

  package func score(_ hypotheses: [String], references: [String]) -> MetricScore {
    score(hypotheses, references: [references])
  }
}
