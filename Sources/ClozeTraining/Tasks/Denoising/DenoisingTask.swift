package import ClozeCompute
internal import ClozeCore
internal import ClozeData
internal import ClozeEvaluation
internal import ClozeModel
internal import ClozeText
package import Foundation

/// Pretraining of a whole translator, encoder, cross-attention and decoder, on raw text: the encoder reads a corrupted copy,
/// and the decoder writes the text.
package struct DenoisingTask: PretrainingTask {
  package static let purpose = "denoising"

  package let text: PretrainingText
  /// The corrupted validation windows: always the same, whatever the corruption of training, so that runs can be compared.
  private let validation: [[EncodedPair]]

  package init(_ text: PretrainingText) throws {
    self.text = text
    let (windows, passes) = try text.validationWindows()
    let source = CorruptedPairSource(
      windows: windows,
      corruption: try Corruption(
        CorruptionConfiguration(), masking: .forDenoising, vocabulary: text.tokenizer.vocabulary),
      seed: EvaluationScheme.standardSeed)
    validation = try passes.map { try source.evaluationPairs(windows: $0) }.filter { !$0.isEmpty }
    guard !validation.isEmpty else {
      throw PretrainError.nothingToLearn(data: text.folder, split: .validation)
    }
  }

  package var contextFreeLoss: Double? { text.unigramEntropy }

  package func declaredStore(_ precision: ElementType) throws -> ParameterStore {
    declaredModel(precision).store
  }

  private func declaredModel(_ precision: ElementType) -> TranslationModel {
    TranslationModel(declaring: configuration.model, decoder: configuration.decoder, precision: precision)
  }

  package func start(from checkpoint: URL?) throws -> TrainingStart<DenoisingObjective> {
    let precision = configuration.compute.elementType
    let seed = UInt64(configuration.seed)
    var origins: TensorOrigins = []
    let model: TranslationModel
    if let checkpoint {
      model = try ModelArchive.loadTranslationModel(checkpoint, precision: precision).model
    } else {
      model = declaredModel(precision)
      origins = try text.fill(model)
    }
    let corruption = try Corruption(
      configuration.corruption, masking: configuration.masking, vocabulary: text.tokenizer.vocabulary)
    return TrainingStart(
      DenoisingObjective(
        model: model,
        source: CorruptedPairSource(windows: text.training, corruption: corruption, seed: seed),
        specials: text.tokenizer.vocabulary.specials, batch: configuration.batch), origins: origins)
  }

  /// `sourceGain` is how much less a token costs with its own source than with that of another text, in nats.
  package func validate(_ training: DenoisingObjective, tapes: [Tape]) throws -> ValidationReport {
    let all = try statistics(training.model, validation, tapes)
    var figures = ["validationLoss": all.loss, "validationAccuracy": all.accuracy]
    let displaced = validation.compactMap(\.withDisplacedSources)
    if displaced.count == validation.count {
      figures["sourceGain"] = try statistics(training.model, displaced, tapes).loss - all.loss
    }
    // Training may corrupt less of the text than the frozen masks do, and its loss is then lower for that alone.
    let isComparable = configuration.masking.selectionRate >= MaskingConfiguration.forDenoising.selectionRate
    return ValidationReport(figures: figures, score: -all.loss, firstLoss: isComparable ? all.loss : nil)
  }

  private func statistics(_ model: TranslationModel, _ batches: [[EncodedPair]], _ tapes: [Tape]) throws
    -> PredictionStatistics
  {
    let specials = text.tokenizer.vocabulary.specials
    return try model.statistics(batches: batches.count, tapes: tapes) {
      TranslationBatch(batches[$0], specials: specials)
    }
  }

  package func write(_ training: DenoisingObjective, to folder: URL) throws {
    try ModelArchive.write(
      training.model, to: folder, metadata: identities,
      generation: text.tokenizer.generation(rowCount: configuration.model.vocabularySize))
    try text.tokenizer.write(
      to: folder, positionCount: configuration.model.positionCount,
      hasSegments: configuration.model.segmentCount > 0)
  }
}
