package import ClozeCore
package import ClozeText

/// What the model reads at a selected position.
package enum MaskingOutcome: UInt8, Sendable, CaseIterable {
  /// `[MASK]`.
  case masked
  /// A random token.
  case replaced
  /// The token itself.
  case kept
}

/// A window with selected positions, some of which are masked.
package struct MaskedWindow: Sendable, Equatable {
  /// The ids that the model reads: `[T]`.
  package var inputIDs: [TokenID]
  /// The selected positions, ascending: `[m]`.
  package var positions: [Int]
  /// The true tokens there: `[m]`.
  package var labels: [TokenID]
  /// `[m]`
  package var outcomes: [MaskingOutcome]
}

/// Masks windows: selects about selectionRate of the ordinary tokens by the configured strategy. Each selected token
/// becomes `[MASK]` with probability maskRate and a random ordinary token with probability randomRate; otherwise it
/// stays.
///
/// Source: Devlin et al. 2019, section 3.1 and appendix A.1, arXiv:1810.04805.
package struct Masking: Sendable {
  package let configuration: MaskingConfiguration
  private let vocabulary: Vocabulary
  private let selection: any SelectionStrategy
  /// The ids from which a random replacement is drawn: all that are not special.
  private let ordinary: [TokenID]

  /// - Throws: `ConfigurationError`
  package init(_ configuration: MaskingConfiguration, vocabulary: Vocabulary) throws {
    try configuration.validate()
    self.configuration = configuration
    self.vocabulary = vocabulary
    selection = configuration.selection
    ordinary = (0..<vocabulary.count).filter { !vocabulary.isSpecial[$0] }.map { TokenID($0) }
  }

  /// The number of positions to select of `selectable` ones: max(1, round(rate · selectable)), and 0 of 0.
  ///
  /// - Parameter done: the share of the run, for a rate that changes in it.
  package func budget(selectable: Int, done: Double = 0) -> Int {
    selectable == 0
      ? 0 : max(1, Int((configuration.selectionRate(at: done) * Double(selectable)).rounded()))
  }

  /// The masked window: a function of its arguments alone.
  ///
  /// - Parameter done: the share of the run, see `budget`.
  package func mask(_ window: TokenWindow, random: CounterRandom, done: Double = 0) -> MaskedWindow {
    var random = random
    let text = WindowText(window, vocabulary: vocabulary)
    let budget = budget(selectable: text.selectable.count, done: done)
    let ranges = budget == 0 ? [] : selection.select(in: text, budget: budget, random: &random)
    var masked = MaskedWindow(inputIDs: window.tokens, positions: [], labels: [], outcomes: [])
    // In the order of the text, so that the draws do not depend on the order of selection.
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

  /// The frozen masks of window `number` for evaluation: the same for every model.
  package func frozenMask(_ window: TokenWindow, number: Int, seed: UInt64) -> MaskedWindow {
    mask(window, random: CounterRandom(seed: seed, purpose: .evaluationMasking, index: number))
  }

  private func drawOutcome(_ random: inout CounterRandom) -> MaskingOutcome {
    let draw = random.uniform()
    if draw < configuration.maskRate { return .masked }
    return draw < configuration.maskRate + configuration.randomRate ? .replaced : .kept
  }
}
