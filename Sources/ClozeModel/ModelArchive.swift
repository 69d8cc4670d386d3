package import ClozeCompute
package import ClozeCore
package import Foundation

/// A model folder is wrong.
package enum ArchiveError: Failure {
  case notAModelFolder(path: String)
  case badConfiguration(path: String, reason: String)
  case unsupported(path: String, what: String)
  case unknownTensor(path: String, name: String)
  case wrongKind(path: String, expected: String, found: String)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .notAModelFolder(let path):
      "\(path): is not a model folder, it has no config.json; name a folder that pretrain, finetune or transformers wrote"
    case .badConfiguration(let path, let reason): "\(path): \(reason); check what wrote the file"
    case .unsupported(let path, let what):
      "\(path): asks for \(what), which Cloze does not have; use another model"
    case .unknownTensor(let path, let name):
      "\(path): tensor '\(name)' has no place in the model; the folder belongs to another architecture"
    case .wrongKind(let path, let expected, let found):
      "\(path): is a \(found) model where a \(expected) model is needed; name another folder"
    }
  }
}

/// Where a tensor of a fine-tuned model came from.
package enum TensorOrigin: Sendable, Equatable {
  case loaded(from: String)
  case shared
  case new
}

/// Model folders as the Hugging Face world reads them: `config.json` and `model.safetensors`.
///
/// What has no mapping is refused, never written wrong or silently skipped.
package enum ModelArchive {
  package enum Kind: String, Sendable {
    case maskedLanguage = "masked-language"
    case translation
  }

  private static let weightsName = "model.safetensors"

  /// What a folder holds.
  /// - Throws: `ArchiveError`, `FileError`
  package static func kind(of folder: URL) throws -> Kind {
    let file = try ConfigurationFile(folder)
    switch try file.string("model_type") {
    case "bert": return .maskedLanguage
    case "encoder-decoder": return .translation
    case let other: throw ArchiveError.unsupported(path: file.path, what: "the model type '\(other)'")
    }
  }

  /// The encoder that a masked-language model's folder describes.
  /// - Throws: `ArchiveError`, `FileError`
  package static func encoderConfiguration(_ folder: URL) throws -> EncoderConfiguration {
    try require(.maskedLanguage, folder)
    return try ConfigurationFile(folder).encoder()
  }

  // MARK: Masked-language models

  package static func loadMaskedLanguageModel(
    _ folder: URL, precision: ElementType
  ) throws -> (model: MaskedLanguageModel, metadata: [String: String]) {
    try require(.maskedLanguage, folder)
    let configuration = try ConfigurationFile(folder).encoder()
    let model = MaskedLanguageModel(declaring: configuration, precision: precision)
    let file = try TensorFile(folder.appendingPathComponent(weightsName))
    try load(model.archiveEntries, from: file, into: model.store)
    return (model, file.metadata)
  }

  package static func write(_ model: MaskedLanguageModel, to folder: URL, metadata: [String: String]) throws {
    var settings = ConfigurationFile.settings(model.configuration)
    settings["architectures"] = ["BertForMaskedLM"]
    try ConfigurationFile.write(settings, to: folder)
    try write(model.archiveEntries, of: model.store, to: folder, metadata: metadata)
  }

  // MARK: Translation models

  package static func loadTranslationModel(
    _ folder: URL, precision: ElementType
  ) throws -> (model: TranslationModel, metadata: [String: String]) {
    try require(.translation, folder)
    let file = try ConfigurationFile(folder)
    let encoder = try file.section("encoder").encoder()
    let decoder = try file.section("decoder").encoder(isDecoder: true)
    var expected = encoder
    expected.layerCount = decoder.layerCount
    guard decoder == expected else {
      throw ArchiveError.unsupported(path: file.path, what: "a decoder of other sizes than the encoder's")
    }
    let model = TranslationModel(
      declaring: encoder, decoder: DecoderConfiguration(layerCount: decoder.layerCount), precision: precision)
    let tensors = try TensorFile(folder.appendingPathComponent(weightsName))
    try load(model.archiveEntries, from: tensors, into: model.store)
    return (model, tensors.metadata)
  }

  package static func write(_ model: TranslationModel, to folder: URL, metadata: [String: String]) throws {
    let encoder = ConfigurationFile.settings(model.configuration)
    var decoder = encoder
    decoder["num_hidden_layers"] = model.decoderConfiguration.layerCount
    decoder["is_decoder"] = true
    decoder["add_cross_attention"] = true
    try ConfigurationFile.write(
      [
        "model_type": "encoder-decoder", "architectures": ["EncoderDecoderModel"], "is_encoder_decoder": true,
        "encoder": encoder, "decoder": decoder, "pad_token_id": 0,
      ], to: folder)
    try write(model.archiveEntries, of: model.store, to: folder, metadata: metadata)
  }

  /// Fills a new translation model from a pretrained masked-language model's folder.
  ///
  /// - Returns: each tensor of the translation model and where it came from.
  /// - Throws: `TensorFileError` where a tensor that should load is missing or of another shape.
  package static func loadPretrained(
    _ folder: URL, into model: TranslationModel
  ) throws -> [(entry: ArchiveEntry, origin: TensorOrigin)] {
    try require(.maskedLanguage, folder)
    let configuration = try ConfigurationFile(folder)
    let pretrained = try configuration.encoder()
    // Nothing in a tensor's shape says these.
    guard pretrained.headCount == model.configuration.headCount,
      pretrained.activation == model.configuration.activation
    else {
      throw ArchiveError.badConfiguration(
        path: configuration.path,
        reason:
          "has \(pretrained.headCount) heads and the activation '\(pretrained.activation.rawValue)', the new model "
          + "\(model.configuration.headCount) and '\(model.configuration.activation.rawValue)'")
    }
    let file = try TensorFile(folder.appendingPathComponent(weightsName))
    let table = try model.archiveEntries.map { entry -> (entry: ArchiveEntry, origin: TensorOrigin) in
      if entry.isShared { return (entry, .shared) }
      guard let name = TranslationModel.pretrainedName(entry.name) else { return (entry, .new) }
      try read(entry, name: name, from: file, into: model.store)
      return (entry, .loaded(from: name))
    }
    model.store.refreshCopies()
    return table
  }

  // MARK: Tensors

  /// Tensors of `transformers` that hold nothing of their own or that the masked-language objective does not use.
  private static func isIgnored(_ name: String) -> Bool {
    name.hasSuffix("embeddings.position_ids") || name.contains(".pooler.")
      || name.hasPrefix("cls.seq_relationship.")
      || name.hasSuffix("cls.predictions.decoder.weight") || name.hasSuffix("cls.predictions.decoder.bias")
  }

  /// Allocates the store and fills it, once the file's names and shapes are known to be the model's: sizes that only the
  /// configuration claims take no memory.
  private static func load(_ entries: [ArchiveEntry], from file: TensorFile, into store: ParameterStore)
    throws
  {
    let names = Set(entries.map(\.name))
    if let unknown = file.entries.keys.sorted().first(where: { !names.contains($0) && !isIgnored($0) }) {
      throw ArchiveError.unknownTensor(path: file.path, name: unknown)
    }
    // A tensor that repeats another may be left out, but not differ.
    let isExpected = { (entry: ArchiveEntry) in !entry.isShared || file.entries[entry.name] != nil }
    for entry in entries where isExpected(entry) { try file.check(entry.name, shape: entry.shape) }
    store.allocate(seed: nil)
    for entry in entries where !entry.isShared {
      try read(entry, name: entry.name, from: file, into: store)
    }
    for entry in entries where entry.isShared && isExpected(entry) {
      guard try file.floats(entry.name).elementsEqual(store.values(of: entry.parameter)[entry.elements])
      else {
        throw ArchiveError.unsupported(path: file.path, what: "a '\(entry.name)' that is not the encoder's")
      }
    }
    store.refreshCopies()
  }

  private static func read(
    _ entry: ArchiveEntry, name: String, from file: TensorFile, into store: ParameterStore
  ) throws {
    let values = store.values(of: entry.parameter)
    try file.read(
      name, shape: entry.shape, into: UnsafeMutableBufferPointer(rebasing: values[entry.elements]))
  }

  private static func write(
    _ entries: [ArchiveEntry], of store: ParameterStore, to folder: URL, metadata: [String: String]
  ) throws {
    var writer = TensorFileWriter(metadata: metadata.merging(["format": "pt"]) { _, new in new })
    for entry in entries {
      let values = store.values(of: entry.parameter)
      writer.add(
        entry.name, shape: entry.shape, floats: UnsafeBufferPointer(rebasing: values[entry.elements]))
    }
    try writer.write(to: folder.appendingPathComponent(weightsName))
  }

  private static func require(_ kind: Kind, _ folder: URL) throws {
    let found = try self.kind(of: folder)
    guard found == kind else {
      throw ArchiveError.wrongKind(path: folder.path, expected: kind.rawValue, found: found.rawValue)
    }
  }
}
