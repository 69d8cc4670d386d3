package import ClozeCompute
internal import ClozeCore
package import ClozeData
internal import ClozeEvaluation
internal import ClozeModel
internal import ClozeText
package import Foundation

/// Masked-language pretraining of an encoder.
package struct MaskedLanguageTask: PretrainingTask {
  package static let purpose = "pretrain"

  package let text: PretrainingText
  /// Validation uses the standard masks whatever the masks of training, so that runs with different masking can be
  /// compared with each other and with `evaluate`.
  private let evaluation: MaskedEvaluation

  package init(_ text: PretrainingText) throws {
    try self.init(text, validationMasking: MaskingConfiguration())
  }

  /// - Parameter validationMasking: in place of the standard masks.
  /// - Throws: `PretrainError` if the text gives nothing to predict, `ShardError`, `FileError`
  package init(_ text: PretrainingText, validationMasking: MaskingConfiguration) throws {
    self.text = text
    do {
      evaluation = try MaskedQuestions(
        text.validation,
        scheme: EvaluationScheme(
          masking: validationMasking, windowLength: text.configuration.batch.windowLength),
        vocabulary: text.tokenizer.vocabulary
      ).evaluation(windows: text.configuration.validation.windows)
    } catch ShardError.splitTooShort {
      throw PretrainError.noValidation(data: text.folder)
    }
    guard try evaluation.asksAnything() else {
      throw PretrainError.nothingToLearn(data: text.folder, split: .validation)
    }
  }

  /// What a loss of one nat a prediction is in bits a character of the validation text: predictions over characters (Unicode
  /// scalars of the selected pieces, without the spaces between words) over ln 2.
  package func bitsPerCharacterForNats() throws -> Double {
    let vocabulary = text.tokenizer.vocabulary
    let labels = try evaluation.labels()
    let characters = labels.reduce(0) { sum, label in
      let prefix = vocabulary.isContinuation[Int(label)] ? Vocabulary.continuationPrefix.count : 0
      return sum + vocabulary.tokens[Int(label)].unicodeScalars.count - prefix
    }
    return Double(labels.count) / (Double(characters) * log(2))
  }

  package var contextFreeLoss: Double? {
    configuration.masking.contextFreeLoss(unigramEntropy: text.unigramEntropy)
  }

  package func start(from checkpoint: URL?) throws -> TrainingStart<MaskedObjective> {
    let precision = configuration.compute.elementType
    let seed = UInt64(configuration.seed)
    var origins: TensorOrigins = []
    let model: MaskedLanguageModel
    if let checkpoint {
      model = try ModelArchive.loadMaskedLanguageModel(checkpoint, precision: precision).model
    } else {
      model = try declaredModel(precision)
      origins = try text.fill(model)
    }
    let masking = try Masking(configuration.masking, vocabulary: text.tokenizer.vocabulary)
    return TrainingStart(
      MaskedObjective(
        model: model,
        source: MaskedBatchSource(
          windows: text.training, masking: masking, seed: seed, sampleCount: configuration.sampleLimit),
        batch: configuration.batch), origins: origins)
  }

  package func declaredStore(_ precision: ElementType) throws -> ParameterStore {
    try declaredModel(precision).store
  }

  /// The model without its memory.
  private func declaredModel(_ precision: ElementType) throws -> MaskedLanguageModel {
    MaskedLanguageModel(
      declaring: configuration.model, precision: precision,
      tiesOutput: try text.start.map { try ModelArchive.tiesOutput($0.folder) } ?? true)
  }

  package func validate(_ training: MaskedObjective, tapes: [Tape]) throws -> ValidationReport {
    let report = try evaluation.run(training.model, tapes: tapes)
    return ValidationReport(
      figures: ["validationLoss": report.all.loss, "validationAccuracy": report.all.accuracy],
      score: -report.all.loss, firstLoss: report.all.loss)
  }

  package func write(_ training: MaskedObjective, to folder: URL) throws {
    try ModelArchive.write(
      training.model, to: folder, metadata: identities, padding: text.tokenizer.vocabulary.specials.padding)
    try text.tokenizer.write(
      to: folder, positionCount: configuration.model.positionCount,
      hasSegments: configuration.model.segmentCount > 0)
  }
}
