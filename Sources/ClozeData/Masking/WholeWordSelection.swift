internal import ClozeCore

/// Selects whole words in random order; one that would exceed the budget is skipped. So the budget is exceeded only if
/// no word fits; then the first one drawn is selected.
///
/// Source: google-research/bert, create_pretraining_data.py, `do_whole_word_mask` (Devlin et al. 2019).
struct WholeWordSelection: SelectionStrategy {
  let sharesOutcome = false

  func select(in text: WindowText, budget: Int, random: inout CounterRandom) -> [Range<Int>] {
    var words = text.words
    random.shuffle(&words)
    let chosen = words.fitting(into: budget)
    return chosen.isEmpty ? Array(words.prefix(1)) : chosen
  }
}

extension [Range<Int>] {
  /// The ranges, in this order, that still fit into the budget.
  func fitting(into budget: Int) -> [Range<Int>] {
    var room = budget
    var chosen: [Range<Int>] = []
    for range in self where range.count <= room {
      chosen.append(range)
      room -= range.count
      if room == 0 { break }
    }
    return chosen
  }
}
