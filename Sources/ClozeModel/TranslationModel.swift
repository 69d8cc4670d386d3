package import ClozeCompute
internal import ClozeCore

/// The layers of a decoder; it has the widths, heads, activation and rates of the encoder.
package struct DecoderConfiguration: Codable, Sendable, Equatable {
  package var layerCount = 4
  /// What each layer consists of beside its cross-attention.
  package var blocks = BlockPattern("attention")

  package init(layerCount: Int = 4, blocks: BlockPattern = BlockPattern("attention")) {
    (self.layerCount, self.blocks) = (layerCount, blocks)
  }

  /// - Parameters:
  ///   - encoder: with which it is a translator.
  ///   - section: the section of the settings, for errors.
  /// - Throws: `ConfigurationError`
  package func validate(_ encoder: EncoderConfiguration, section: String = "decoder") throws {
    let sizes = sizes(encoder)
    try sizes.validate(section: section)
    for block in sizes.layerBlocks where !block.mixer.isCausal {
      let causal = MixerKind.allCases.filter(\.isCausal).map(\.rawValue).joined(separator: ", ")
      throw ConfigurationError.invalid(
        path: section + ".blocks",
        reason: "has '\(block.mixer.rawValue)', which sees later tokens; choose among \(causal)")
    }
  }

  /// The decoder as an encoder would be described.
  func sizes(_ encoder: EncoderConfiguration) -> EncoderConfiguration {
    var sizes = encoder
    sizes.layerCount = layerCount
    sizes.blocks = blocks
    return sizes
  }
}

/// A sequence-to-sequence model: an encoder, a decoder that attends to it, and a tied output layer.
///
/// The decoder is a BERT with causal self-attention and cross-attention in every layer, and BERT's prediction head. In place of
/// self-attention it may have other causal mixers, see `DecoderConfiguration.blocks`.
/// Source, target and output share one token table.
///
/// The encoder, and the decoder's embeddings and output bias, start from a pretrained checkpoint. The decoder's layers
/// start new: a masked-language model predicts a visible token as itself, which a decoder has to unlearn before it
/// predicts the next token. Rothe, Narayan and Severyn 2020 (arXiv:1907.12461) load them too (BERT2BERT); on a few
/// thousand pairs that was worse (`DECISIONS.md`).
package struct TranslationModel: Sendable {
  package let store: ParameterStore
  package let encoder: Encoder
  package let decoder: Decoder
  package let decoderConfiguration: DecoderConfiguration

  package var configuration: EncoderConfiguration { encoder.configuration }
  var decoderSizes: EncoderConfiguration { decoderConfiguration.sizes(configuration) }

  /// Declares the parameters and draws their initial values.
  package init(
    configuration: EncoderConfiguration, decoder decoderConfiguration: DecoderConfiguration,
    precision: ElementType,
    seed: UInt64
  ) {
    self.init(declaring: configuration, decoder: decoderConfiguration, precision: precision)
    store.allocate(seed: seed)
  }

  /// Declares the parameters and allocates no memory.
  package init(
    declaring configuration: EncoderConfiguration, decoder decoderConfiguration: DecoderConfiguration,
    precision: ElementType
  ) {
    store = ParameterStore(precision: precision)
    self.decoderConfiguration = decoderConfiguration
    encoder = Encoder(store, path: "encoder", configuration: configuration)
    decoder = Decoder(
      store, path: "decoder", configuration: decoderConfiguration.sizes(configuration),
      sharedToken: encoder.embeddings.token)
  }

  /// The logits [Nt, V] of the token after each target token, with known targets (teacher forcing), all at once.
  package func logits(_ tape: Tape, source: EncoderInput, target: EncoderInput) -> Tensor {
    decoder.head(tape, hidden(tape, source, target))
  }

  /// The loss of `labels` [Nt], the token after each target token, and its gradient on a recording tape, multiplied by
  /// `gradientScale` and in each row by `rowWeights` [Nt]; -1 is padding.
  package func crossEntropy(
    _ tape: Tape, source: EncoderInput, target: EncoderInput, labels: [Int32], labelSmoothing: Double = 0,
    gradientScale: Float = 1, rowWeights: [Float]? = nil
  ) -> PredictionResult {
    decoder.head.crossEntropy(
      tape, hidden(tape, source, target), labels: labels, labelSmoothing: labelSmoothing,
      gradientScale: gradientScale, rowWeights: rowWeights)
  }

  private func hidden(_ tape: Tape, _ source: EncoderInput, _ target: EncoderInput) -> Tensor {
    let encoded = encoder(tape, source)
    return decoder(tape, target, encoded: encoded, sources: source.sequences)
  }
}

/// Blocks of a causal mixer (self-attention), cross-attention and a feed-forward sub-layer over target tokens, then the
/// prediction head.
///
/// Source: Vaswani et al. 2017, section 3.1. arXiv:1706.03762
package struct Decoder {
  struct Layer {
    let block: Block
    let mixer: Residual<any CausalMixer>
    let crossAttention: Residual<CrossAttention>
    let feedForward: Residual<FeedForward>?
  }

  let embeddings: Embeddings
  let layers: [Layer]
  let finalNorm: FinalNorm
  let head: MaskedLanguageHead
  package let width: Int
  package let positionCount: Int
  private static let rowMultiple = 16

  /// - Parameter configuration: the decoder as an encoder would be described.
  init(
    _ store: ParameterStore, path: String, configuration: EncoderConfiguration, sharedToken: Parameter
  ) {
    width = configuration.hiddenSize
    positionCount = configuration.positionCount
    embeddings = Embeddings(
      store, path: path + ".embeddings", configuration: configuration, sharedToken: sharedToken)
    layers = configuration.layerBlocks.enumerated().map { index, block in
      Layer(
        store, path: "\(path).layers.\(index)", block: block, configuration: configuration,
        isFirst: index == 0)
    }
    finalNorm = FinalNorm(store, path: path + ".norm", configuration: configuration)
    head = MaskedLanguageHead(
      store, path: path + ".head", configuration: configuration, tokenTable: sharedToken)
  }

  /// All target tokens at once, for training: [Nt, D], the input of the head.
  func callAsFunction(_ tape: Tape, _ target: EncoderInput, encoded: Tensor, sources: Sequences) -> Tensor {
    let tokens = MixerInput(
      sequences: target.sequences, positions: target.positions, spans: AttentionSpan.within(target.sequences),
      isCausal: true)
    let crossSpans = AttentionSpan.across(targets: target.sequences, sources: sources)
    let mark = tape.mark
    var hidden = embeddings(
      tape, tokens: target.tokens, positions: target.positions, segments: target.segments)
    for layer in layers {
      hidden = layer.mixer(tape, hidden, since: mark) { $0(tape, $1, tokens) }
      hidden = layer.crossAttention(tape, hidden, since: mark) {
        $0(tape, $1, memory: $0.memory(tape, encoded: encoded), spans: crossSpans)
      }
      if let feedForward = layer.feedForward {
        hidden = feedForward(tape, hidden, since: mark) { $0(tape, $1) }
      }
    }
    return finalNorm(tape, hidden, since: mark)
  }

  /// The keys and values of the encoded source, one tensor for each layer.
  func memories(_ tape: Tape, encoded: Tensor) -> [Tensor] {
    layers.map { $0.crossAttention.branch.memory(tape, encoded: encoded) }
  }

  /// One more token for each row, all at the same `position`: [R, D], the input of the head.
  ///
  /// R is the number of tokens, rounded up to a multiple of `rowMultiple`; the rows after the last token mean nothing. The
  /// number of live hypotheses changes in every step, and preparing a product for a new number of rows takes longer than
  /// running it.
  ///
  /// - Parameters:
  ///   - spans: which rows attend to which source tokens.
  ///   - pasts: one for each layer; the new tokens are added.
  func step(
    _ tape: Tape, tokens: [Int32], position: Int, memories: [Tensor], spans: [AttentionSpan],
    pasts: [any DecoderPast]
  ) -> Tensor {
    let mark = tape.mark
    let padding = (Self.rowMultiple - tokens.count % Self.rowMultiple) % Self.rowMultiple
    let rowCount = tokens.count + padding
    var hidden = embeddings(
      tape, tokens: tokens + [Int32](repeating: 0, count: padding),
      positions: [Int32](repeating: Int32(position), count: rowCount),
      segments: [Int32](repeating: 0, count: rowCount))
    for (index, layer) in layers.enumerated() {
      hidden = layer.mixer(tape, hidden, since: mark) { pasts[index].step(tape, $1) }
      hidden = layer.crossAttention(tape, hidden, since: mark) {
        $0(tape, $1, memory: memories[index], spans: spans)
      }
      if let feedForward = layer.feedForward {
        hidden = feedForward(tape, hidden, since: mark) { $0(tape, $1) }
      }
    }
    return finalNorm(tape, hidden, since: mark)
  }
}

extension Decoder.Layer {
  fileprivate init(
    _ store: ParameterStore, path: String, block: Block, configuration: EncoderConfiguration, isFirst: Bool
  ) {
    self.block = block
    // Self-attention has a name of its own, since there is cross-attention.
    let isAttention = block.mixer.path == "attention"
    let mixerPath = "\(path).\(isAttention ? "selfAttention" : block.mixer.path)"
    mixer = Residual(
      block.mixer.declareCausal(store, path: mixerPath, configuration: configuration), store,
      path: "\(mixerPath).\(block.mixer.path)Norm", configuration: configuration, isFirst: isFirst)
    crossAttention = Residual(
      CrossAttention(
        store, path: path + ".crossAttention", configuration: configuration,
        sourceWidth: configuration.hiddenSize), store,
      path: path + ".crossAttention.attentionNorm", configuration: configuration)
    feedForward =
      block.feedForward == .none
      ? nil
      : Residual(
        FeedForward(
          store, path: path + ".feedForward", configuration: configuration, kind: block.feedForward), store,
        path: path + ".feedForward.feedForwardNorm", configuration: configuration)
  }
}
