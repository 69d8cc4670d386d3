package import ClozeCompute

/// BERT's encoder: embeddings, then `layerCount` blocks of self-attention and feed-forward. [N] ids to [N, D].
///
/// Source: Devlin et al. 2019, section 3. arXiv:1810.04805
package struct Encoder {
  struct Layer {
    let attention: Residual<SelfAttention>
    let feedForward: Residual<FeedForward>
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
    self.configuration = configuration
    let first = store.parameters.count
    embeddings = Embeddings(store, path: path + ".embeddings", configuration: configuration)
    embeddingParameters = first..<store.parameters.count
    layers = (0..<configuration.layerCount).map { index in
      let layer = "\(path).layers.\(index)"
      let first = store.parameters.count
      let attention = Residual(
        SelfAttention(store, path: layer + ".attention", configuration: configuration), store,
        path: layer + ".attention.attentionNorm", configuration: configuration)
      let feedForward = Residual(
        FeedForward(store, path: layer + ".feedForward", configuration: configuration), store,
        path: layer + ".feedForward.feedForwardNorm", configuration: configuration)
      return Layer(
        attention: attention, feedForward: feedForward, parameters: first..<store.parameters.count)
    }
    finalNorm = FinalNorm(store, path: path + ".norm", configuration: configuration)
  }

  /// Frozen layers that have only frozen parameters below them are computed without a gradient.
  ///
  /// - Parameter spans: which tokens attend to which; nil means that each sequence attends to itself.
  package func callAsFunction(_ tape: Tape, _ input: EncoderInput, spans: [AttentionSpan]? = nil) -> Tensor {
    let spans = spans ?? AttentionSpan.within(input.sequences)
    let mark = tape.mark
    func run(_ layers: ArraySlice<Layer>, on state: Tensor) -> Tensor {
      layers.reduce(state) { state, layer in
        let attended = layer.attention(tape, state, since: mark) { $0(tape, $1, spans: spans) }
        return layer.feedForward(tape, attended, since: mark) { $0(tape, $1) }
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
