/// chrF and chrF++: an F-score over n-grams of one to six characters; chrF++ adds n-grams of one and two words.
///
///     chrF = 100 (1 + b^2) P R / (b^2 P + R),   b = 2,
///
/// where P is the share of the hypotheses' n-grams that occur in the reference, and R the share of the reference's
/// n-grams that occur in the hypotheses. Each is the mean over the orders that both sides have. White space is left
/// out.
///
/// Source: Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation", section 2; Popović 2017,
/// "chrF++: words helping character n-grams"; the details are those of sacreBLEU 2.6.
package struct ChrF: CorpusMetric {
  private static let characterOrder = 6
  private static let beta = 2.0

  /// 0 for chrF, 2 for chrF++.
  package let wordOrder: Int

  package init(wordOrder: Int = 0) {
    precondition(wordOrder >= 0, "ChrF: word order \(wordOrder) is negative")
    self.wordOrder = wordOrder
  }

  /// chrF++.
  package static let plusPlus = ChrF(wordOrder: 2)

  package var name: String { wordOrder == 0 ? "chrF" : "chrF" + String(repeating: "+", count: wordOrder) }
  package let prefersLarger = true
  package var statisticCount: Int { 3 * (ChrF.characterOrder + wordOrder) }

  /// For each order the n-grams of the hypothesis, those of the reference, and those that both have. Of several
  /// references, the one with the best score counts.
  package func statistics(_ hypothesis: String, references: [String]) -> [Double] {
    let grams = Grams(hypothesis, wordOrder: wordOrder)
    var best: (statistics: [Double], value: Double) = ([], -1)
    for reference in references {
      let statistics = grams.matches(Grams(reference, wordOrder: wordOrder))
      let value = value(statistics)
      if value > best.value { best = (statistics, value) }
    }
    return best.statistics
  }

  package func value(_ sums: [Double]) -> Double {
    var (precision, recall, orders) = (0.0, 0.0, 0.0)
    for start in stride(from: 0, to: sums.count, by: 3) where sums[start] > 0 && sums[start + 1] > 0 {
      precision += sums[start + 2] / sums[start]
      recall += sums[start + 2] / sums[start + 1]
      orders += 1
    }
    guard precision + recall > 0 else { return 0 }
    precision /= orders
    recall /= orders
    let factor = ChrF.beta * ChrF.beta
    return 100 * (1 + factor) * precision * recall / (factor * precision + recall)
  }

  package func signature(referenceCount: Int) -> String {
    "nrefs:\(referenceCount)|case:mixed|eff:yes|nc:\(ChrF.characterOrder)|nw:\(wordOrder)|space:no|"
      + "version:\(MetricScore.version)"
  }

  /// All n-grams of a text, by order.
  private struct Grams {
    let characters: [[ArraySlice<Unicode.Scalar>: Int]]
    let words: [[ArraySlice<[Unicode.Scalar]>: Int]]

    init(_ text: String, wordOrder: Int) {
      let tokens = text.unicodeScalars.split(whereSeparator: \.isWhiteSpaceInPython).map(Array.init)
      let scalars = Array(tokens.joined())
      characters = (0..<ChrF.characterOrder).map { NGrams.counts(scalars, order: $0 + 1) }
      let words = tokens.flatMap(Grams.separatePunctuation)
      self.words = (0..<wordOrder).map { NGrams.counts(words, order: $0 + 1) }
    }

    func matches(_ reference: Grams) -> [Double] {
      zip(characters, reference.characters).flatMap(Grams.match)
        + zip(words, reference.words).flatMap(Grams.match)
    }

    private static func match<Gram>(_ hypothesis: [Gram: Int], _ reference: [Gram: Int]) -> [Double] {
      [
        // If the reference is too short for this order, the order does not count for the hypothesis either.
        reference.isEmpty ? 0 : hypothesis.values.reduce(0, +),
        reference.values.reduce(0, +),
        hypothesis.reduce(0) { $0 + min($1.value, reference[$1.key] ?? 0) },
      ].map(Double.init)
    }

    /// Splits one ASCII punctuation mark off the end of a word, or else off its beginning.
    private static func separatePunctuation(_ word: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
      guard word.count > 1, let first = word.first, let last = word.last else { return [word] }
      if isPunctuation(last) { return [word.dropLast(), [last]] }
      if isPunctuation(first) { return [[first], Array(word.dropFirst())] }
      return [word]
    }

    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar {
      case "!"..."/", ":"..."@", "["..."`", "{"..."~": true
      default: false
      }
    }
  }
}
