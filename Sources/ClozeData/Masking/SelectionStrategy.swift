internal import ClozeCore
internal import ClozeText

/// Chooses which positions of a window are to be predicted: one file a strategy.
protocol SelectionStrategy: Sendable {
  /// Whether all positions of one selected range share one draw of masked, replaced or kept.
  var sharesOutcome: Bool { get }

  /// Disjoint ranges of positions, none of them special, that hold about `budget` positions; the type's comment says
  /// how near.
  func select(in text: WindowText, budget: Int, random: inout CounterRandom) -> [Range<Int>]
}

extension MaskingConfiguration {
  /// The strategy, decided here once.
  var selection: any SelectionStrategy {
    switch strategy {
    case .token: TokenSelection()
    case .wholeWord: WholeWordSelection()
    case .span: SpanSelection(probability: spanProbability, maximumLength: maximumSpanLength)
    case .sentence: SentenceSelection()
    }
  }
}

/// A window seen as words and sentences, which is what strategies choose from.
struct WindowText {
  private let tokens: [TokenID]
  private let vocabulary: Vocabulary

  init(_ window: TokenWindow, vocabulary: Vocabulary) {
    tokens = window.tokens
    self.vocabulary = vocabulary
  }

  /// The positions that may be selected: all that are no special token.
  var selectable: [Int] { tokens.indices.filter { !vocabulary.isSpecial[Int(tokens[$0])] } }

  /// Runs of a piece and the continuations after it. The rest of a word that the window's border cut is a word.
  var words: [Range<Int>] {
    var words: [Range<Int>] = []
    for position in selectable {
      if vocabulary.isContinuation[Int(tokens[position])], let last = words.last, last.upperBound == position
      {
        words[words.count - 1] = last.lowerBound..<position + 1
      } else {
        words.append(position..<position + 1)
      }
    }
    return words
  }

  /// Runs of ordinary tokens up to and including the tokens that end a sentence, or up to a special token, of which
  /// there is one at each document's border. Several such tokens in a row, such as "?" "!", end one sentence.
  var sentences: [Range<Int>] {
    var sentences: [Range<Int>] = []
    var isEnded = true
    var previous = -1
    for position in selectable {
      let ends = vocabulary.isSentenceEnd[Int(tokens[position])]
      if previous == position - 1, !sentences.isEmpty, !isEnded || ends {
        sentences[sentences.count - 1] = sentences[sentences.count - 1].lowerBound..<position + 1
      } else {
        sentences.append(position..<position + 1)
      }
      isEnded = ends
      previous = position
    }
    return sentences
  }
}

extension CounterRandom {
  /// Puts the first `count` places of `array` in random order, drawn from all of it.
  ///
  /// Source: Durstenfeld 1964, "Algorithm 235: random permutation".
  mutating func shuffle<Element>(_ array: inout [Element], first count: Int) {
    for i in 0..<min(count, array.count) {
      array.swapAt(i, i + below(array.count - i))
    }
  }

  mutating func shuffle<Element>(_ array: inout [Element]) { shuffle(&array, first: array.count) }
}
