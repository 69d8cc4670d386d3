package import ClozeCompute
package import ClozeCore
package import Foundation

/// A tensor of a folder that is no parameter.
typealias ArchivedTensor = (name: String, shape: [Int], values: UnsafeBufferPointer<Float>)

/// Reads and writes model folders of `transformers`: `config.json` and `model.safetensors`.
///
/// A setting or tensor without a counterpart is refused, and never skipped.
package enum ModelArchive {
  package enum Kind: String, Sendable {
    case maskedLanguage = "masked-language"
    case translation
  }

  /// The kind of a folder's model.
  /// - Throws: `ArchiveError`, `FileError`
  package static func kind(of folder: URL) throws -> Kind {
    let file = try ConfigurationFile(folder)
    switch try file.modelType() {
    case ConfigurationFile.encoderDecoderType: return .translation
    case let type where Architecture(rawValue: type) != nil: return .maskedLanguage
    case let other: throw ArchiveError.unsupported(path: file.path, what: "the model type '\(other)'")
    }
  }

  /// The identity of a folder's weights, in one file or several.
  /// - Throws: `ArchiveError`, `FileError`
  package static func weightsDigest(_ folder: URL) throws -> Digest { try ModelWeights.digest(of: folder) }

  /// The metadata of a folder's weights.
  /// - Throws: `ArchiveError`, `TensorFileError`, `FileError`
  package static func metadata(_ folder: URL) throws -> [String: String] {
    try ModelWeights(folder).metadata
  }

  /// The tensors of a BERT's folder that belong to another head than the masked-language one, and are not read.
  /// - Throws: `ArchiveError`, `TensorFileError`, `FileError`
  package static func unreadTensors(_ folder: URL) throws -> [String] {
    let weights = try ModelWeights(folder)
    let isUsed = { isRead($0) || isIgnored($0) || $0.hasPrefix(ReplacedTokenModel.headPrefix) }
    return weights.names.filter { !isUsed($0) }.map(weights.nameInFile).sorted()
  }

  /// The encoder that a folder describes: a BERT, whatever its head, or a translator's encoder.
  /// - Throws: `ArchiveError`, `FileError`
  package static func encoderConfiguration(_ folder: URL) throws -> EncoderConfiguration {
    let file = try ConfigurationFile(folder)
    return try kind(of: folder) == .translation ? file.section("encoder").encoder() : file.encoder()
  }

  /// The decoder that a translator's folder describes; nil for other folders.
  /// - Throws: `ArchiveError`, `FileError`
  package static func decoderConfiguration(_ folder: URL) throws -> DecoderConfiguration? {
    guard try kind(of: folder) == .translation else { return nil }
    return try declaredTranslationModel(folder, precision: .float32).decoderConfiguration
  }

  // MARK: Masked-language models

  /// - Throws: `ArchiveError.noHead` for an encoder by itself, or with another head; `ArchiveError`, `TensorFileError`,
  ///   `FileError`
  package static func loadMaskedLanguageModel(
    _ folder: URL, precision: ElementType
  ) throws -> (model: MaskedLanguageModel, metadata: [String: String]) {
    try require(.maskedLanguage, folder)
    let file = try ConfigurationFile(folder)
    let weights = try ModelWeights(folder)
    guard weights.hasHead || !weights.contains(TensorNaming.tokenTable) else {
      if file.modelClass?.hasSuffix("ForMaskedLM") ?? false {
        throw ArchiveError.badConfiguration(
          path: file.path,
          reason: "names a \(file.modelClass ?? ""), and the weights lack its masked-language head")
      }
      throw ArchiveError.noHead(folder: folder.path, model: file.modelClass)
    }
    let configuration = try file.encoder()
    guard try file.architecture() != .electra || configuration.activation == .gelu else {
      throw ArchiveError.unsupported(
        path: file.path, what: "a head with GELU above layers with \(configuration.activation.rawValue)")
    }
    let model = MaskedLanguageModel(
      declaring: configuration, precision: precision, tiesOutput: try tiesOutput(file, weights))
    // With an output of its own, `transformers` still writes the bias of the tied one, which it does not read.
    try load(
      model.archiveEntries, tied: model.tiedEntries, unread: model.tiesOutput ? [] : ["cls.predictions.bias"],
      from: weights, into: model.store)
    return (model, weights.metadata)
  }

  /// Whether a folder's output has the token embeddings for its table, which it has where there is no head.
  /// - Throws: `ArchiveError`, `TensorFileError`, `FileError`
  package static func tiesOutput(_ folder: URL) throws -> Bool {
    guard try kind(of: folder) == .maskedLanguage else { return true }
    let weights = try ModelWeights(folder)
    return try !weights.hasHead || tiesOutput(ConfigurationFile(folder), weights)
  }

  /// Whether the output layer shares the token embeddings. If the weights have both tables, they decide, as in
  /// `transformers`.
  private static func tiesOutput(_ file: ConfigurationFile, _ weights: ModelWeights) throws -> Bool {
    guard weights.contains(TensorNaming.outputTable) else { return try file.tiesOutput() }
    return try weights.floats(TensorNaming.outputTable) == weights.floats(TensorNaming.tokenTable)
  }

  /// - Parameter padding: the id of the padding token.
  package static func write(
    _ model: MaskedLanguageModel, to folder: URL, metadata: [String: String], padding: Int32 = 0
  ) throws {
    try write(
      model, as: model.configuration.architecture, to: folder, metadata: metadata, padding: padding)
  }

  static func write(
    _ model: MaskedLanguageModel, as architecture: Architecture, to folder: URL, metadata: [String: String],
    padding: Int32
  ) throws {
    var settings = ConfigurationFile.settings(model.configuration, as: architecture, padding: padding)
    settings["architectures"] = [architecture.classPrefix + "ForMaskedLM"]
    settings["tie_word_embeddings"] = model.tiesOutput
    try ConfigurationFile.write(settings, to: folder)
    let naming = TensorNaming(architecture, padding: padding, headWidth: model.configuration.headWidth)
    try RoFormerTensors.withPositions(model.configuration, as: architecture, ["roformer."]) { positions in
      try write(
        model.archiveEntries, of: model.store, to: folder, metadata: metadata, naming: naming,
        besides: positions)
    }
  }

  // MARK: Tensors

  /// The prefix of the names of the masked-language head's tensors.
  static let headPrefix = "cls.predictions."

  static func isOfHead(_ name: String) -> Bool { name.hasPrefix(headPrefix) }

  /// Whether a tensor belongs to the parts that are read, and so must have an entry in the model.
  private static func isRead(_ name: String) -> Bool {
    isOfHead(name) || ["bert.", "encoder.", "decoder."].contains { name.hasPrefix($0) }
  }

  /// Tensors of `transformers` that can be computed, or that no task of Cloze uses.
  private static func isIgnored(_ name: String) -> Bool {
    name.hasSuffix("embeddings.position_ids") || name.hasSuffix(RoFormerTensors.positions)
      || name.hasSuffix("embeddings.token_type_ids")
      || name.contains(".pooler.") || name.hasPrefix("cls.seq_relationship.")
  }

  /// - Parameter unread: further names that a folder may have.
  static func checkNames(
    _ weights: ModelWeights, _ entries: [ArchiveEntry], unread: Set<String> = []
  ) throws {
    let names = Set(entries.map(\.name)).union(unread)
    let unknown = weights.names.filter { isRead($0) && !isIgnored($0) && !names.contains($0) }
    if let name = unknown.min() {
      throw ArchiveError.unknownTensor(path: weights.path, name: weights.nameInFile(name))
    }
  }

  static func write(
    _ entries: [ArchiveEntry], of store: ParameterStore, to folder: URL, metadata: [String: String],
    naming: TensorNaming,
    besides: [ArchivedTensor] = []
  ) throws {
    var writer = TensorFileWriter(metadata: metadata.merging(["format": "pt"]) { _, new in new })
    // The writer reads the values when it writes, so they are kept until then.
    var copies: [UnsafeMutableBufferPointer<Float>] = []
    defer { for buffer in copies { buffer.deallocate() } }
    for (name, entry) in naming.tensors(entries) {
      var values = UnsafeBufferPointer(rebasing: store.values(of: entry.parameter)[entry.elements])
      let shape = naming.shapeInFile(entry.shape, of: entry.name)
      if shape != entry.shape || naming.roFormer(entry.name) != nil {
        let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: shape.reduce(1, *))
        buffer.initialize(repeating: 0)
        _ = buffer[(buffer.count - values.count)...].update(fromContentsOf: values)
        naming.roFormer(entry.name)?.interleave(buffer, rows: shape[0])
        copies.append(buffer)
        values = UnsafeBufferPointer(buffer)
      }
      writer.add(name, shape: shape, floats: values)
    }
    for tensor in besides { writer.add(tensor.name, shape: tensor.shape, floats: tensor.values) }
    try writer.write(to: folder.appendingPathComponent(ModelWeights.fileName))
  }

  static func require(_ kind: Kind, _ folder: URL) throws {
    let found = try self.kind(of: folder)
    guard found == kind else {
      throw ArchiveError.wrongKind(
        path: folder.path, expected: kind.rawValue,
        found: try labelKind(of: folder)?.rawValue ?? found.rawValue)
    }
  }
}

extension ModelWeights {
  /// Whether any tensor belongs to the masked-language head.
  fileprivate var hasHead: Bool { names.contains(where: ModelArchive.isOfHead) }
}
