internal import ClozeCompute

/// A mixer whose tokens see no later ones, so that a decoder can add tokens one by one.
protocol CausalMixer: Mixer {
  /// Begins rows without tokens.
  ///
  /// - Parameters:
  ///   - rowCapacity: the most tokens of a row.
  ///   - maximumRowCount: the most rows after a `reorder`.
  func makePast(_ tape: Tape, rowCount: Int, rowCapacity: Int, maximumRowCount: Int) -> any DecoderPast
}

/// What a causal mixer remembers of the tokens of several rows that are decoded together.
protocol DecoderPast: AnyObject {
  /// Adds a token to each row: [R, D] to [R, D], with the values that the mixer gives for all tokens at once. Further rows
  /// are padding.
  func step(_ tape: Tape, _ input: Tensor) -> Tensor

  /// Replaces row r by the old row `parents[r]`. Rows may be dropped or repeated, up to the maximum.
  func reorder(_ parents: [Int])
}

/// The keys and values of the tokens so far.
private final class AttentionPast: DecoderPast {
  private let attention: SelfAttention
  private let cache: KeyValueCache

  init(_ attention: SelfAttention, _ cache: KeyValueCache) {
    (self.attention, self.cache) = (attention, cache)
  }

  func step(_ tape: Tape, _ input: Tensor) -> Tensor { attention.step(tape, input, cache: cache) }
  func reorder(_ parents: [Int]) { cache.reorder(parents) }
}

/// The state after the tokens so far, which does not grow with them.
private final class RecurrentPast: DecoderPast {
  private let mixer: RecurrentMixer
  private let state: RecurrentState

  init(_ mixer: RecurrentMixer, _ state: RecurrentState) { (self.mixer, self.state) = (mixer, state) }

  func step(_ tape: Tape, _ input: Tensor) -> Tensor {
    tape.recurrent(step: input, mixer.parameters, state: state)
  }
  func reorder(_ parents: [Int]) { state.reorder(parents) }
}

extension SelfAttention: CausalMixer {
  func makePast(_ tape: Tape, rowCount: Int, rowCapacity: Int, maximumRowCount: Int) -> any DecoderPast {
    AttentionPast(
      self,
      KeyValueCache(
        tape, rowCount: rowCount, rowCapacity: rowCapacity, width: width, maximumRowCount: maximumRowCount))
  }
}

extension RecurrentMixer: CausalMixer {
  func makePast(_ tape: Tape, rowCount: Int, rowCapacity: Int, maximumRowCount: Int) -> any DecoderPast {
    RecurrentPast(
      self, RecurrentState(tape, parameters, rowCount: rowCount, maximumRowCount: maximumRowCount))
  }
}

extension MixerKind {
  /// Whether a decoder can have it.
  var isCausal: Bool { self != .gatedMLP }

  /// Declares the parameters of a decoder's mixer.
  ///
  /// - Parameter path: of its parameters.
  func declareCausal(_ store: ParameterStore, path: String, configuration: EncoderConfiguration)
    -> any CausalMixer
  {
    switch self {
    case .attention: SelfAttention(store, path: path, configuration: configuration)
    case .localAttention: SelfAttention(store, path: path, configuration: configuration, isLocal: true)
    case .recurrent: RecurrentMixer(store, path: path, configuration: configuration, isCausal: true)
    case .gatedMLP: preconditionFailure("\(path): a gated MLP sees later tokens")
    }
  }

  /// The bytes that a token of a row leaves in a decoder's past, and those of a row itself.
  func pastBytes(_ sizes: EncoderConfiguration, _ type: ElementType) -> (token: Int, row: Int) {
    switch self {
    case .attention, .localAttention, .gatedMLP:
      (KeyValueCache.bytesPerToken(width: sizes.hiddenSize, type: type), 0)
    case .recurrent:
      (0, RecurrentState.bytesPerRow(width: sizes.hiddenSize, cell: sizes.recurrentCell, type: type))
    }
  }
}
