internal import ClozeCompute

/// What a mixer knows of its tokens besides their states [N, D].
struct MixerInput {
  /// The sequences; no token sees another sequence. Rows after the last sequence are padding.
  let sequences: Sequences
  /// [N], counted from 0 in each sequence.
  let positions: [Int32]
  /// Which tokens attend to which.
  let spans: [AttentionSpan]
  /// Whether no token sees a later one.
  let isCausal: Bool
}

/// The sub-layer of a block that moves information between the tokens of a sequence: [N, D] to [N, D].
///
/// A mixer must give a sequence the same values alone and in a batch with others.
protocol Mixer: SubLayer {
  func callAsFunction(_ tape: Tape, _ input: Tensor, _ tokens: MixerInput) -> Tensor
}

extension MixerKind {
  /// Declares the parameters of a mixer of this kind.
  ///
  /// - Parameter path: of its parameters.
  func declare(_ store: ParameterStore, path: String, configuration: EncoderConfiguration) -> any Mixer {
    switch self {
    case .attention: SelfAttention(store, path: path, configuration: configuration)
    case .localAttention: SelfAttention(store, path: path, configuration: configuration, isLocal: true)
    case .recurrent: RecurrentMixer(store, path: path, configuration: configuration)
    case .gatedMLP: GatedMLP(store, path: path, configuration: configuration)
    }
  }
}
