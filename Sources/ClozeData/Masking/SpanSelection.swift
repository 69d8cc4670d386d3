internal import ClozeCore
internal import Foundation

/// Selects runs of whole words. Their length ℓ in words has the probability
///
///     p (1 - p)^(ℓ - 1) / (1 - (1 - p)^m),  1 ≤ ℓ ≤ m
///
/// A span begins at a random word. It ends early at the border of a document, before a selected word, and before a word
/// that would exceed the budget. So the budget is exceeded only if not even one word fits; then the first one drawn is
/// selected. A span is masked, replaced or kept as a whole.
///
/// Source: Joshi et al. 2020, "SpanBERT", section 3.1, arXiv:1907.10529.
struct SpanSelection: SelectionStrategy {
  let probability: Double
  let maximumLength: Int

  let sharesOutcome = true

  init(probability: Double, maximumLength: Int) {
    self.probability = probability
    self.maximumLength = maximumLength
  }

  /// A length in words, drawn by inverting the distribution function F(ℓ) = (1 - (1 - p)^ℓ) / (1 - (1 - p)^m).
  func length(_ random: inout CounterRandom) -> Int {
    // Every length is 1; the formula below would divide by log 0.
    guard probability < 1 else { return 1 }
    let longer = log1p(-probability)
    let share = random.uniform() * -expm1(Double(maximumLength) * longer)
    return min(maximumLength, 1 + Int(log1p(-share) / longer))
  }

  func select(in text: WindowText, budget: Int, random: inout CounterRandom) -> [Range<Int>] {
    let words = text.words
    var starts = Array(words.indices)
    random.shuffle(&starts)
    var isSelected = [Bool](repeating: false, count: words.count)
    var spans: [Range<Int>] = []
    var room = budget
    for start in starts where !isSelected[start] {
      let limit = min(words.count, start + length(&random))
      var end = start
      var span = words[start].lowerBound..<words[start].lowerBound
      while end < limit, !isSelected[end], words[end].lowerBound == span.upperBound, words[end].count <= room
      {
        span = span.lowerBound..<words[end].upperBound
        room -= words[end].count
        isSelected[end] = true
        end += 1
      }
      if !span.isEmpty { spans.append(span) }
      if room == 0 { break }
    }
    return spans.isEmpty ? starts.prefix(1).map { words[$0] } : spans
  }
}
