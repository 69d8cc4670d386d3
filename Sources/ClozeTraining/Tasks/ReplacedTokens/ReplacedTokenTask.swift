package import ClozeCompute
internal import ClozeCore
internal import ClozeData
internal import ClozeEvaluation
internal import ClozeModel
internal import ClozeText
package import Foundation

/// Pretraining of an encoder by replaced-token detection, with the generator that it needs (ELECTRA).
package struct ReplacedTokenTask: PretrainingTask {
  package static let purpose = "replacedTokens"

  package let text: PretrainingText
  private let evaluation: ReplacedTokenEvaluation

  private var settings: ReplacedTokenConfiguration { configuration.replacedTokens }

  package init(_ text: PretrainingText) throws {
    self.text = text
    evaluation = try ReplacedTokenEvaluation(text)
  }

  package func declaredStore(_ precision: ElementType) throws -> ParameterStore {
    declaredModel(precision).store
  }

  private func declaredModel(_ precision: ElementType) -> ReplacedTokenModel {
    ReplacedTokenModel(
      declaring: configuration.model,
      generator: configuration.model.generator(
        width: settings.generatorWidth, layers: settings.generatorLayers),
      sharesPositions: settings.sharesPositions, precision: precision)
  }

  package func start(from checkpoint: URL?) throws -> TrainingStart<ReplacedTokenObjective> {
    let precision = configuration.compute.elementType
    let seed = UInt64(configuration.seed)
    var origins: TensorOrigins = []
    let model: ReplacedTokenModel
    if let checkpoint {
      model = try ModelArchive.loadReplacedTokenModel(
        checkpoint, sharesPositions: settings.sharesPositions, precision: precision
      ).model
    } else {
      model = declaredModel(precision)
      if let start = text.start {
        origins = try ModelArchive.start(
          replacedTokens: model, from: start.folder, seed: seed, rows: text.rows)
      } else {
        model.store.allocate(seed: seed)
      }
    }
    let vocabulary = text.tokenizer.vocabulary
    let masking = try Masking(configuration.masking, vocabulary: vocabulary)
    let objective = ReplacedTokenObjective(
      model: model,
      source: MaskedBatchSource(
        windows: text.training, masking: masking, seed: seed, sampleCount: configuration.sampleLimit),
      draw: ReplacementDraw(
        temperature: settings.temperature, vocabulary: vocabulary,
        rowCount: configuration.model.vocabularySize, seed: seed),
      generatorTraining: settings.generatorTraining, discriminatorWeight: settings.discriminatorWeight,
      batch: configuration.batch)
    return TrainingStart(objective, origins: origins)
  }

  /// `validationLoss` is what training minimises, and ranks the checkpoints: the encoder's loss alone also falls when the
  /// generator gets worse.
  package func validate(_ training: ReplacedTokenObjective, tapes: [Tape]) throws -> ValidationReport {
    let report = try evaluation.run(training.model, tapes: tapes)
    let ofGenerator =
      settings.generatorTraining == .likelihood ? report.generator.loss : -report.reward
    let loss = ofGenerator + settings.discriminatorWeight * report.discriminator.loss
    return ValidationReport(
      figures: [
        "validationLoss": loss, "generatorLoss": report.generator.loss,
        "generatorAccuracy": report.generator.accuracy, "discriminatorLoss": report.discriminator.loss,
        "discriminatorAccuracy": report.discriminator.accuracy, "replacedPrecision": report.precision,
        "replacedRecall": report.recall, "generatorReward": report.reward,
      ], score: -loss,
      firstLoss: settings.generatorTraining == .likelihood ? report.generator.loss : nil)
  }

  package func write(_ training: ReplacedTokenObjective, to folder: URL) throws {
    let generator = folder.appendingPathComponent(ModelArchive.generatorFolder)
    try ModelArchive.write(
      training.model, to: folder, metadata: identities, padding: text.tokenizer.vocabulary.specials.padding)
    for folder in [folder, generator] {
      try text.tokenizer.write(to: folder, positionCount: configuration.model.positionCount)
    }
    try Folder.synchronize(generator)
  }
}
