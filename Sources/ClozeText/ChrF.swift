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
package struct ChrF: Sendable {
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

  /// - Parameters:
  ///   - hypotheses: one text per segment.
  ///   - references: one or more lists, each with one text per segment; the reference with the best score counts.
  package func score(_ hypotheses: [String], references: [[String]]) -> MetricScore {
    precondition(
      !references.isEmpty && references.allSatisfy { $0.count == hypotheses.count },
      "ChrF: \(hypotheses.count) hypotheses, references of \(references.map(\.count))")
    var totals = [Match](repeating: Match(), count: ChrF.characterOrder + wordOrder)
    for (index, hypothesis) in hypotheses.enumerated() {
      let grams = Grams(hypothesis, wordOrder: wordOrder)
      var best: [Match] = []
      var bestValue = -1.0
      for reference in references {
        let matches = grams.matches(Grams(reference[index], wordOrder: wordOrder))
        let value = ChrF.value(matches)
        if value > bestValue { (best, bestValue) = (matches, value) }
      }
      for (order, match) in best.enumerated() { totals[order] += match }
    }
    return MetricScore(
      value: ChrF.value(totals),
      signature:
        "nrefs:\(references.count)|case:mixed|eff:yes|nc:\(ChrF.characterOrder)|nw:\(wordOrder)|space:no|"
        + "version:\(MetricScore.version)")
  }

  package func score(_ hypotheses: [String], references: [String]) -> MetricScore {
    score(hypotheses, references: [references])
  }

  /// The n-gram counts of one order.
  private struct Match {
    var hypothesis = 0
    var reference = 0
    var common = 0

    static func += (left: inout Match, right: Match) {
      left.hypothesis += right.hypothesis
      left.reference += right.reference
      left.common += right.common
    }
  }

  private static func value(_ matches: [Match]) -> Double {
    let effective = matches.filter { $0.hypothesis > 0 && $0.reference > 0 }
    guard !effective.isEmpty else { return 0 }
    func mean(_ share: (Match) -> Double) -> Double {
      effective.map(share).reduce(0, +) / Double(effective.count)
    }
    let precision = mean { Double($0.common) / Double($0.hypothesis) }
    let recall = mean { Double($0.common) / Double($0.reference) }
    guard precision + recall > 0 else { return 0 }
    let factor = beta * beta
    return 100 * (1 + factor) * precision * recall / (factor * precision + recall)
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

    func matches(_ reference: Grams) -> [Match] {
      zip(characters, reference.characters).map(Grams.match) + zip(words, reference.words).map(Grams.match)
    }

    private static func match<Gram>(_ hypothesis: [Gram: Int], _ reference: [Gram: Int]) -> Match {
      Match(
        // If the reference is too short for this order, the order does not count for the hypothesis either.
        hypothesis: reference.isEmpty ? 0 : hypothesis.values.reduce(0, +),
        reference: reference.values.reduce(0, +),
        common: hypothesis.reduce(0) { $0 + min($1.value, reference[$1.key] ?? 0) })
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
