package import ClozeCompute

/// An encoder: embeddings, then `layerCount` blocks of a mixer and a feed-forward sub-layer. [N] ids to [N, D].
///
/// `EncoderConfiguration.blocks` says which; the default, self-attention in every layer, is BERT.
///
/// Source: Devlin et al. 2019, section 3. arXiv:1810.04805
package struct Encoder {
  struct Layer {
    let block: Block
    let mixer: Residual<any Mixer>
    let feedForward: Residual<FeedForward>?
    /// The indices of its parameters in the store.
    let parameters: Range<Int>
  }

  package let configuration: EncoderConfiguration
  let embeddings: Embeddings
  let layers: [Layer]
  let finalNorm: FinalNorm
  /// The indices of the embeddings' parameters in the store.
  private let embeddingParameters: Range<Int>

  package init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration) {
    self.init(store, path: path, configuration: configuration, sharing: nil)
  }

  /// - Parameter tables: the tables of another encoder that this one reads as well; nil declares new ones.
  init(
    _ store: ParameterStore, path: String, configuration: EncoderConfiguration,
    sharing tables: (token: Parameter, position: Parameter?)?
  ) {
    self.configuration = configuration
    let first = store.parameters.count
    embeddings = Embeddings(
      store, path: path + ".embeddings", configuration: configuration, sharedToken: tables?.token,
      sharedPosition: tables?.position)
    embeddingParameters = first..<store.parameters.count
    layers = configuration.layerBlocks.enumerated().map { index, block in
      Layer(
        store, path: "\(path).layers.\(index)", block: block, configuration: configuration,
        isFirst: index == 0)
    }
    finalNorm = FinalNorm(store, path: path + ".norm", configuration: configuration)
  }

  /// Frozen layers that have only frozen parameters below them are computed without a gradient.
  ///
  /// - Parameter spans: which tokens attend to which; nil means that each sequence attends to itself.
  package func callAsFunction(_ tape: Tape, _ input: EncoderInput, spans: [AttentionSpan]? = nil) -> Tensor {
    let tokens = MixerInput(
      sequences: input.sequences, positions: input.positions,
      spans: spans ?? AttentionSpan.within(input.sequences), isCausal: false)
    let mark = tape.mark
    func run(_ layers: ArraySlice<Layer>, on state: Tensor) -> Tensor {
      layers.reduce(state) { state, layer in
        let mixed = layer.mixer(tape, state, since: mark) { $0(tape, $1, tokens) }
        guard let feedForward = layer.feedForward else { return mixed }
        return feedForward(tape, mixed, since: mark) { $0(tape, $1) }
      }
    }
    func embedded() -> Tensor {
      embeddings(tape, tokens: input.tokens, positions: input.positions, segments: input.segments)
    }
    guard let frozenCount = frozenLayerCount(tape.store) else {
      return finalNorm(tape, run(layers[...], on: embedded()), since: mark)
    }
    let frozen = tape.withoutGradient { run(layers[..<frozenCount], on: embedded()) }
    return finalNorm(tape, run(layers[frozenCount...], on: frozen), since: mark)
  }

  /// The number of layers, from the bottom up, that are frozen with everything below them; nil if the embeddings are
  /// not frozen.
  private func frozenLayerCount(_ store: ParameterStore) -> Int? {
    guard store.isFrozen(embeddingParameters) else { return nil }
    return layers.prefix { store.isFrozen($0.parameters) }.count
  }
}

extension Encoder.Layer {
  fileprivate init(
    _ store: ParameterStore, path: String, block: Block, configuration: EncoderConfiguration, isFirst: Bool
  ) {
    let first = store.parameters.count
    self.block = block
    let name = block.mixer.path
    mixer = Residual(
      block.mixer.declare(store, path: "\(path).\(name)", configuration: configuration), store,
      path: "\(path).\(name).\(name)Norm", configuration: configuration, isFirst: isFirst)
    feedForward =
      block.feedForward == .none
      ? nil
      : Residual(
        FeedForward(
          store, path: path + ".feedForward", configuration: configuration, kind: block.feedForward), store,
        path: path + ".feedForward.feedForwardNorm", configuration: configuration)
    parameters = first..<store.parameters.count
  }
}
