package import ClozeCompute
internal import ClozeCore
package import ClozeData
package import ClozeEvaluation
internal import ClozeModel
package import ClozeText
package import Foundation

/// Fine-tuning into a classifier of texts, or of words, on labelled samples.
package struct LabelTask: FinetuningTask, PlannedTask {
  package static let purpose = "labels"

  package let configuration: LabelConfiguration
  package let identities: CheckpointManifest.Identities
  package let findings: RowFindings
  package let warnings: [String]
  /// The names of the classes, by number.
  package let labels: [String]
  /// Whether the classifier of the start is kept.
  private let keepsClassifier: Bool
  private let kind: LabelKind
  private let origin: FinetuneOrigin
  private let training: LabelledFile
  private let batches: LengthBatches<EncodedSample>
  private let held: EncodedFile

  package var tokenizer: Tokenizer { origin.tokenizer }
  package var damaged: [CheckpointError] { origin.damaged }
  package var patience: Int { configuration.validation.patience }

  package var sampleText: String {
    "\(Figure.count(training.samples.count)) \(kind == .classification ? "texts" : "sentences") with "
      + "\(labels.count) labels"
  }

  /// Finds the start, and checks that settings and samples fit it.
  /// - Throws: `FinetuneError`, `ConfigurationError`, `LabelError`, and what reading the start's folder throws
  package init(
    configuration: LabelConfiguration, start: FinetuneStart, training: LabelledFile, validation: LabelledFile
  ) throws {
    let origin = try FinetuneOrigin(start)
    var settings = configuration
    settings.model = try origin.sizes(configuration.model)
    settings.compute = settings.compute.resolved
    let maximumLength = settings.batch.maximumLength
    try settings.model.checkLength(maximumLength)
    self.configuration = settings
    self.origin = origin
    self.training = training
    kind = training.kind
    (labels, keepsClassifier) = try LabelTask.labels(training, origin)
    let (labels, tokenizer) = (labels, origin.tokenizer)
    func encode(_ file: LabelledFile) throws -> EncodedFile {
      try EncodedFile(file, labels: labels, tokenizer: tokenizer, maximumLength: maximumLength)
    }
    let encoded = try encode(training)
    held = try encode(validation)
    batches = LengthBatches(
      encoded.parts, tokensPerMicrobatch: settings.batch.tokensPerMicrobatch, seed: UInt64(settings.seed))

    var findings = RowFindings(of: training.kind)
    findings.describe(encoded, maximumLength: maximumLength)
    findings.describeLabels(of: training)
    findings.describe(held, maximumLength: maximumLength)
    findings.describeTextCounts(training, validation)
    findings.describeOverlap(of: validation, with: training)
    self.findings = findings
    identities = [
      "tokenizer": tokenizer.digest.hex, "rows": training.digest.hex, "validation": validation.digest.hex,
      "start": origin.digest, "task": kind.rawValue,
    ]
    warnings =
      origin.tokenMessages + LabelTask.unknownText(training, tokenizer, "training")
      + LabelTask.unknownText(validation, tokenizer, "validation")
  }

  /// Those of the training samples, sorted; of a start whose classifier knows them all, its own.
  private static func labels(_ file: LabelledFile, _ origin: FinetuneOrigin) throws -> (
    labels: [String], keepsClassifier: Bool
  ) {
    let labels = file.labels
    if origin.isPretrained, try ModelArchive.labelKind(of: origin.folder) == file.kind {
      let known = try ModelArchive.labels(of: origin.folder)
      if Set(known).isSuperset(of: labels) { return (known, true) }
    }
    guard labels.count > 1 else { throw LabelError.oneLabel(path: file.path, label: labels.first ?? "") }
    return (labels, false)
  }

  private static func unknownText(_ file: LabelledFile, _ tokenizer: Tokenizer, _ name: String) -> [String] {
    let unknown = UnknownText(TextLoss(file.samples.lazy.flatMap(\.texts), tokenizer), tokenizer)
    return unknown.isWorthAWarning
      ? ["\(name) texts: \(unknown.description); \(unknown.adviceForModel)"] : []
  }

  package func start(from checkpoint: URL?) throws -> TrainingStart<LabelObjective> {
    let precision = configuration.compute.elementType
    let model: ClassificationModel
    let origins: TensorOrigins
    if let checkpoint {
      model = try ModelArchive.loadClassificationModel(checkpoint, kind: kind, precision: precision).model
      origins = model.archiveEntries.map { ($0, .loaded(from: $0.name)) }
    } else {
      model = declaredModel(precision)
      origins = try origin.start(model, seed: UInt64(configuration.seed))
    }
    return TrainingStart(objective(model, batches), origins: origins)
  }

  private func objective(_ model: ClassificationModel, _ batches: LengthBatches<EncodedSample>)
    -> LabelObjective
  {
    LabelObjective(
      model: model, batches: batches, microbatchCount: configuration.batch.microbatches,
      labelSmoothing: configuration.labelSmoothing)
  }

  private func declaredModel(_ precision: ElementType) -> ClassificationModel {
    ClassificationModel(
      declaring: configuration.model, kind: kind, labels: labels, keepsClassifier: keepsClassifier,
      precision: precision)
  }

  package func write(_ training: LabelObjective, to folder: URL) throws {
    var metadata = identities
    metadata["maximumLength"] = String(configuration.batch.maximumLength)
    if kind == .classification { metadata["texts"] = String(self.training.textCount) }
    try ModelArchive.write(
      training.model, to: folder, metadata: metadata, padding: tokenizer.vocabulary.specials.padding)
    try tokenizer.write(
      to: folder, positionCount: configuration.batch.maximumLength,
      hasSegments: training.model.configuration.segmentCount > 0)
  }

  package func validate(_ training: LabelObjective, tapes: [Tape]) throws -> ValidationReport {
    let report = LabelReport(
      held, labels: labels,
      logProbabilities: try training.model.logProbabilities(held.parts, tapes: tapes))
    let score =
      switch configuration.validation.rankBy {
      case .f1: report.f1
      case .accuracy: report.accuracy
      case .loss: -report.loss
      }
    return ValidationReport(
      figures: ["validationLoss": report.loss, "accuracy": report.accuracy, "F1": report.f1], score: score,
      firstLoss: report.loss)
  }
}

extension LabelTask {
  package var microbatchCount: Int { configuration.batch.microbatches }
  package var microbatchSizes: ClosedRange<Int> { configuration.batch.microbatchSizes }

  package func declaredStore(_ precision: ElementType) throws -> ParameterStore {
    declaredModel(precision).store
  }

  package func objective(_ training: LabelObjective, microbatchSize: Int) -> LabelObjective {
    objective(
      training.model,
      LengthBatches(
        batches.samples, tokensPerMicrobatch: microbatchSize, seed: UInt64(configuration.seed)))
  }
}
