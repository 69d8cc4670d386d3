package import ClozeCompute

/// The sizes of a decoder; widths, heads, activation and rates are the encoder's.
package struct DecoderConfiguration: Codable, Sendable, Equatable {
  package var layerCount = 4

  package init(layerCount: Int = 4) {
    self.layerCount = layerCount
  }
}

/// An encoder, a decoder that attends to it, and a tied output: sequence to sequence.
///
/// The decoder is a BERT of its own with causal self-attention and a cross-attention in every layer, and its output is
/// BERT's prediction head. One token table serves both sides and the output.
///
/// From a pretrained checkpoint come the whole encoder and what reads and writes tokens in the decoder (embeddings, output
/// bias). The decoder's layers start new: a masked-language model answers a token that it sees with that same token, and a
/// decoder has to unlearn that before it predicts the next one. Rothe, Narayan and Severyn 2020 (arXiv:1907.12461) load
/// them too (BERT2BERT); on a few thousand pairs that cost more than it gave (`DECISIONS.md`).
package struct TranslationModel: Sendable {
  package let store: ParameterStore
  package let encoder: Encoder
  package let decoder: Decoder
  package let decoderConfiguration: DecoderConfiguration

  package var configuration: EncoderConfiguration { encoder.configuration }

  /// Declares the parameters and draws their initial values.
  package init(
    configuration: EncoderConfiguration, decoder decoderConfiguration: DecoderConfiguration,
    precision: ElementType,
    seed: UInt64
  ) {
    self.init(declaring: configuration, decoder: decoderConfiguration, precision: precision)
    store.allocate(seed: seed)
  }

  /// Declares the parameters only; nothing is known of their memory until the store is allocated.
  package init(
    declaring configuration: EncoderConfiguration, decoder decoderConfiguration: DecoderConfiguration,
    precision: ElementType
  ) {
    store = ParameterStore(precision: precision)
    self.decoderConfiguration = decoderConfiguration
    encoder = Encoder(store, path: "encoder", configuration: configuration)
    decoder = Decoder(
      store, path: "decoder", configuration: configuration, layerCount: decoderConfiguration.layerCount,
      sharedToken: encoder.embeddings.token)
  }

  /// The logits [Nt, V] of the token after each target token, targets known (teacher forcing), all at once.
  package func logits(_ tape: Tape, source: EncoderInput, target: EncoderInput) -> Tensor {
    decoder.head(tape, hidden(tape, source, target))
  }

  /// The loss of `labels` [Nt], the token after each target token, and its gradient on a recording tape; -1 is padding.
  package func crossEntropy(
    _ tape: Tape, source: EncoderInput, target: EncoderInput, labels: [Int32], labelSmoothing: Double = 0
  ) -> PredictionResult {
    decoder.head.crossEntropy(
      tape, hidden(tape, source, target), labels: labels, labelSmoothing: labelSmoothing)
  }

  private func hidden(_ tape: Tape, _ source: EncoderInput, _ target: EncoderInput) -> Tensor {
    let encoded = encoder(tape, source)
    return decoder(tape, target, encoded: encoded, sources: source.sequences)
  }
}

/// Causal self-attention, cross-attention and feed-forward blocks over target tokens, then the prediction head.
///
/// Source: Vaswani et al. 2017, section 3.1. arXiv:1706.03762
package struct Decoder {
  struct Layer {
    let selfAttention: Residual<SelfAttention>
    let crossAttention: Residual<CrossAttention>
    let feedForward: Residual<FeedForward>
  }

  let embeddings: Embeddings
  let layers: [Layer]
  let head: MaskedLanguageHead
  package let width: Int
  package let positionCount: Int

  init(
    _ store: ParameterStore, path: String, configuration: EncoderConfiguration, layerCount: Int,
    sharedToken: Parameter
  ) {
    width = configuration.hiddenSize
    positionCount = configuration.positionCount
    embeddings = Embeddings(
      store, path: path + ".embeddings", configuration: configuration, sharedToken: sharedToken)
    layers = (0..<layerCount).map { index in
      let layer = "\(path).layers.\(index)"
      return Layer(
        selfAttention: Residual(
          SelfAttention(store, path: layer + ".selfAttention", configuration: configuration), store,
          path: layer + ".selfAttention.attentionNorm", configuration: configuration),
        crossAttention: Residual(
          CrossAttention(
            store, path: layer + ".crossAttention", configuration: configuration,
            sourceWidth: configuration.hiddenSize), store,
          path: layer + ".crossAttention.attentionNorm", configuration: configuration),
        feedForward: Residual(
          FeedForward(store, path: layer + ".feedForward", configuration: configuration), store,
          path: layer + ".feedForward.feedForwardNorm", configuration: configuration))
    }
    head = MaskedLanguageHead(
      store, path: path + ".head", configuration: configuration, tokenTable: sharedToken)
  }

  /// All target tokens at once, for training: [Nt, D] for the head.
  func callAsFunction(_ tape: Tape, _ target: EncoderInput, encoded: Tensor, sources: Sequences) -> Tensor {
    let selfSpans = AttentionSpan.within(target.sequences)
    let crossSpans = AttentionSpan.across(targets: target.sequences, sources: sources)
    let mark = tape.mark
    var hidden = embeddings(
      tape, tokens: target.tokens, positions: target.positions, segments: target.segments)
    for layer in layers {
      hidden = layer.selfAttention(tape, hidden, since: mark) {
        $0(tape, $1, spans: selfSpans, causal: true)
      }
      hidden = layer.crossAttention(tape, hidden, since: mark) {
        $0(tape, $1, memory: $0.memory(tape, encoded: encoded), spans: crossSpans)
      }
      hidden = layer.feedForward(tape, hidden, since: mark) { $0(tape, $1) }
    }
    return hidden
  }

  /// The keys and values of the encoded source, one tensor a layer.
  func memories(_ tape: Tape, encoded: Tensor) -> [Tensor] {
    layers.map { $0.crossAttention.branch.memory(tape, encoded: encoded) }
  }

  /// One more token a row, all rows at the same `position`: [R, D] for the head.
  ///
  /// - Parameters:
  ///   - spans: which rows read which source tokens.
  ///   - caches: one a layer; the new tokens join them.
  func step(
    _ tape: Tape, tokens: [Int32], position: Int, memories: [Tensor], spans: [AttentionSpan],
    caches: [KeyValueCache]
  ) -> Tensor {
    let mark = tape.mark
    var hidden = embeddings(
      tape, tokens: tokens, positions: [Int32](repeating: Int32(position), count: tokens.count),
      segments: [Int32](repeating: 0, count: tokens.count))
    for (index, layer) in layers.enumerated() {
      hidden = layer.selfAttention(tape, hidden, since: mark) { $0.step(tape, $1, cache: caches[index]) }
      hidden = layer.crossAttention(tape, hidden, since: mark) {
        $0(tape, $1, memory: memories[index], spans: spans)
      }
      hidden = layer.feedForward(tape, hidden, since: mark) { $0(tape, $1) }
    }
    return hidden
  }
}
