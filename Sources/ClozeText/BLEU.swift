internal import Foundation

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
package struct BLEU: CorpusMetric {
  private static let order = 4

  package let tokenizer: MetricTokenizer

  package init(_ tokenizer: MetricTokenizer = .western) { self.tokenizer = tokenizer }

  package let name = "BLEU"
  package let prefersLarger = true
  package let statisticCount = 2 + 2 * BLEU.order

  /// The lengths of hypothesis and reference in words, then the matches of each order, then the n-grams of each order.
  package func statistics(_ hypothesis: String, references: [String]) -> [Double] {
    let words = tokenizer.words(hypothesis)
    let referenceWords = references.map(tokenizer.words)
    // Of two lengths equally close, the shorter.
    let length = referenceWords.map(\.count).min {
      (abs($0 - words.count), $0) < (abs($1 - words.count), $1)
    }
    var matches = [Int](repeating: 0, count: BLEU.order)
    var totals = matches
    for order in 1...BLEU.order {
      let allowed = referenceWords.map { NGrams.counts($0, order: order) }
        .reduce(into: [:]) { $0.merge($1, uniquingKeysWith: max) }
      for (gram, count) in NGrams.counts(words, order: order) {
        totals[order - 1] += count
        matches[order - 1] += min(count, allowed[gram] ?? 0)
      }
    }
    return ([words.count, length ?? 0] + matches + totals).map(Double.init)
  }

  package func value(_ sums: [Double]) -> Double {
    let (matches, totals) = (sums[2..<2 + BLEU.order], sums[(2 + BLEU.order)...])
    // A text without 4-grams has a fourth precision of 0, and so a score of 0.
    guard matches.contains(where: { $0 > 0 }), totals.allSatisfy({ $0 > 0 }) else { return 0 }
    var logarithms = 0.0
    var smoothing = 1.0
    for (match, total) in zip(matches, totals) {
      if match > 0 {
        logarithms += log(match / total)
      } else {
        smoothing *= 2
        logarithms += log(1 / (smoothing * total))
      }
    }
    let brevity = min(0, 1 - sums[1] / sums[0])
    return 100 * exp(brevity + logarithms / Double(BLEU.order))
  }

  package func signature(referenceCount: Int) -> String {
    "nrefs:\(referenceCount)|case:mixed|eff:no|tok:\(tokenizer.rawValue)|smooth:exp|version:\(MetricScore.version)"
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
