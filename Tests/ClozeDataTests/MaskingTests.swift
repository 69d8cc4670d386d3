import ClozeCore
import ClozeData
import ClozeTestSupport
import ClozeText
import Foundation
import Testing

@Suite struct MaskingTests {
  private let vocabulary: Vocabulary

  init() throws { vocabulary = try DataFixture.vocabulary() }

  /// Windows with documents of every length, borders at random places and sentence ends here and there.
  private func window(_ number: Int, length: Int = 128, meanDocument: Int = 40) -> TokenWindow {
    var random = CounterRandom(seed: 9, purpose: .bootstrap, index: number)
    var tokens: [TokenID] = []
    var starts = [0]
    while tokens.count < length {
      switch random.below(meanDocument) {
      case 0 where !tokens.isEmpty:
        tokens.append(vocabulary.specials.separator)
        if tokens.count < length { starts.append(tokens.count) }
        tokens.append(vocabulary.specials.classification)
      case 1...2: tokens.append(5)
      default: tokens.append(TokenID(7 + random.below(vocabulary.count - 7)))
      }
    }
    return TokenWindow(tokens: Array(tokens.prefix(length)), documentStarts: starts)
  }

  private func masking(_ strategy: MaskingStrategy, _ change: (inout MaskingConfiguration) -> Void = { _ in })
    throws
    -> Masking
  {
    var configuration = MaskingConfiguration()
    configuration.strategy = strategy
    change(&configuration)
    return try Masking(configuration, vocabulary: vocabulary)
  }

  private func random(_ index: Int) -> CounterRandom {
    CounterRandom(seed: 5, purpose: .masking, index: index)
  }

  private func isSpecial(_ token: TokenID) -> Bool { vocabulary.isSpecial[Int(token)] }

  @Test(arguments: MaskingStrategy.allCases, [0.02, 0.15, 0.5, 1.0])
  func whatEveryStrategyKeeps(strategy: MaskingStrategy, selectionRate: Double) throws {
    let masking = try masking(strategy) { $0.selectionRate = selectionRate }
    for number in 0..<60 {
      let window = window(number, length: [1, 8, 128, 500][number % 4])
      let masked = masking.mask(window, random: random(number))
      let selectable = window.tokens.count { !isSpecial($0) }
      #expect(masked.positions == Array(Set(masked.positions)).sorted())
      #expect(masked.labels == masked.positions.map { window.tokens[$0] })
      #expect(masked.labels.allSatisfy { !isSpecial($0) })
      #expect(masked.positions.isEmpty == (selectable == 0))
      #expect(masked.outcomes.count == masked.positions.count)
      for (position, outcome) in zip(masked.positions, masked.outcomes) {
        let id = masked.inputIDs[position]
        switch outcome {
        case .masked: #expect(id == vocabulary.specials.mask)
        case .replaced: #expect(!isSpecial(id))
        case .kept: #expect(id == window.tokens[position])
        }
      }
      let selected = Set(masked.positions)
      #expect(
        window.tokens.indices.allSatisfy { selected.contains($0) || masked.inputIDs[$0] == window.tokens[$0] }
      )
      // Where one word is longer than the budget, it is taken whole.
      let longestWord = words(window).map(\.count).max() ?? 0
      #expect(
        masked.positions.count
          <= max(masking.budget(selectable: selectable), strategy == .token ? 0 : longestWord))
    }
  }

  /// Words by a slow reading of their definition.
  private func words(_ window: TokenWindow) -> [[Int]] {
    var words: [[Int]] = []
    var canContinue = false
    for (position, token) in window.tokens.enumerated() {
      if isSpecial(token) {
        canContinue = false
      } else if canContinue, vocabulary.isContinuation[Int(token)] {
        words[words.count - 1].append(position)
      } else {
        words.append([position])
        canContinue = true
      }
    }
    return words
  }

  @Test(arguments: [MaskingStrategy.wholeWord, .span])
  func wordsAreNeverSplit(strategy: MaskingStrategy) throws {
    let masking = try masking(strategy) { $0.selectionRate = 0.3 }
    for number in 0..<100 {
      let window = window(number)
      let selected = Set(masking.mask(window, random: random(number)).positions)
      for word in words(window) {
        let hits = word.count { selected.contains($0) }
        #expect(hits == 0 || hits == word.count)
      }
    }
  }

  @Test func tokensMeetTheBudgetExactlyAndEvenly() throws {
    let masking = try masking(.token)
    var hits = [Int](repeating: 0, count: 128)
    let window = window(1)
    let selectable = window.tokens.count { !isSpecial($0) }
    let budget = masking.budget(selectable: selectable)
    let draws = 4000
    for number in 0..<draws {
      let masked = masking.mask(window, random: random(number))
      #expect(masked.positions.count == budget)
      for position in masked.positions { hits[position] += 1 }
    }
    let p = Double(budget) / Double(selectable)
    let deviation = (Double(draws) * p * (1 - p)).squareRoot()
    for position in window.tokens.indices where !isSpecial(window.tokens[position]) {
      #expect(abs(Double(hits[position]) - Double(draws) * p) < 6 * deviation)
    }
  }

  @Test(arguments: [(0.8, 0.1), (1.0, 0.0), (0.0, 1.0), (0.3, 0.3), (0.9, 0.1)])
  func outcomesHaveTheirRates(maskRate: Double, randomRate: Double) throws {
    let masking = try masking(.token) {
      $0.maskRate = maskRate
      $0.randomRate = randomRate
    }
    var counts: [MaskingOutcome: Int] = [:]
    var replacements: Set<TokenID> = []
    for number in 0..<1000 {
      let masked = masking.mask(window(number), random: random(number))
      for (position, outcome) in zip(masked.positions, masked.outcomes) {
        counts[outcome, default: 0] += 1
        if outcome == .replaced { replacements.insert(masked.inputIDs[position]) }
      }
    }
    let total = Double(counts.values.reduce(0, +))
    for (outcome, rate) in [(.masked, maskRate), (.replaced, randomRate), (.kept, 1 - maskRate - randomRate)]
      as [(MaskingOutcome, Double)]
    {
      let deviation = (total * max(0, rate * (1 - rate))).squareRoot()
      #expect(abs(Double(counts[outcome, default: 0]) - total * rate) <= 5 * deviation + 1e-6)
    }
    // All 195 ordinary tokens, the rare "!" among them, and no special one.
    if randomRate > 0 { #expect(replacements == Set(5..<200)) }
  }

  @Test(arguments: [(0.2, 10), (0.5, 4), (1.0, 10), (0.01, 3)])
  func spansHaveTheClippedGeometricLength(p: Double, longest: Int) throws {
    let masking = try masking(.span) {
      $0.spanProbability = p
      $0.maximumSpanLength = longest
      $0.selectionRate = 0.02
      $0.maskRate = 0.5
      $0.randomRate = 0
    }
    // One document of one-piece words and few selected: hardly a span meets another or the budget's end.
    let window = TokenWindow(tokens: (0..<20_000).map { _ in 7 }, documentStarts: [0])
    var lengths: [Int] = []
    for number in 0..<10 {
      let masked = masking.mask(window, random: random(number))
      var previous = -2
      var outcome = MaskingOutcome.kept
      for (position, next) in zip(masked.positions, masked.outcomes) {
        if position == previous + 1 {
          lengths[lengths.count - 1] += 1
          // Neighbouring spans are too rare to be more than a few in a hundred.
          _ = outcome
        } else {
          lengths.append(1)
        }
        previous = position
        outcome = next
      }
    }
    let weights = (1...longest).map { pow(1 - p, Double($0 - 1)) }
    let expected = zip(1...longest, weights).reduce(0) { $0 + Double($1.0) * $1.1 } / weights.reduce(0, +)
    let mean = Double(lengths.reduce(0, +)) / Double(lengths.count)
    #expect(abs(mean - expected) < 0.05 * expected + 0.03, "\(mean) instead of \(expected)")
  }

  @Test func aSpanSharesItsOutcome() throws {
    let masking = try masking(.span) {
      $0.spanProbability = 0.001
      $0.selectionRate = 0.01
      $0.maskRate = 0.5
      $0.randomRate = 0.25
    }
    // A budget of ten words and spans of up to ten: mostly one or two outcomes in a window.
    let window = TokenWindow(tokens: (0..<1000).map { _ in 7 }, documentStarts: [0])
    for number in 0..<50 {
      let masked = masking.mask(window, random: random(number))
      let changes = zip(
        zip(masked.positions, masked.positions.dropFirst()), zip(masked.outcomes, masked.outcomes.dropFirst())
      )
      .count { $0.0.1 == $0.0.0 + 1 && $0.1.0 != $0.1.1 }
      #expect(changes <= 1)
    }
  }

  @Test func sentencesAreWhole() throws {
    let masking = try masking(.sentence) { $0.selectionRate = 0.4 }
    // Sentences of 4, 6 and 10 tokens, the last without an end; a budget of 8.
    let tokens: [TokenID] = [8, 8, 8, 5, 8, 8, 8, 8, 5, 6] + [TokenID](repeating: 8, count: 10)
    let window = TokenWindow(tokens: tokens, documentStarts: [0])
    let seen = Set((0..<50).map { masking.mask(window, random: random($0)).positions })
    #expect(seen == [Array(0..<4), Array(4..<10)])
  }

  @Test func aSentenceLongerThanTheBudgetGivesAPart() throws {
    let masking = try masking(.sentence)
    let specials = vocabulary.specials
    let tokens = [specials.classification] + [TokenID](repeating: 8, count: 40) + [specials.separator]
    let window = TokenWindow(tokens: tokens, documentStarts: [0])
    let parts = (0..<400).map { masking.mask(window, random: random($0)).positions }
    #expect(parts.allSatisfy { $0.count == 6 && $0[5] - $0[0] == 5 })
    // From the first to the last that fits.
    #expect(Set(parts.map { $0[0] }) == Set(1...35))
  }

  @Test(arguments: MaskingStrategy.allCases)
  func nothingToSelectIsFine(strategy: MaskingStrategy) throws {
    let specials = vocabulary.specials
    let window = TokenWindow(tokens: [specials.separator, specials.classification], documentStarts: [0, 1])
    let masked = try masking(strategy).mask(window, random: random(0))
    #expect(masked.inputIDs == window.tokens)
    #expect(masked.positions.isEmpty)
  }

  @Test func wrongSettingsAreNamed() throws {
    let lies: [(String, (inout MaskingConfiguration) -> Void)] = [
      ("masking.selectionRate", { $0.selectionRate = 0 }),
      ("masking.selectionRate", { $0.selectionRate = 1.5 }),
      ("masking.selectionRate", { $0.selectionRate = .nan }),
      ("masking.finalSelectionRate", { $0.finalSelectionRate = 0.2 }),
      ("masking.finalSelectionRate", { $0.finalSelectionRate = -0.1 }),
      ("masking.maskRate", { $0.maskRate = -0.1 }),
      ("masking.randomRate", { $0.randomRate = 2 }), ("masking.randomRate", { $0.randomRate = 0.3 }),
      ("masking.spanProbability", { $0.spanProbability = 0 }),
      ("masking.maximumSpanLength", { $0.maximumSpanLength = 0 }),
    ]
    for (name, lie) in lies {
      #expect(failureMessage { _ = try masking(.span, lie) }.hasPrefix(name))
    }
  }
}
