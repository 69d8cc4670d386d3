package import ClozeCompute
internal import ClozeCore
package import Foundation

extension ReplacedTokenModel {
  /// The prefix of the names of the head's tensors.
  static let headPrefix = "discriminator_predictions."

  /// `ElectraForPreTraining`'s names, without the generator.
  package var archiveEntries: [ArchiveEntry] {
    encoder.entries("bert.") + head.dense.entries([Self.headPrefix + "dense."])
      + head.output.entries([Self.headPrefix + "dense_prediction."])
  }

  /// `ElectraForMaskedLM`'s, as in a folder of its own; the tables that it shares with the encoder are marked.
  package var generatorEntries: [ArchiveEntry] {
    let own = Set(encoder.entries("").map(\.parameter.path))
    return generator.archiveEntries.map { entry in
      var entry = entry
      entry.isShared = own.contains(entry.parameter.path)
      return entry
    }
  }
}

extension ReplacedTokenModel: ArchivedModel {
  /// The encoder of any model, and the head of one of this kind.
  package func startTensor(_ name: String, in kind: ModelArchive.Kind) -> StartTensor {
    kind.encoderTensor(name) ?? .ofPart(name, part: Self.headPrefix)
  }
}

// Models of replaced-token detection among the model folders.
extension ModelArchive {
  /// The folder of the generator in that of the encoder.
  package static let generatorFolder = "generator"

  /// - Parameters:
  ///   - generator: the folder of the generator; nil for the one in `folder`.
  ///   - sharesPositions: whether both read one table of positions.
  /// - Throws: `ArchiveError`, also if the tables that both read differ; `TensorFileError`, `FileError`
  package static func loadReplacedTokenModel(
    _ folder: URL, generator: URL? = nil, sharesPositions: Bool, precision: ElementType
  ) throws -> (model: ReplacedTokenModel, metadata: [String: String]) {
    let generator = generator ?? folder.appendingPathComponent(generatorFolder)
    let configuration = try ConfigurationFile(folder).encoder()
    let file = try ConfigurationFile(generator)
    let ofGenerator = try file.encoder()
    for (key, found, expected) in [
      ("vocab_size", ofGenerator.vocabularySize, configuration.vocabularySize),
      ("embedding_size", ofGenerator.embeddingWidth, configuration.embeddingWidth),
    ] where found != expected {
      throw ArchiveError.badConfiguration(
        path: file.path, reason: "'\(key)' is \(found), and \(expected) in the encoder's \(folder.path)")
    }
    let model = ReplacedTokenModel(
      declaring: configuration, generator: ofGenerator, sharesPositions: sharesPositions, precision: precision
    )
    let (weights, generatorWeights) = try (ModelWeights(folder), ModelWeights(generator))
    try check(model.archiveEntries, in: weights)
    let generatorEntries = model.generatorEntries + model.generator.tiedEntries
    try check(generatorEntries, in: generatorWeights)
    model.store.allocate(seed: nil)
    try fill(model.store, with: model.archiveEntries, from: weights)
    try fill(model.store, with: generatorEntries, from: generatorWeights)
    model.store.refreshCopies()
    return (model, weights.metadata)
  }

  /// Fills a new model: its encoder and head from the folder of any model, and its generator from the one in that folder if it
  /// has one of the same sizes.
  ///
  /// - Parameters: as those of `start`.
  /// - Returns: each tensor, those of the generator under names that begin with `generator.`.
  /// - Throws: what `start` throws.
  package static func start(
    replacedTokens model: ReplacedTokenModel, from folder: URL, seed: UInt64, rows: TokenRows? = nil
  ) throws -> TensorOrigins {
    let origins = try start(model, from: folder, seed: seed, rows: rows)
    let weights = try generatorWeights(for: model, in: folder)
    defer { model.store.refreshCopies() }
    return try origins
      + model.generatorEntries.map { entry -> (entry: ArchiveEntry, origin: TensorOrigin) in
        let named = entry.named("generator." + entry.name)
        guard let weights, !entry.isShared else { return (named, entry.isShared ? .shared : .new) }
        let name = weights.nameInFile(entry.name)
        guard let rows, entry.isPerToken else {
          try read(entry, name: entry.name, from: weights, into: model.store)
          return (named, .loaded(from: "\(generatorFolder)/\(name)"))
        }
        rows.fill(
          model.store.values(of: entry.parameter), from: try weights.floats(entry.name),
          width: entry.parameter.count / entry.parameter.shape[0])
        return (named, .extended(from: "\(generatorFolder)/\(name)", newRows: rows.newCount))
      }
  }

  /// The weights of the generator in a folder; nil if it has none, or one of other sizes.
  private static func generatorWeights(for model: ReplacedTokenModel, in folder: URL) throws -> ModelWeights?
  {
    let url = folder.appendingPathComponent(generatorFolder)
    guard FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path) else {
      return nil
    }
    let settings = try ConfigurationFile(url).encoder().fixedSettings
    guard zip(settings, model.generator.configuration.fixedSettings).allSatisfy({ $0 == $1 }) else {
      return nil
    }
    return try ModelWeights(url)
  }

  /// Writes the folder so that `ElectraForPreTraining` loads it, and in it the folder of the generator, for
  /// `ElectraForMaskedLM`.
  ///
  /// - Parameter padding: the id of the padding token.
  package static func write(
    _ model: ReplacedTokenModel, to folder: URL, metadata: [String: String], padding: Int32 = 0
  ) throws {
    let architecture = model.configuration.electraArchitecture
    var settings = ConfigurationFile.settings(model.configuration, as: architecture, padding: padding)
    settings["architectures"] = [architecture.classPrefix + "ForPreTraining"]
    try ConfigurationFile.write(settings, to: folder)
    try write(
      model.archiveEntries, of: model.store, to: folder, metadata: metadata,
      naming: TensorNaming(architecture, padding: padding))
    let generator = folder.appendingPathComponent(generatorFolder)
    try Folder.create(generator)
    try write(
      model.generator, as: model.generator.configuration.electraArchitecture, to: generator,
      metadata: metadata, padding: padding)
  }
}

extension ArchiveEntry {
  fileprivate func named(_ name: String) -> ArchiveEntry {
    var entry = ArchiveEntry(name: name, parameter: parameter, rows: rows)
    (entry.isShared, entry.isPerToken) = (isShared, isPerToken)
    return entry
  }
}
