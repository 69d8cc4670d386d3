package import ClozeData
package import ClozeText

/// The unknown text in the sources and in the targets of labelled pairs.
package struct UnknownPairs: Sendable {
  package let source: UnknownText
  package let target: UnknownText

  package init(_ pairs: [TranslationPair], _ tokenizer: Tokenizer) {
    source = UnknownText(TextLoss(pairs.lazy.map(\.source), tokenizer), tokenizer)
    target = UnknownText(TextLoss(pairs.lazy.map(\.target), tokenizer), tokenizer)
  }

  /// A warning for each side with more than 1 in 200 unknown characters.
  /// - Parameter name: the name of the pairs, such as "training".
  package func warnings(of name: String) -> [String] {
    [("sources", source), ("targets", target)].filter(\.1.isWorthAWarning).map { side, text in
      "\(name) \(side): \(text.description); \(text.adviceForModel)"
    }
  }
}
