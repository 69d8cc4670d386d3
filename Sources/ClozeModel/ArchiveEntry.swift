package import ClozeCompute

/// One tensor of a model folder: its name in `transformers`, and the rows of the parameter with its values.
///
/// Query, key and value are one parameter here and three tensors there, so a tensor may be a part of the rows.
package struct ArchiveEntry: Sendable {
  package let name: String
  package let parameter: Parameter
  /// Rows of the parameter's first dimension.
  package let rows: Range<Int>
  /// Whether the tensor repeats the one of an earlier entry (tied embeddings).
  package var isShared = false
  /// Whether the tensor has a row for each token of the vocabulary.
  package var isPerToken = false

  package var shape: [Int] { shape(rows: rows.count) }

  func shape(rows: Int) -> [Int] { [rows] + parameter.shape.dropFirst() }

  /// The range of the tensor in the parameter's values.
  package var elements: Range<Int> {
    let width = parameter.count / parameter.shape[0]
    return rows.lowerBound * width..<rows.upperBound * width
  }
}

extension MaskedLanguageModel {
  /// `BertForMaskedLM`'s names.
  package var archiveEntries: [ArchiveEntry] {
    tiesOutput
      ? encoder.entries("bert.") + head.entries("cls.predictions.")
      : encoder.entries("bert.") + head.entries("cls.predictions.", bias: "decoder.bias")
        + [.perToken(TensorNaming.outputTable, outputTable)]
  }

  /// Tensors that a folder may have in addition, with equal values.
  var tiedEntries: [ArchiveEntry] {
    tiesOutput ? head.tiedEntries("cls.predictions.", table: outputTable) : []
  }
}

extension TranslationModel {
  /// `EncoderDecoderModel`'s names, with a `BertModel` as encoder and a `BertLMHeadModel` as decoder.
  package var archiveEntries: [ArchiveEntry] {
    encoder.entries("encoder.") + decoder.entries("decoder.")
  }

  /// Tensors that a folder may have in addition, with equal values.
  var tiedEntries: [ArchiveEntry] {
    decoder.head.tiedEntries("decoder.cls.predictions.", table: encoder.embeddings.token)
  }
}

// The table between Swift's paths and `transformers`' names, module by module.

extension Encoder {
  func entries(_ prefix: String) -> [ArchiveEntry] {
    embeddings.entries(prefix + "embeddings.")
      + layers.enumerated().flatMap { index, layer in
        let name = "\(prefix)encoder.layer.\(index)."
        return layer.mixer.entries("\(name)\(layer.block.mixer.path).") { $0.entries($1) }
          + (layer.feedForward?.entries(name) ?? [])
      } + finalNorm.entries(prefix + "encoder.")
  }
}

extension Decoder {
  fileprivate func entries(_ prefix: String) -> [ArchiveEntry] {
    let embeddings = embeddings.entries(prefix + "bert.embeddings.").map { entry in
      var entry = entry
      entry.isShared = entry.parameter.path == self.embeddings.token.path
      return entry
    }
    let layers = layers.enumerated().flatMap { index, layer in
      let name = "\(prefix)bert.encoder.layer.\(index)."
      return layer.mixer.entries("\(name)\(layer.block.mixer.path).") { $0.entries($1) }
        + layer.crossAttention.entries(name + "crossattention.") + (layer.feedForward?.entries(name) ?? [])
    }
    return embeddings + layers + finalNorm.entries(prefix + "bert.encoder.")
      + head.entries(prefix + "cls.predictions.")
  }
}

extension Embeddings {
  fileprivate func entries(_ prefix: String) -> [ArchiveEntry] {
    let tables = [("position_embeddings.weight", position), ("token_type_embeddings.weight", segment)]
    return [.perToken(prefix + "word_embeddings.weight", token)]
      + tables.compactMap { name, table in table.map { .whole(prefix + name, $0) } }
      + norm.entries(prefix + "LayerNorm.")
      + (projection?.entries(["\(prefix.dropLast())_project."]) ?? [])
  }
}

extension Residual {
  fileprivate func entries(
    _ prefix: String, _ ofBranch: (Branch, String) -> [ArchiveEntry]
  ) -> [ArchiveEntry] {
    ofBranch(branch, prefix) + (norm?.entries(prefix + "output.LayerNorm.") ?? [])
  }
}

extension Residual where Branch: SubLayer {
  fileprivate func entries(_ prefix: String) -> [ArchiveEntry] { entries(prefix) { $0.entries($1) } }
}

extension FinalNorm {
  fileprivate func entries(_ prefix: String) -> [ArchiveEntry] {
    norm?.entries(prefix + "LayerNorm.") ?? []
  }
}

extension SelfAttention {
  func entries(_ prefix: String) -> [ArchiveEntry] {
    queryKeyValue.entries(["query", "key", "value"].map { prefix + "self.\($0)." })
      + output.entries([prefix + "output.dense."])
  }
}

extension CrossAttention {
  func entries(_ prefix: String) -> [ArchiveEntry] {
    query.entries([prefix + "self.query."])
      + keyValue.entries(["key", "value"].map { prefix + "self.\($0)." })
      + output.entries([prefix + "output.dense."])
  }
}

extension FeedForward {
  func entries(_ prefix: String) -> [ArchiveEntry] {
    intermediate.entries([prefix + "intermediate.dense."]) + output.entries([prefix + "output.dense."])
  }
}

extension MaskedLanguageHead {
  fileprivate func entries(_ prefix: String, bias: String = "bias") -> [ArchiveEntry] {
    transform.entries([prefix + "transform.dense."]) + transformNorm.entries(prefix + "transform.LayerNorm.")
      + [.perToken(prefix + bias, outputBias)]
  }

  /// The output as a linear layer, `decoder`; `transformers` ties its weight and bias to others.
  fileprivate func tiedEntries(_ prefix: String, table: Parameter) -> [ArchiveEntry] {
    [(prefix + "decoder.weight", table), (prefix + "decoder.bias", outputBias)].map { name, parameter in
      var entry = ArchiveEntry.perToken(name, parameter)
      entry.isShared = true
      return entry
    }
  }
}

extension LinearParameters {
  /// The rows divided into equal parts, one for each name.
  func entries(_ names: [String]) -> [ArchiveEntry] {
    names.enumerated().flatMap { index, name in
      [(weight, "weight"), (bias, "bias")].compactMap { parameter, kind in
        parameter.map { parameter in
          let rows = parameter.shape[0] / names.count
          return ArchiveEntry(
            name: name + kind, parameter: parameter, rows: index * rows..<(index + 1) * rows)
        }
      }
    }
  }
}

extension NormParameters {
  func entries(_ prefix: String) -> [ArchiveEntry] {
    [.whole(prefix + "weight", gain)] + (bias.map { [.whole(prefix + "bias", $0)] } ?? [])
  }
}

extension ArchiveEntry {
  static func whole(_ name: String, _ parameter: Parameter) -> ArchiveEntry {
    ArchiveEntry(name: name, parameter: parameter, rows: 0..<parameter.shape[0])
  }

  fileprivate static func perToken(_ name: String, _ parameter: Parameter) -> ArchiveEntry {
    var entry = whole(name, parameter)
    entry.isPerToken = true
    return entry
  }
}
