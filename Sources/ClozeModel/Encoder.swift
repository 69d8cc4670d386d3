package import ClozeCompute

/// BERT's encoder: embeddings, then `layerCount` post-norm blocks of self-attention and feed-forward. [N] ids to [N, D].
///
/// Source: Devlin et al. 2019, section 3. arXiv:1810.04805
package struct Encoder {
  struct Layer {
    let attention: SelfAttention
    let feedForward: FeedForward
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
        attention: SelfAttention(store, path: layer + ".attention", configuration: configuration),
        feedForward: FeedForward(store, path: layer + ".feedForward", configuration: configuration))
    }
  }

  /// - Parameter spans: which tokens see which; each sequence itself where nil.
  package func callAsFunction(_ tape: Tape, _ input: EncoderInput, spans: [AttentionSpan]? = nil) -> Tensor {
    let spans = spans ?? AttentionSpan.within(input.sequences)
    let mark = tape.mark
    var hidden = embeddings(tape, tokens: input.tokens, positions: input.positions, segments: input.segments)
    for layer in layers {
      hidden = tape.keep(layer.attention(tape, hidden, spans: spans), since: mark)
      hidden = tape.keep(layer.feedForward(tape, hidden), since: mark)
    }
    return hidden
  }
}
