package import ClozeCompute
internal import ClozeCore
package import Foundation

/// Where a tensor of a new model came from.
package enum TensorOrigin: Sendable, Equatable {
  /// The values of this tensor of the start's folder.
  case loaded(from: String)
  /// The same for tokens that the start has. The rows of the `newRows` other tokens are means of rows of the start.
  case extended(from: String, newRows: Int)
  /// The values of another tensor of the model, with which it is tied.
  case shared
  /// Initial values.
  case new
}

/// Each tensor of a new model, and the origin of its values.
package typealias TensorOrigins = [(entry: ArchiveEntry, origin: TensorOrigin)]

/// The tensor of a model folder from which a tensor of a new model starts.
package enum StartTensor: Sendable, Equatable {
  /// This tensor; a folder without it is refused.
  case loaded(String)
  /// This tensor of a part, such as a head, that a folder may lack as a whole. If no name in the folder begins with
  /// `part`, the tensor starts new.
  case ofPart(String, part: String)
  /// None: it starts new.
  case new
}

/// A model that can be stored in a model folder, and can start from the folder of another model.
package protocol ArchivedModel: Sendable {
  var store: ParameterStore { get }
  var configuration: EncoderConfiguration { get }
  var archiveEntries: [ArchiveEntry] { get }
  /// nil if the model has no decoder.
  var decoderSettings: DecoderConfiguration? { get }

  /// The tensor of a folder of `kind` from which the tensor `name` of this model starts.
  func startTensor(_ name: String, in kind: ModelArchive.Kind) -> StartTensor
}

extension ArchivedModel {
  package var decoderSettings: DecoderConfiguration? { nil }
}

/// Maps the token rows of a start to those of a new model with another vocabulary.
package struct TokenRows: Sendable, Equatable {
  /// For each row of the new model, the rows of the start whose mean it is: one row for a token that the start has, the
  /// rows of its pieces for a new token. Empty means the mean of `all`.
  package let sources: [[Int32]]
  /// The rows of the start's ordinary tokens.
  package let all: [Int32]
  /// The tokens that the start does not have.
  package let newCount: Int

  package init(sources: [[Int32]], all: [Int32], newCount: Int) {
    self.sources = sources
    self.all = all
    self.newCount = newCount
  }

  /// - Parameters:
  ///   - old: [rows, width] of the start.
  ///   - new: [sources.count, width].
  func fill(_ new: UnsafeMutableBufferPointer<Float>, from old: [Float], width: Int) {
    func mean(_ rows: [Int32]) -> [Float] {
      var sum = [Double](repeating: 0, count: width)
      for row in rows {
        for column in 0..<width { sum[column] += Double(old[Int(row) * width + column]) }
      }
      return sum.map { Float($0 / Double(max(rows.count, 1))) }
    }
    let meanOfAll = mean(all)
    for (row, rows) in sources.enumerated() {
      let values = rows.isEmpty ? meanOfAll : mean(rows)
      _ = new[(row * width)..<(row + 1) * width].update(fromContentsOf: values)
    }
  }
}

extension ModelArchive.Kind {
  /// The tensor of a folder of this kind for the encoder's tensor `name` of a BERT with any head; nil if `name` does
  /// not belong to the encoder.
  package func encoderTensor(_ name: String) -> StartTensor? {
    guard name.hasPrefix("bert."), !name.hasPrefix("bert.pooler.") else { return nil }
    return .loaded(self == .translation ? "encoder." + name.dropFirst("bert.".count) : name)
  }
}

extension MaskedLanguageModel: ArchivedModel {
  /// The encoder of any model, and the head of a masked-language model. A translator's head predicts the next token.
  package func startTensor(_ name: String, in kind: ModelArchive.Kind) -> StartTensor {
    kind.encoderTensor(name)
      ?? (kind == .translation ? .new : .ofPart(name, part: ModelArchive.headPrefix))
  }
}

extension TranslationModel: ArchivedModel {
  package var decoderSettings: DecoderConfiguration? { decoderConfiguration }

  /// All tensors of a translator. Of any other model the encoder, and for the decoder the embeddings and the output
  /// bias. The decoder's layers, the norm after them and the transform of its head start new, see `TranslationModel`.
  package func startTensor(_ name: String, in kind: ModelArchive.Kind) -> StartTensor {
    if kind == .translation { return .loaded(name) }
    if name.hasPrefix("encoder.") { return .loaded("bert." + name.dropFirst("encoder.".count)) }
    guard name.hasPrefix("decoder."), !name.hasPrefix("decoder.bert.encoder."), !name.contains(".transform.")
    else { return .new }
    let name = String(name.dropFirst("decoder.".count))
    return ModelArchive.isOfHead(name) ? .ofPart(name, part: ModelArchive.headPrefix) : .loaded(name)
  }
}

extension ModelArchive {
  /// Allocates a new model, draws its initial values, and loads the tensors that the start's folder has for it. Model
  /// and folder may be of any kind. A name, a shape or a setting that does not fit is refused before memory is
  /// allocated.
  ///
  /// - Parameters:
  ///   - model: declared and not allocated, with the sizes of the start (`encoderConfiguration`).
  ///   - seed: for the tensors that start new.
  ///   - rows: if the start has another vocabulary than the model.
  /// - Returns: each tensor of the model, and the origin of its values.
  /// - Throws: `ArchiveError`; `TensorFileError` if a tensor that should load is missing or has another shape;
  ///   `FileError`
  package static func start(
    _ model: some ArchivedModel, from folder: URL, seed: UInt64, rows: TokenRows? = nil
  ) throws -> TensorOrigins {
    let kind = try kind(of: folder)
    let start = try encoderConfiguration(folder)
    try check(start, try decoderConfiguration(folder), fits: model, folder)
    let weights = try ModelWeights(folder)
    try checkNames(weights, knownEntries(kind, folder))

    let table = model.archiveEntries.map { entry -> (entry: ArchiveEntry, start: StartTensor) in
      guard !entry.isShared else { return (entry, .new) }
      switch model.startTensor(entry.name, in: kind) {
      case .ofPart(let name, let part):
        return (entry, weights.names.contains { $0.hasPrefix(part) } ? .loaded(name) : .new)
      case let start: return (entry, start)
      }
    }
    for case (let entry, .loaded(let name)) in table {
      try weights.check(
        name, shape: entry.isPerToken && rows != nil ? entry.shape(rows: start.vocabularySize) : entry.shape)
    }
    model.store.allocate(seed: seed)
    defer { model.store.refreshCopies() }
    return try table.map { entry, start in
      guard case .loaded(let name) = start else { return (entry, entry.isShared ? .shared : .new) }
      guard let rows, entry.isPerToken else {
        try read(entry, name: name, from: weights, into: model.store)
        return (entry, .loaded(from: weights.nameInFile(name)))
      }
      rows.fill(
        model.store.values(of: entry.parameter), from: try weights.floats(name),
        width: entry.parameter.count / entry.parameter.shape[0])
      return (entry, .extended(from: weights.nameInFile(name), newRows: rows.newCount))
    }
  }

  /// Settings that the shapes of tensors show, or that change no value.
  private static let shownByShapes: Set = [
    "family", "hiddenSize", "embeddingSize", "feedForwardSize", "positionCount", "initializerDeviation",
  ]

  /// Compares the settings that no shape shows, and the numbers of layers, since extra layers of the start would be
  /// silently lost.
  private static func check(
    _ start: EncoderConfiguration, _ decoder: DecoderConfiguration?, fits model: some ArchivedModel,
    _ folder: URL
  ) throws {
    let unseen = { (setting: (key: String, value: String)) in
      !shownByShapes.contains(setting.key) && !start.unusedSettings.contains(setting.key)
    }
    var settings = zip(start.fixedSettings, model.configuration.fixedSettings).filter { unseen($0.0) }.map {
      (name: $0.key, start: $0.value, new: $1.value)
    }
    if let decoder, let ours = model.decoderSettings {
      settings.append(("decoder layers", "\(decoder.layerCount)", "\(ours.layerCount)"))
      let blocks = (decoder.sizes(start).layerBlocks, ours.sizes(model.configuration).layerBlocks)
      settings.append(("decoder blocks", "\(BlockPattern(blocks.0))", "\(BlockPattern(blocks.1))"))
    }
    let differences = settings.filter { $0.start != $0.new }
    guard differences.isEmpty else {
      throw ArchiveError.otherSettings(
        path: folder.appendingPathComponent("config.json").path,
        differences: differences.map { "\($0.name) \($0.start), the new model \($0.new)" })
    }
  }

  /// All tensors that a folder of `kind` may have.
  private static func knownEntries(_ kind: Kind, _ folder: URL) throws -> [ArchiveEntry] {
    if kind == .translation {
      let model = try declaredTranslationModel(folder, precision: .float32)
      return model.archiveEntries + model.tiedEntries
    }
    let model = MaskedLanguageModel(declaring: try encoderConfiguration(folder), precision: .float32)
    return model.archiveEntries + model.tiedEntries
  }
}
