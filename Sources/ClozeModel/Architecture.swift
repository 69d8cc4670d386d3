internal import ClozeCore

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
  /// BERT with rotary positions.
  case roFormer = "roformer"
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
    case .roFormer: "RoFormer"
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
    case .bert, .electra, .modernBERT, .roFormer, .cloze: nil
    }
  }

  /// That of a translator with such an encoder. ELECTRA and ModernBERT have no decoder.
  var ofTranslator: Architecture { self == .electra || self == .modernBERT ? .cloze : self }

  /// That of a classifier or tagger with such an encoder. RoFormer's classifiers of texts have another head than BERT's.
  func ofClassifier(_ kind: LabelKind) -> Architecture {
    self == .roFormer && kind == .classification ? .cloze : ofTranslator
  }
}

extension EncoderConfiguration {
  /// The architecture of an encoder with these settings: one of `transformers` if it has one, so that it loads the folder.
  var architecture: Architecture {
    switch positions {
    case .learned:
      guard hasBERTsLayers else { return .cloze }
      if embeddingWidth != hiddenSize { return electraArchitecture }
      return normPosition == .pre ? .robertaPreLayerNorm : family == .roberta ? .roberta : .bert
    case .rotary:
      if isRoFormer { return .roFormer }
      guard globalPeriod != nil, layerBlocks[0].feedForward.isGated, !hasBiases, segmentCount == 0,
        skipsFirstNorm, embeddingWidth == hiddenSize
      else { return .cloze }
      return .modernBERT
    }
  }

  /// Whether it is a BERT but for its positions, the place of its norms and the width of its embeddings.
  private var hasBERTsLayers: Bool {
    layerBlocks.allSatisfy { $0 == Block(mixer: .attention, feedForward: .plain) } && hasBiases
      && segmentCount > 0 && !skipsFirstNorm
  }

  private var isRoFormer: Bool {
    hasBERTsLayers && normPosition == .post && embeddingWidth == hiddenSize
      && rotaryBase == EncoderConfiguration.roFormerBase
  }

  /// The base of RoFormer's rotary positions, which has no setting in `transformers`.
  static let roFormerBase = 10_000.0

  /// The architecture of the two models of replaced-token detection with such an encoder.
  var electraArchitecture: Architecture {
    // The generator's head has GELU whatever the activation of the layers.
    hasBERTsLayers && positions == .learned && normPosition == .post && activation == .gelu
      ? .electra : .cloze
  }
}
