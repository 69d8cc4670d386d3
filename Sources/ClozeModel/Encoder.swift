package import ClozeCompute

/// BERT's encoder: embeddings, then `layerCount` post-norm blocks of self-attention and feed-forward. [N] ids to [N, D].
///
/// Source: Devlin et al. 2019, section 3. arXiv:1810.04805
package struct Encoder {
  struct Layer {
    let attention: Residual<SelfAttention>
    let feedForward: Residual<FeedForward>
  }

  package let configuration: EncoderConfiguration
  let embeddings: Embeddings
  let layers: [Layer]

  package init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration) {
    self.configuration = configuration
    embeddings = Embeddings(store, path: path + ".embeddings", configuration: configuration)
    layers = (0..<configuration.layerCount).map { index in
      let layer = "\(path).layers.\(index)"
      return Layer(
        attention: Residual(
          SelfAttention(store, path: layer + ".attention", configuration: configuration), store,
          path: layer + ".attention.attentionNorm", configuration: configuration),
        feedForward: Residual(
          FeedForward(store, path: layer + ".feedForward", configuration: configuration), store,
          path: layer + ".feedForward.feedForwardNorm", configuration: configuration))
    }
  }

  /// - Parameter spans: which tokens see which; each sequence itself where nil.
  package func callAsFunction(_ tape: Tape, _ input: EncoderInput, spans: [AttentionSpan]? = nil) -> Tensor {
    let spans = spans ?? AttentionSpan.within(input.sequences)
    let mark = tape.mark
    var hidden = embeddings(tape, tokens: input.tokens, positions: input.positions, segments: input.segments)
    for layer in layers {
      hidden = layer.attention(tape, hidden, since: mark) { $0(tape, $1, spans: spans) }
      hidden = layer.feedForward(tape, hidden, since: mark) { $0(tape, $1) }
    }
    return hidden
  }
}
