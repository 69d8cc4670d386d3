/// Where in a model a parameter lies, by its path: what freezing and layer-wise learning rates go by.
package enum ParameterPlace: Sendable, Equatable {
  /// The encoder's, the token table among them, which a decoder and an output share.
  case embeddings
  /// A layer of the encoder, from 0 at the bottom.
  case layer(Int)
  /// The decoder's own tables, of positions and segments.
  case decoderEmbeddings
  /// All else of a decoder, its head included.
  case decoder
  /// What stands on an encoder.
  case head

  package init(path: String) {
    let parts = path.split(separator: ".")
    switch (parts.first, parts.dropFirst().first) {
    case ("encoder", "layers"): self = .layer(parts.count > 2 ? Int(parts[2]) ?? 0 : 0)
    case ("encoder", _): self = .embeddings
    case ("decoder", "embeddings"): self = .decoderEmbeddings
    case ("decoder", _): self = .decoder
    default: self = .head
    }
  }

  /// The distance below the head, of which layer-wise learning rates are a function: 0 for heads and decoders, 1 for the
  /// encoder's highest layer, `layerCount` + 1 for its embeddings.
  package func depthBelowHead(layerCount: Int) -> Int {
    switch self {
    case .embeddings: layerCount + 1
    case .layer(let index): layerCount - index
    case .decoderEmbeddings, .decoder, .head: 0
    }
  }
}
