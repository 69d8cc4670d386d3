internal import ClozeCore

/// Selects whole sentences in random order; one that would exceed the budget is skipped. If no sentence fits, the
/// as many tokens as the budget are selected anywhere in the first one drawn. Otherwise a window without a short
/// sentence would have no prediction, and a whole long one could mask all of the window. So the budget is never
/// exceeded. In short windows this prefers short sentences. A text without marks at the ends of sentences, such as Thai, is one
/// sentence a document.
struct SentenceSelection: SelectionStrategy {
  let sharesOutcome = false

  func select(in text: WindowText, budget: Int, random: inout CounterRandom) -> [Range<Int>] {
    var sentences = text.sentences
    random.shuffle(&sentences)
    let chosen = sentences.fitting(into: budget)
    guard chosen.isEmpty else { return chosen }
    return sentences.prefix(1).map { sentence in
      let start = sentence.lowerBound + random.below(sentence.count - budget + 1)
      return start..<start + budget
    }
  }
}
