/// The names of tensors in ModernBERT's folders, and in `ArchiveEntry`.
///
/// Query, key and value are one tensor there, `Wqkv`, one below the other.
struct ModernBERTNaming {
  private static let modules: [(file: String, archive: String)] = [
    ("model.embeddings.tok_embeddings.", "bert.embeddings.word_embeddings."),
    ("model.embeddings.norm.", "bert.embeddings.LayerNorm."),
    ("model.final_norm.", "bert.encoder.LayerNorm."),
    ("head.dense.", "cls.predictions.transform.dense."),
    ("head.norm.", "cls.predictions.transform.LayerNorm."),
    ("decoder.bias", "cls.predictions.bias"),
    ("decoder.", "cls.predictions.decoder."),
  ]
  private static let layer = (file: "model.layers.", archive: "bert.encoder.layer.")
  private static let partsOfLayers: [(file: String, archive: [String])] = [
    ("attn.Wqkv.", ["query", "key", "value"].map { "attention.self.\($0)." }),
    ("attn.Wo.", ["attention.output.dense."]), ("attn_norm.", ["attention.output.LayerNorm."]),
    ("mlp.Wi.", ["intermediate.dense."]), ("mlp.Wo.", ["output.dense."]),
    ("mlp_norm.", ["output.LayerNorm."]),
  ]

  /// Whether the tensors `head.…` are those of a masked-language model; a classifier's have the same names.
  let hasLanguageHead: Bool

  /// The names of `ArchiveEntry` whose tensors, one below the other, are the tensor `name` of a file.
  func archiveNames(_ name: String) -> [String] {
    // An encoder that was saved by itself.
    let isBare = ["embeddings.", "layers.", "final_norm."].contains { name.hasPrefix($0) }
    let name = isBare ? "model." + name : name
    if let (index, rest) = Self.split(name, after: Self.layer.file),
      let (file, archive) = Self.partsOfLayers.first(where: { rest.hasPrefix($0.file) })
    {
      return archive.map { "\(Self.layer.archive)\(index).\($0)\(rest.dropFirst(file.count))" }
    }
    guard let (file, archive) = Self.modules.first(where: { name.hasPrefix($0.file) }),
      hasLanguageHead || !file.hasPrefix("head.")
    else { return ["\(name.hasPrefix("model.") ? "bert." : "")\(name)"] }
    return [archive + name.dropFirst(file.count)]
  }

  /// The name in a file of the tensor `name` of `ArchiveEntry`; three tensors may have one name.
  func fileName(_ name: String) -> String {
    if let (index, rest) = Self.split(name, after: Self.layer.archive) {
      for (file, parts) in Self.partsOfLayers {
        guard let part = parts.first(where: { rest.hasPrefix($0) }) else { continue }
        return "\(Self.layer.file)\(index).\(file)\(rest.dropFirst(part.count))"
      }
    }
    guard let (file, archive) = Self.modules.first(where: { name.hasPrefix($0.archive) }) else { return name }
    return file + name.dropFirst(archive.count)
  }

  /// The number of a layer and the rest of the name, if it is a layer's.
  private static func split(_ name: String, after prefix: String) -> (index: Substring, rest: Substring)? {
    guard name.hasPrefix(prefix) else { return nil }
    let parts = name.dropFirst(prefix.count).split(separator: ".", maxSplits: 1)
    return parts.count == 2 ? (parts[0], parts[1]) : nil
  }
}
