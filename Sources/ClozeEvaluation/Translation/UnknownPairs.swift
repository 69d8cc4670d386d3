package import ClozeData
package import ClozeText

/// What of labelled pairs is unknown to a tokenizer, a side at a time.
package struct UnknownPairs: Sendable {
  package let source: UnknownText
  package let target: UnknownText

  package init(_ pairs: [TranslationPair], _ tokenizer: Tokenizer) {
    source = UnknownText(TextLoss(pairs.lazy.map(\.source), tokenizer), tokenizer)
    target = UnknownText(TextLoss(pairs.lazy.map(\.target), tokenizer), tokenizer)
  }

  /// A sentence for each side of which more than 1 in 200 characters are unknown.
  /// - Parameter name: of the pairs, such as "training".
  package func warnings(of name: String) -> [String] {
    [("sources", source), ("targets", target)].filter(\.1.isWorthAWarning).map { side, text in
      "\(name) \(side): \(text.description); \(text.adviceForModel)"
    }
  }
}
