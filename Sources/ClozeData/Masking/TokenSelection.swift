internal import ClozeCore

/// Selects single tokens, uniformly without replacement: always exactly the budget.
struct TokenSelection: SelectionStrategy {
  let sharesOutcome = false

  func select(in text: WindowText, budget: Int, random: inout CounterRandom) -> [Range<Int>] {
    var positions = text.selectable
    random.shuffle(&positions, first: budget)
    return positions.prefix(budget).map { $0..<$0 + 1 }
  }
}
