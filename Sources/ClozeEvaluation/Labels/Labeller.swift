package import ClozeCompute
package import ClozeCore
package import ClozeData
package import ClozeModel
package import ClozeText
package import Foundation

/// Labels texts with a classifier and its tokenizer, which are checked to belong together.
package struct Labeller: Sendable {
  package let folder: URL
  package let model: ClassificationModel
  package let tokenizer: Tokenizer
  /// The most positions of a sample: those of training if the folder states them, otherwise all positions of the model.
  package let maximumLength: Int
  /// The number of texts of a sample in training, if the folder states it.
  package let textCount: Int?
  /// The digest of its training samples, if the folder states it.
  package let trainingData: String?

  /// - Parameter kind: the kind that the model must have; nil for either.
  /// - Throws: `ArchiveError.wrongKind` for a model of another kind; `ArchiveError`, `TensorFileError`, `TokenizerError`,
  ///   `EvaluationError`, `FileError`
  package init(_ folder: URL, kind: LabelKind?, precision: ComputeConfiguration.Precision) throws {
    let (model, metadata) = try ModelArchive.loadClassificationModel(
      folder, kind: kind, precision: precision.elementType)
    tokenizer = try Tokenizer(
      besideModel: folder, vocabularySize: model.configuration.vocabularySize, metadata: metadata)
    self.folder = folder
    self.model = model
    let positions = model.configuration.positionCount
    guard positions >= 5 else {
      throw EvaluationError.tooFewPositions(model: folder.path, positions: positions)
    }
    maximumLength = min(max(metadata["maximumLength"].flatMap(Int.init) ?? positions, 5), positions)
    textCount = metadata["texts"].flatMap(Int.init)
    trainingData = metadata["rows"]
  }

  package var kind: LabelKind { model.kind }

  /// Encodes the samples of a file.
  /// - Throws: `LabelError.noKnownLabel`
  package func encode(_ file: LabelledFile) throws -> EncodedFile {
    try EncodedFile(file, labels: model.labels, tokenizer: tokenizer, maximumLength: maximumLength)
  }

  /// Labels the samples of a file, and compares with their true labels.
  package func report(_ encoded: EncodedFile, tapes: [Tape]) throws -> LabelReport {
    LabelReport(
      encoded, labels: model.labels,
      logProbabilities: try model.logProbabilities(encoded.parts, tapes: tapes))
  }

  /// The result for a sample: the probabilities of all labels, of the text or of each word, and whether the sample was
  /// cut.
  package struct Labelling: Sendable {
    package let probabilities: [[Double]]
    package let isCut: Bool
    /// Whether the model's probabilities are not finite.
    package var isFinite: Bool { probabilities.allSatisfy { $0.allSatisfy(\.isFinite) } }
  }

  /// Labels samples, in their order.
  package func label(_ samples: [LabelledSample], tapes: [Tape]) throws -> [Labelling] {
    var encoder = LabelEncoder(labels: model.labels, tokenizer: tokenizer, maximumLength: maximumLength)
    let encoded = samples.map { encoder.encode($0, kind) }
    let found = try model.logProbabilities(encoded.flatMap(\.parts), tapes: tapes)
    var next = 0
    return encoded.map { sample in
      defer { next += sample.parts.count }
      return Labelling(
        probabilities: found[next..<next + sample.parts.count].flatMap { rows in
          rows.map { row in row.map { exp(Double($0)) } }
        }, isCut: sample.isCut)
    }
  }

  /// Everything that two comparable scores must have in common.
  package func signature(of file: LabelledFile) -> String {
    let labels = Digest(of: model.labels.joined(separator: "\n"))
    return [
      kind == .classification ? "macroF1" : "entityF1", "task:\(kind.rawValue)", "labels:\(labels.short)",
      "length:\(maximumLength)", "tokenizer:\(tokenizer.digest.short)", "data:\(file.digest.short)",
      "n:\(file.samples.count)", "precision:\(model.store.precision)", "cloze:\(Cloze.version)",
    ].joined(separator: "|")
  }
}
