internal import Foundation

/// A score in 0 ... 100, with the settings that reproduce it.
package struct MetricScore: Hashable, Sendable, CustomStringConvertible {
  /// In 0 ... 100.
  package let value: Double
  /// The settings, in sacreBLEU's fields; the version is Cloze's.
  package let signature: String

  /// The version in the signatures.
  static let version = "cloze:0.1"

  package var description: String { "\(String(format: "%.2f", value)) (\(signature))" }
}

/// Corpus BLEU: the share of the hypotheses' n-grams of one to four words that also occur in the references.
///
///     BLEU = 100 BP exp( 1/4 sum over n in 1...4 of ln p_n ),   BP = min(1, exp(1 - r/h)),
///
/// where p_n is the share of the hypotheses' n-grams that occur in a reference, each counted at most as often as it
/// occurs there; h is the length of the hypotheses in words, and r the length of the references that are closest to
/// them in length. The first order without a match counts as half a match, the next as a quarter (smoothing "exp").
///
/// Source: Papineni et al. 2002, "BLEU", section 2; Post 2018, arXiv:1804.08771, for the details, which are those of
/// sacreBLEU 2.6.
package struct BLEU: Sendable {
  private static let order = 4

  package let tokenizer: MetricTokenizer

  package init(_ tokenizer: MetricTokenizer = .western) { self.tokenizer = tokenizer }

  /// - Parameters:
  ///   - hypotheses: one text per segment.
  ///   - references: one or more lists, each with one text per segment.
  package func score(_ hypotheses: [String], references: [[String]]) -> MetricScore {
    precondition(
      !references.isEmpty && references.allSatisfy { $0.count == hypotheses.count },
      "BLEU: \(hypotheses.count) hypotheses, references of \(references.map(\.count))")
    var matches = [Int](repeating: 0, count: BLEU.order)
    var totals = matches
    var hypothesisLength = 0
    var referenceLength = 0
    for (index, hypothesis) in hypotheses.enumerated() {
      let words = tokenizer.words(hypothesis)
      let referenceWords = references.map { tokenizer.words($0[index]) }
      hypothesisLength += words.count
      // Of two lengths equally close, the shorter.
      let lengths = referenceWords.map(\.count)
      referenceLength += lengths.min { (abs($0 - words.count), $0) < (abs($1 - words.count), $1) } ?? 0
      for order in 1...BLEU.order {
        let counts = NGrams.counts(words, order: order)
        let allowed = referenceWords.map { NGrams.counts($0, order: order) }
          .reduce(into: [:]) { $0.merge($1, uniquingKeysWith: max) }
        for (gram, count) in counts {
          totals[order - 1] += count
          matches[order - 1] += min(count, allowed[gram] ?? 0)
        }
      }
    }
    return MetricScore(
      value: BLEU.value(matches, totals, hypothesisLength, referenceLength),
      signature: "nrefs:\(references.count)|case:mixed|eff:no|tok:\(tokenizer.rawValue)|smooth:exp|"
        + "version:\(MetricScore.version)")
  }

  package func score(_ hypotheses: [String], references: [String]) -> MetricScore {
    score(hypotheses, references: [references])
  }

  private static func value(
    _ matches: [Int], _ totals: [Int], _ hypothesisLength: Int, _ referenceLength: Int
  )
    -> Double
  {
    // A text without 4-grams has a fourth precision of 0, and so a score of 0.
    guard matches.contains(where: { $0 > 0 }), totals.allSatisfy({ $0 > 0 }) else { return 0 }
    var logarithms = 0.0
    var smoothing = 1.0
    for (match, total) in zip(matches, totals) {
      if match > 0 {
        logarithms += log(Double(match) / Double(total))
      } else {
        smoothing *= 2
        logarithms += log(1 / (smoothing * Double(total)))
      }
    }
    let brevity = min(0, 1 - Double(referenceLength) / Double(hypothesisLength))
    return 100 * exp(brevity + logarithms / Double(order))
  }
}

/// Counts of n-grams.
enum NGrams {
  /// How often each sequence of `order` elements occurs. Elements are compared as scalars, so two Unicode spellings of
  /// one letter differ, as in sacreBLEU.
  static func counts<Element: Hashable>(_ elements: [Element], order: Int) -> [ArraySlice<Element>: Int] {
    var counts: [ArraySlice<Element>: Int] = [:]
    guard elements.count >= order else { return counts }
    for start in 0...elements.count - order { counts[elements[start..<start + order], default: 0] += 1 }
    return counts
  }
}
