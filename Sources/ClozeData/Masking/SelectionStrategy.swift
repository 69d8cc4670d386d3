internal import ClozeCore
internal import ClozeText

/// Selects the positions of a window to predict. Each strategy has a file of its own.
protocol SelectionStrategy: Sendable {
  /// Whether all positions of one selected range share one draw of masked, replaced or kept.
  var sharesOutcome: Bool { get }

  /// Disjoint ranges of positions without special tokens, together about `budget` positions. The comment of each
  /// strategy says how close.
  func select(in text: WindowText, budget: Int, random: inout CounterRandom) -> [Range<Int>]
}

extension MaskingConfiguration {
  /// The strategy of these settings.
  var selection: any SelectionStrategy {
    switch strategy {
    case .token: TokenSelection()
    case .wholeWord: WholeWordSelection()
    case .span: SpanSelection(probability: spanProbability, maximumLength: maximumSpanLength)
    case .sentence: SentenceSelection()
    }
  }
}

/// A window as words and sentences, from which strategies select.
struct WindowText {
  private let tokens: [TokenID]
  private let vocabulary: Vocabulary

  init(_ window: TokenWindow, vocabulary: Vocabulary) {
    tokens = window.tokens
    self.vocabulary = vocabulary
  }

  /// The positions that may be selected: all without special tokens.
  var selectable: [Int] { tokens.indices.filter { !vocabulary.isSpecial[Int(tokens[$0])] } }

  /// The words: a piece and the continuations after it. The rest of a word that the border of the window cuts counts as
  /// a word.
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

  /// The sentences: ordinary tokens up to and including the tokens that end a sentence, or up to a special token, which
  /// is at each border of documents. Several ending tokens in a row, such as "?" "!", end one sentence.
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
  /// Fills the first `count` places of `array` with random elements of it, without replacement.
  ///
  /// Source: Durstenfeld 1964, "Algorithm 235: random permutation".
  mutating func shuffle<Element>(_ array: inout [Element], first count: Int) {
    for i in 0..<min(count, array.count) {
      array.swapAt(i, i + below(array.count - i))
    }
  }

  mutating func shuffle<Element>(_ array: inout [Element]) { shuffle(&array, first: array.count) }
}
