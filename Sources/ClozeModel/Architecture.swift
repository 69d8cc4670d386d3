/// The kind of model that a folder's `config.json` describes: one of `transformers`, or Cloze's own.
enum Architecture: String, CaseIterable, Sendable {
  case bert
  /// BERT under other names, see `ModelFamily`.
  case roberta
  /// RoBERTa with pre-norm blocks.
  case robertaPreLayerNorm = "roberta-prelayernorm"
  /// BERT with embeddings of another width, and other heads.
  case electra
  /// Pre-norm blocks with rotary positions, gated feed-forward layers and local attention, without biases.
  case modernBERT = "modernbert"
  /// A model whose blocks no architecture of `transformers` has. Only Cloze reads its folder.
  case cloze

  /// The beginning of its classes' names.
  var classPrefix: String {
    switch self {
    case .bert: "Bert"
    case .roberta: "Roberta"
    case .robertaPreLayerNorm: "RobertaPreLayerNorm"
    case .electra: "Electra"
    case .modernBERT: "ModernBert"
    case .cloze: "Cloze"
    }
  }

  /// The beginning of the names of its encoder's tensors, if they are RoBERTa's; else nil.
  ///
  /// The positions of such a model begin with rows that no token reads: the first token's is the padding's id + 1.
  var robertaPrefix: String? {
    switch self {
    case .roberta: "roberta."
    case .robertaPreLayerNorm: "roberta_prelayernorm."
    case .bert, .electra, .modernBERT, .cloze: nil
    }
  }

  /// That of a translator or a classifier with such an encoder. ELECTRA and ModernBERT have no decoder, and classifiers of
  /// texts with other heads than BERT's.
  var withBERTsHead: Architecture { self == .electra || self == .modernBERT ? .cloze : self }
}

extension EncoderConfiguration {
  /// The architecture of an encoder with these settings: one of `transformers` if it has one, so that it loads the folder.
  var architecture: Architecture {
    switch positions {
    case .learned:
      guard isBERT else { return .cloze }
      if embeddingWidth != hiddenSize { return electraArchitecture }
      return normPosition == .pre ? .robertaPreLayerNorm : family == .roberta ? .roberta : .bert
    case .rotary:
      guard globalPeriod != nil, layerBlocks[0].feedForward.isGated, !hasBiases, segmentCount == 0,
        skipsFirstNorm, embeddingWidth == hiddenSize
      else { return .cloze }
      return .modernBERT
    }
  }

  /// Whether it is a BERT but for the place of its norms and the width of its embeddings.
  private var isBERT: Bool {
    layerBlocks.allSatisfy { $0 == Block(mixer: .attention, feedForward: .plain) } && hasBiases
      && positions == .learned && segmentCount > 0 && !skipsFirstNorm
  }

  /// The architecture of the two models of replaced-token detection with such an encoder.
  var electraArchitecture: Architecture {
    // The generator's head has GELU whatever the activation of the layers.
    isBERT && normPosition == .post && activation == .gelu ? .electra : .cloze
  }
}
