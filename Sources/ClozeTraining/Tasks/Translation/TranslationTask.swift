package import ClozeCompute
internal import ClozeCore
package import ClozeData
package import ClozeEvaluation
internal import ClozeModel
package import ClozeText
package import Foundation

/// Fine-tuning into a translator, on labelled pairs.
package struct TranslationTask: FinetuningTask, PlannedTask {
  package static let purpose = "finetune"

  package let configuration: FinetuneConfiguration
  package let identities: CheckpointManifest.Identities
  package let findings: RowFindings
  package let warnings: [String]
  private let origin: FinetuneOrigin
  private let trainingBatches: LengthBatches<EncodedPair>
  private let validationPairs: PairSelection
  /// The scripts of the training pairs, for the metadata of checkpoints.
  private let scripts: [String: String]
  private let validationBatches: LengthBatches<EncodedPair>

  /// What the run trains on first; nil if it trains on real pairs alone.
  private let synthetic: SyntheticPhase?
  /// What it learns from by policy gradient as well; nil for nothing.
  private let policy: PolicySamples?

  package var sampleText: String {
    let pairs = "\(Figure.count(trainingBatches.samples.count)) pairs"
    if let policy { return pairs + " and " + policy.text }
    guard let synthetic else { return pairs }
    return pairs + ", before them \(Figure.count(synthetic.batches.samples.count)) synthetic ones for "
      + "\(Figure.count(synthetic.stepCount)) steps"
  }
  package var tokenizer: Tokenizer { origin.tokenizer }
  package var damaged: [CheckpointError] { origin.damaged }
  package var patience: Int { configuration.validation.patience }
  package let contextFreeLoss: Double?

  /// Finds the start, and checks that settings and pairs fit it.
  /// - Parameters:
  ///   - synthetic: a file of synthetic pairs to train on first.
  ///   - rewards: a file of samples of the start's model with rewards, to learn from by policy gradient as well. Not both.
  /// - Throws: `FinetuneError`, `ConfigurationError`, `TranslationError`, `SyntheticError`, `RewardError`, and what reading
  ///   the start's folder throws
  package init(
    configuration: FinetuneConfiguration, start: FinetuneStart, training: TranslationPairs,
    validation: TranslationPairs, synthetic: URL? = nil, rewards: URL? = nil
  ) throws {
    let origin = try FinetuneOrigin(start)
    let tokenizer = origin.tokenizer
    var settings = configuration
    settings.model = try origin.sizes(configuration.model)
    settings.decoder = try origin.sizes(configuration.decoder)
    settings.compute = settings.compute.resolved
    try settings.model.checkLength(settings.batch.maximumLength)
    let configuration = settings
    self.configuration = configuration

    let maximumLength = configuration.batch.maximumLength
    let usable = try PairSelection(training, tokenizer: tokenizer, maximumLength: maximumLength)
    let held = try PairSelection(validation, tokenizer: tokenizer, maximumLength: maximumLength)
    validationPairs = held.sample(
      configuration.validation.pairs > 0 ? configuration.validation.pairs : held.pairs.count,
      seed: EvaluationScheme.standardSeed)
    func batches(_ pairs: PairSelection) -> LengthBatches<EncodedPair> {
      LengthBatches(
        pairs.encoded, tokensPerMicrobatch: configuration.batch.tokensPerMicrobatch,
        seed: UInt64(configuration.seed))
    }
    trainingBatches = batches(usable)
    let targets = UnigramCounts(
      targetsOf: usable.encoded, end: tokenizer.vocabulary.specials.separator,
      vocabularySize: configuration.model.vocabularySize)
    contextFreeLoss = targets.entropy(labelSmoothing: configuration.labelSmoothing)
    validationBatches = batches(validationPairs)
    let phase = try synthetic.map {
      try SyntheticPhase($0, configuration: configuration, tokenizer: tokenizer, held: held.pairs)
    }
    self.synthetic = phase
    let policy = try rewards.map {
      try PolicySamples(
        $0, configuration: configuration, tokenizer: tokenizer, generator: origin.digest, held: held.pairs)
    }
    self.policy = policy
    findings = TranslationTask.findings(
      training, usable, validation, held, phase, policy, maximumLength: maximumLength)

    var identities: CheckpointManifest.Identities = [
      "tokenizer": tokenizer.digest.hex, "pairs": training.digest.hex,
      "validation": TranslationPairs(validationPairs.pairs).digest.hex, "start": origin.digest,
    ]
    identities["synthetic"] = phase?.identity
    identities["rewards"] = policy?.digest.hex
    self.identities = identities
    self.origin = origin
    scripts = ScriptMetadata.of(training.pairs)
    warnings =
      origin.unreadTensors + origin.tokenMessages
      + UnknownPairs(training.pairs, tokenizer).warnings(of: "training")
      + UnknownPairs(validation.pairs, tokenizer).warnings(of: "validation") + (phase?.warnings ?? [])
      + (policy?.warnings ?? [])
  }

  private static func findings(
    _ training: TranslationPairs, _ usable: PairSelection, _ validation: TranslationPairs,
    _ held: PairSelection,
    _ phase: SyntheticPhase?, _ policy: PolicySamples?, maximumLength: Int
  ) -> RowFindings {
    var findings = RowFindings(of: "pair")
    findings.describe(training, usable, maximumLength: maximumLength)
    findings.describe(validation, held, maximumLength: maximumLength)
    findings.describeOverlap(of: validation, with: training.pairs)
    if let phase { findings.describe(phase.file, phase.selection, maximumLength: phase.maximumLength) }
    if let policy { findings.describe(policy.file, policy.selection, maximumLength: maximumLength) }
    return findings
  }

  package func start(from checkpoint: URL?) throws -> TrainingStart<TranslationObjective> {
    let precision = configuration.compute.elementType
    let model: TranslationModel
    let origins: TensorOrigins
    if let checkpoint {
      model = try ModelArchive.loadTranslationModel(checkpoint, precision: precision).model
      origins = model.archiveEntries.map { ($0, $0.isShared ? .shared : .loaded(from: $0.name)) }
    } else {
      model = declaredModel(precision)
      origins = try origin.start(model, seed: UInt64(configuration.seed))
    }
    return TrainingStart(objective(model, trainingBatches), origins: origins)
  }

  private func objective(_ model: TranslationModel, _ batches: LengthBatches<EncodedPair>)
    -> TranslationObjective
  {
    TranslationObjective(
      model: model, batches: batches, microbatchCount: configuration.batch.microbatches,
      specials: tokenizer.vocabulary.specials, labelSmoothing: configuration.labelSmoothing,
      wordDropout: configuration.wordDropout,
      noise: PairNoise(
        configuration.noise, configuration.pieceDropout, tokenizer: tokenizer,
        maximumLength: configuration.batch.maximumLength, seed: UInt64(configuration.seed)),
      seed: UInt64(configuration.seed), synthetic: synthetic.map { ($0.batches, $0.stepCount) },
      policy: policy.map { ($0.batches, configuration.policy.weight) })
  }

  private func declaredModel(_ precision: ElementType) -> TranslationModel {
    TranslationModel(declaring: configuration.model, decoder: configuration.decoder, precision: precision)
  }

  package func write(_ training: TranslationObjective, to folder: URL) throws {
    try ModelArchive.write(
      training.model, to: folder, metadata: identities.merging(scripts) { own, _ in own },
      generation: tokenizer.generation(rowCount: configuration.model.vocabularySize))
    try tokenizer.write(
      to: folder, positionCount: configuration.model.positionCount,
      hasSegments: configuration.model.segmentCount > 0)
  }

  package func validate(_ training: TranslationObjective, tapes: [Tape]) throws -> ValidationReport {
    let samples = validationBatches.samples
    let loss = try loss(of: training.model, on: samples, tapes: tapes)
    let translator = Translator(
      training.model, tokenizer: tokenizer,
      beam: BeamConfiguration(beamSize: configuration.validation.beamSize))
    let report = try TranslationEvaluation(validationPairs.pairs).run(translator, tapes: tapes)
    var figures = ["validationLoss": loss, "BLEU": report.bleu.value, "chrF": report.chrF.value]
    var warnings = report.warnings
    if let gain = try sourceGain(training, loss: loss, tapes: tapes) {
      figures["sourceGain"] = gain
      // `ignoresSource` has its own warning.
      if gain < TranslationTask.leastSourceGain, !report.ignoresSource {
        warnings.append(
          "the loss is only \(Figure.decimal(gain, 3)) nats a token higher with the sources of other sentences: the decoder "
            + "hardly reads its source so far; train longer, with more pairs or from a pretrained model")
      }
    }
    return ValidationReport(
      figures: figures, score: score(report, loss: loss), firstLoss: loss, warnings: warnings)
  }

  package func inputGain(_ training: TranslationObjective, tapes: [Tape]) throws -> Double? {
    try sourceGain(
      training, loss: loss(of: training.model, on: validationBatches.samples, tapes: tapes), tapes: tapes)
  }

  /// How much higher the loss is with the sources of other validation pairs; nil if all have one source.
  /// - Parameter loss: with their own.
  private func sourceGain(_ training: TranslationObjective, loss: Double, tapes: [Tape]) throws -> Double? {
    guard let displaced = validationBatches.samples.withDisplacedSources else { return nil }
    return try self.loss(of: training.model, on: displaced, tapes: tapes) - loss
  }

  /// Nats a token that a decoder which reads its source loses at least with another source. One that has learnt a few words of
  /// its source gains more than that; one that has not gains nothing but noise.
  private static let leastSourceGain = 0.05

  /// The loss of each target token, the last one's end included, in nats.
  /// - Parameter samples: the validation pairs, maybe with other sources.
  private func loss(of model: TranslationModel, on samples: [EncodedPair], tapes: [Tape]) throws -> Double {
    let plan = validationBatches.evaluationPlan
    let specials = tokenizer.vocabulary.specials
    return try model.statistics(batches: plan.count, tapes: tapes) { index in
      TranslationBatch(plan[index].lazy.map { samples[$0] }, specials: specials)
    }.loss
  }

  /// The score that ranks checkpoints; larger is better. One translation for all sentences often has a higher BLEU and
  /// chrF than the first real translations. So such a model ranks below all others, by its loss.
  private func score(_ report: TranslationEvaluation.Report, loss: Double) -> Double {
    switch configuration.validation.rankBy {
    case .loss: -loss
    case .chrF where report.ignoresSource, .bleu where report.ignoresSource: -1 - loss
    case .chrF: report.chrF.value
    case .bleu: report.bleu.value
    }
  }
}

extension TranslationTask {
  package var microbatchCount: Int { configuration.batch.microbatches * (policy == nil ? 1 : 2) }
  package var microbatchSizes: ClosedRange<Int> { configuration.batch.microbatchSizes }

  package func declaredStore(_ precision: ElementType) throws -> ParameterStore {
    declaredModel(precision).store
  }

  package func objective(_ training: TranslationObjective, microbatchSize: Int) -> TranslationObjective {
    objective(
      training.model,
      LengthBatches(
        trainingBatches.samples, tokensPerMicrobatch: microbatchSize, seed: UInt64(configuration.seed)))
  }
}
