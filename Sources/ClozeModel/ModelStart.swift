package import ClozeCompute
internal import ClozeCore
package import Foundation

/// Where a tensor of a new model came from.
package enum TensorOrigin: Sendable, Equatable {
  /// Values of this tensor of the start's folder.
  case loaded(from: String)
  /// The same for the tokens that the start has; the rows of `newRows` further ones are means of rows there.
  case extended(from: String, newRows: Int)
  /// The values of another tensor of the model, which is loaded or new.
  case shared
  /// Initial values.
  case new
}

/// Each tensor of a new model and where it came from.
package typealias TensorOrigins = [(entry: ArchiveEntry, origin: TensorOrigin)]

/// What of a model folder becomes a tensor of a new model.
package enum StartTensor: Sendable, Equatable {
  /// This tensor; a folder without it is refused.
  case loaded(String)
  /// This tensor of a part that a folder may lack as a whole, such as a head: where no tensor's name begins with `part`, it
  /// starts new.
  case ofPart(String, part: String)
  /// None: it starts new.
  case new
}

/// A model whose tensors have names in a model folder, and which can start from another model's.
package protocol ArchivedModel: Sendable {
  var store: ParameterStore { get }
  var configuration: EncoderConfiguration { get }
  var archiveEntries: [ArchiveEntry] { get }
  /// Nil where the model has no decoder.
  var decoderLayerCount: Int? { get }

  /// What of a folder of `kind` becomes the tensor `name` of this model.
  func startTensor(_ name: String, in kind: ModelArchive.Kind) -> StartTensor
}

extension ArchivedModel {
  package var decoderLayerCount: Int? { nil }
}

/// How the token rows of a new model come from those of a start with other tokens.
package struct TokenRows: Sendable, Equatable {
  /// For each row of the new model the rows of the start whose mean it is: one for a token that the start has, those of
  /// its pieces for another. None: the mean of `all`.
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
  /// The tensor of a folder of this kind that becomes the encoder's tensor `name` of a BERT, whatever its head; nil where
  /// `name` is not the encoder's.
  package func encoderTensor(_ name: String) -> StartTensor? {
    guard name.hasPrefix("bert."), !name.hasPrefix("bert.pooler.") else { return nil }
    return .loaded(self == .translation ? "encoder." + name.dropFirst("bert.".count) : name)
  }

  var naming: TensorNaming { self == .translation ? .encoderDecoder : .bert }
}

extension MaskedLanguageModel: ArchivedModel {
  /// The encoder of any model, and the head of a masked-language model. A translator's head predicts the next token.
  package func startTensor(_ name: String, in kind: ModelArchive.Kind) -> StartTensor {
    kind.encoderTensor(name)
      ?? (kind == .translation ? .new : .ofPart(name, part: ModelArchive.headPrefix))
  }
}

extension TranslationModel: ArchivedModel {
  package var decoderLayerCount: Int? { decoderConfiguration.layerCount }

  /// All of a translator. Of another model the encoder, and what reads and writes tokens in the decoder: embeddings and
  /// output bias. The decoder's layers and its head's transform start new, see `TranslationModel`.
  package func startTensor(_ name: String, in kind: ModelArchive.Kind) -> StartTensor {
    if kind == .translation { return .loaded(name) }
    if name.hasPrefix("encoder.") { return .loaded("bert." + name.dropFirst("encoder.".count)) }
    guard name.hasPrefix("decoder."), !name.contains(".layer."), !name.contains(".transform.") else {
      return .new
    }
    let name = String(name.dropFirst("decoder.".count))
    return ModelArchive.isOfHead(name) ? .ofPart(name, part: ModelArchive.headPrefix) : .loaded(name)
  }
}

extension ModelArchive {
  /// Allocates a new model, draws its initial values, and fills it from a model folder as far as the folder has its
  /// tensors: any kind of folder, and any model. A name, a shape or a setting of the start that does not fit is found before
  /// memory is taken.
  ///
  /// - Parameters:
  ///   - model: declared and not allocated, of the start's sizes (`encoderConfiguration`).
  ///   - seed: of the tensors that start new.
  ///   - rows: where the start has other tokens than the model.
  /// - Returns: each tensor of the model and where it came from.
  /// - Throws: `ArchiveError`, `TensorFileError` where a tensor that should load is missing or of another shape, `FileError`
  package static func start(
    _ model: some ArchivedModel, from folder: URL, seed: UInt64, rows: TokenRows? = nil
  ) throws -> TensorOrigins {
    let kind = try kind(of: folder)
    let start = try encoderConfiguration(folder)
    try check(start, try decoderConfiguration(folder), fits: model, folder)
    let weights = try ModelWeights(folder, naming: kind.naming)
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

  /// Compares what no tensor's shape shows, and the depths: of a start with more layers some would be lost without a word.
  private static func check(
    _ start: EncoderConfiguration, _ decoder: DecoderConfiguration?, fits model: some ArchivedModel,
    _ folder: URL
  ) throws {
    let new = model.configuration
    var settings: [(name: String, start: String, new: String)] = [
      ("layers", "\(start.layerCount)", "\(new.layerCount)"),
      ("heads", "\(start.headCount)", "\(new.headCount)"),
      ("activation", start.activation.rawValue, new.activation.rawValue),
      ("normEpsilon", "\(Float(start.normEpsilon))", "\(Float(new.normEpsilon))"),
    ]
    if let decoder, let count = model.decoderLayerCount {
      settings.append(("decoder layers", "\(decoder.layerCount)", "\(count)"))
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
