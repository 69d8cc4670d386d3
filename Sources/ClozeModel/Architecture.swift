/// The kind of model that a folder's `config.json` describes: one of `transformers`, or Cloze's own.
enum Architecture: String, CaseIterable, Sendable {
  case bert
  /// BERT with pre-norm blocks.
  case robertaPreLayerNorm = "roberta-prelayernorm"
  /// BERT with embeddings of another width, and other heads.
  case electra
  /// A model whose blocks no architecture of `transformers` has. Only Cloze reads its folder.
  case cloze

  /// The beginning of its classes' names.
  var classPrefix: String {
    switch self {
    case .bert: "Bert"
    case .robertaPreLayerNorm: "RobertaPreLayerNorm"
    case .electra: "Electra"
    case .cloze: "Cloze"
    }
  }

  /// That of a translator or a classifier with such an encoder. ELECTRA has no decoder, and its classifier of texts has another
  /// head than BERT's.
  var withBERTsHead: Architecture { self == .electra ? .cloze : self }
}

extension EncoderConfiguration {
  /// The architecture of an encoder with these settings: one of `transformers` if it has one, so that it loads the folder.
  var architecture: Architecture {
    guard layerBlocks.allSatisfy({ $0 == Block(mixer: .attention, feedForward: .plain) }) else {
      return .cloze
    }
    if embeddingWidth != hiddenSize { return electraArchitecture }
    return normPosition == .pre ? .robertaPreLayerNorm : .bert
  }

  /// The architecture of the two models of replaced-token detection with such an encoder.
  var electraArchitecture: Architecture {
    let isPlain = layerBlocks.allSatisfy { $0 == Block(mixer: .attention, feedForward: .plain) }
    // The generator's head has GELU whatever the activation of the layers.
    return isPlain && normPosition == .post && activation == .gelu ? .electra : .cloze
  }
}
