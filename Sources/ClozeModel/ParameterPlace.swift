/// The part of a model to which a parameter belongs, by its path, for freezing and layer-wise learning rates.
package enum ParameterPlace: Sendable, Equatable {
  /// The embeddings of the encoder, with the token table that decoder and output share.
  case embeddings
  /// A layer of the encoder, counted from 0 at the bottom.
  case layer(Int)
  /// The norm after the last pre-norm layer of the encoder.
  case encoderNorm
  /// The position and segment embeddings of the decoder.
  case decoderEmbeddings
  /// The rest of a decoder, with its head.
  case decoder
  /// The head of an encoder.
  case head

  package init(path: String) {
    let parts = path.split(separator: ".")
    switch (parts.first, parts.dropFirst().first) {
    case ("encoder", "layers"): self = .layer(parts.count > 2 ? Int(parts[2]) ?? 0 : 0)
    case ("encoder", "norm"): self = .encoderNorm
    case ("encoder", _): self = .embeddings
    case ("decoder", "embeddings"): self = .decoderEmbeddings
    case ("decoder", _): self = .decoder
    default: self = .head
    }
  }

  /// The depth below the head, which decides the layer-wise learning rate: 0 for heads and decoders, 1 for the highest
  /// layer of the encoder, `layerCount` + 1 for its embeddings.
  package func depthBelowHead(layerCount: Int) -> Int {
    switch self {
    case .embeddings: layerCount + 1
    case .layer(let index): layerCount - index
    case .encoderNorm, .decoderEmbeddings, .decoder, .head: 0
    }
  }
}
