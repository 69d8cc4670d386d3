internal import ClozeCore

/// Whole sentences in random order; one that would exceed the budget is skipped. Where no sentence fits, the beginning
/// of the first one drawn is taken, as many tokens as the budget: a window without a short sentence would otherwise
/// teach nothing, and taking a long one whole could hide all of the window. So there are never more positions than the
/// budget. In short windows this favours short sentences.
struct SentenceSelection: SelectionStrategy {
  let sharesOutcome = false

  func select(in text: WindowText, budget: Int, random: inout CounterRandom) -> [Range<Int>] {
    var sentences = text.sentences
    random.shuffle(&sentences)
    let chosen = sentences.fitting(into: budget)
    guard chosen.isEmpty else { return chosen }
    return sentences.prefix(1).map { $0.lowerBound..<$0.lowerBound + budget }
  }
}
