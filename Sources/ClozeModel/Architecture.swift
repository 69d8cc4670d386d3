/// The kind of model that a folder's `config.json` describes: one of `transformers`, or Cloze's own.
enum Architecture: String, CaseIterable, Sendable {
  case bert
  /// BERT with pre-norm blocks.
  case robertaPreLayerNorm = "roberta-prelayernorm"
  /// A model whose blocks no architecture of `transformers` has. Only Cloze reads its folder.
  case cloze

  /// The beginning of its classes' names.
  var classPrefix: String {
    switch self {
    case .bert: "Bert"
    case .robertaPreLayerNorm: "RobertaPreLayerNorm"
    case .cloze: "Cloze"
    }
  }
}

extension EncoderConfiguration {
  /// The architecture of an encoder with these settings: one of `transformers` if it has one, so that it loads the folder.
  var architecture: Architecture {
    guard layerBlocks.allSatisfy({ $0 == Block(mixer: .attention, feedForward: .plain) }) else {
      return .cloze
    }
    return normPosition == .pre ? .robertaPreLayerNorm : .bert
  }
}
