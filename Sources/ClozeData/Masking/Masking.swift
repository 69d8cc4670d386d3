package import ClozeCore
package import ClozeText

/// What became of a selected token in the input.
package enum MaskingOutcome: UInt8, Sendable, CaseIterable {
  /// It is `[MASK]`.
  case masked
  /// It is a random token.
  case replaced
  /// It is itself.
  case kept
}

/// A window with some tokens hidden.
package struct MaskedWindow: Sendable, Equatable {
  /// What the model sees: `[T]`.
  package var inputIDs: [TokenID]
  /// Where it is asked: ascending, `[m]`.
  package var positions: [Int]
  /// The answers: `[m]`.
  package var labels: [TokenID]
  /// `[m]`
  package var outcomes: [MaskingOutcome]
}

/// Hides tokens of windows: selects about selectionRate of the ordinary tokens, by the configured strategy, then makes
/// each selected one `[MASK]` with probability maskRate, a random ordinary token with probability randomRate, and
/// leaves it otherwise.
///
/// Source: Devlin et al. 2019, section 3.1 and appendix A.1, arXiv:1810.04805.
package struct Masking: Sendable {
  package let configuration: MaskingConfiguration
  private let vocabulary: Vocabulary
  private let selection: any SelectionStrategy
  /// The ids that a random replacement is drawn from: all that are not special.
  private let ordinary: [TokenID]

  /// - Throws: `ConfigurationError`
  package init(_ configuration: MaskingConfiguration, vocabulary: Vocabulary) throws {
    try configuration.validate()
    self.configuration = configuration
    self.vocabulary = vocabulary
    selection = configuration.selection
    ordinary = (0..<vocabulary.count).filter { !vocabulary.isSpecial[$0] }.map { TokenID($0) }
  }

  /// How many of `selectable` positions to predict: max(1, round(selectionRate · selectable)), and 0 of 0.
  package func budget(selectable: Int) -> Int {
    selectable == 0 ? 0 : max(1, Int((configuration.selectionRate * Double(selectable)).rounded()))
  }

  /// The masked window; a function of the window and of the stream alone.
  package func mask(_ window: TokenWindow, random: CounterRandom) -> MaskedWindow {
    var random = random
    let text = WindowText(window, vocabulary: vocabulary)
    let budget = budget(selectable: text.selectable.count)
    let ranges = budget == 0 ? [] : selection.select(in: text, budget: budget, random: &random)
    var masked = MaskedWindow(inputIDs: window.tokens, positions: [], labels: [], outcomes: [])
    // In the order of the text, so that what is drawn for a position does not hang on the order of selection.
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      var outcome = drawOutcome(&random)
      for position in range {
        if !selection.sharesOutcome, position > range.lowerBound { outcome = drawOutcome(&random) }
        masked.positions.append(position)
        masked.labels.append(window.tokens[position])
        masked.outcomes.append(outcome)
        switch outcome {
        case .masked: masked.inputIDs[position] = vocabulary.specials.mask
        case .replaced: masked.inputIDs[position] = ordinary[random.below(ordinary.count)]
        case .kept: break
        }
      }
    }
    return masked
  }

  /// The masks that evaluation asks of window `number`: always the same ones, whoever is asked.
  package func frozenMask(_ window: TokenWindow, number: Int, seed: UInt64) -> MaskedWindow {
    mask(window, random: CounterRandom(seed: seed, purpose: .evaluationMasking, index: number))
  }

  private func drawOutcome(_ random: inout CounterRandom) -> MaskingOutcome {
    let draw = random.uniform()
    if draw < configuration.maskRate { return .masked }
    return draw < configuration.maskRate + configuration.randomRate ? .replaced : .kept
  }
}
