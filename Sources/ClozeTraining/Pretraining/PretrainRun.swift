internal import ClozeCompute
package import ClozeCore
package import ClozeData
package import ClozeModel
package import ClozeText
package import Foundation

/// The model or the settings do not fit the data.
package enum PretrainError: Failure {
  case vocabularyDiffers(configured: Int, data: String, found: Int)
  case noValidation(data: String)
  case nothingToLearn(data: String, split: Split)

  package var exitStatus: ExitStatus {
    switch self {
    case .vocabularyDiffers: .usage
    case .noValidation, .nothingToLearn: .data
    }
  }

  package var description: String {
    switch self {
    case .vocabularyDiffers(let configured, let data, let found):
      "model.vocabularySize: is \(configured), but the shards in \(data) were made with \(found) tokens; "
        + "set it to 0 to take theirs"
    case .noValidation(let data):
      "\(data): holds too little validation text for one window; tokenize with a larger --validation-rate"
    case .nothingToLearn(let data, .train):
      "\(data): every token of the train split is [UNK] or another special token, so there is nothing to predict; "
        + "tokenize with a vocabulary of this text"
    case .nothingToLearn(let data, .validation):
      "\(data): the validation windows hold nothing but [UNK] and other special tokens, so there is nothing to "
        + "predict; tokenize with a vocabulary of this text or a larger --validation-rate"
    }
  }
}

/// A pretraining run, from a data folder and settings to checkpoints.
package struct PretrainRun {
  package let configuration: PretrainConfiguration
  package let model: MaskedLanguageModel
  package let tokenizer: Tokenizer
  package let training: PackedWindows
  let validation: PackedWindows
  let unigrams: UnigramCounts
  let objective: MaskedObjective
  private let folder: RunFolder
  private let lock: RunLock?
  private let resume: ResumeMode
  private let checkpoint: (folder: URL, manifest: CheckpointManifest)?
  /// Checkpoints that were damaged and passed over.
  package let damaged: [CheckpointError]

  /// The seed that every validation and `evaluate` use unless told otherwise.
  package static let evaluationSeed: UInt64 = 7

  /// Opens the data, checks the run folder, and makes, or loads, the model. Nothing has been computed or written yet.
  ///
  /// - Parameter plansOnly: whether to leave the run folder to others, for a run that is looked at and never `run`.
  package init(
    configuration: PretrainConfiguration, data: URL, output: URL, resume: ResumeMode, plansOnly: Bool = false
  ) throws {
    let dataset = try TokenDataset(folder: data, split: .train)
    let validationSet = try TokenDataset(folder: data, split: .validation)
    tokenizer = try dataset.tokenizer()
    var configuration = configuration
    guard [0, dataset.vocabularySize].contains(configuration.model.vocabularySize) else {
      throw PretrainError.vocabularyDiffers(
        configured: configuration.model.vocabularySize, data: data.path, found: dataset.vocabularySize)
    }
    configuration.model.vocabularySize = dataset.vocabularySize
    configuration.compute = configuration.compute.resolved
    self.configuration = configuration

    let seed = UInt64(configuration.seed)
    let length = configuration.batch.windowLength
    let specials = tokenizer.vocabulary.specials
    training = try PackedWindows(dataset, windowLength: length, specials: specials, seed: seed)
    do {
      validation = try PackedWindows(
        validationSet, windowLength: length, specials: specials, seed: PretrainRun.evaluationSeed)
    } catch is ShardError {
      throw PretrainError.noValidation(data: data.path)
    }
    unigrams = try dataset.unigramCounts()
    unigramEntropy = unigrams.without(specials.ids).entropy
    guard unigrams.without(specials.ids).total > 0 else {
      throw PretrainError.nothingToLearn(data: data.path, split: .train)
    }

    self.resume = resume
    folder = RunFolder(output)
    lock = plansOnly ? nil : try folder.lock()
    try folder.check(configuration, resume: resume) { $0.trajectory }
    var damaged: [CheckpointError] = []
    checkpoint = try resume.mayResume ? folder.newestWhole(purpose: "pretrain") { damaged.append($0) } : nil
    self.damaged = damaged
    let precision = configuration.compute.elementType
    if let checkpoint {
      try PretrainRun.check(
        checkpoint, "data", dataset.identity, mend: "resume with the data folder it was made from")
      model = try ModelArchive.loadMaskedLanguageModel(checkpoint.folder, precision: precision).model
    } else {
      model = MaskedLanguageModel(configuration: configuration.model, precision: precision, seed: seed)
    }
    objective = MaskedObjective(
      model: model,
      source: MaskedBatchSource(
        windows: training, masking: try Masking(configuration.masking, vocabulary: tokenizer.vocabulary),
        seed: seed),
      batch: configuration.batch)
  }

  private static func check(
    _ checkpoint: (folder: URL, manifest: CheckpointManifest), _ what: String, _ expected: Digest,
    mend: String
  ) throws {
    let found = checkpoint.manifest.identities[what] ?? "none"
    guard found == expected.hex else {
      throw CheckpointError.identityDiffers(
        path: checkpoint.folder.path, what: what, expected: expected.hex, found: found, mend: mend)
    }
  }

  /// Epochs over the training text that the limits allow; nil where the clock decides.
  package var epochs: Epochs? {
    let stop = configuration.stop
    guard stop.minutes == 0 else { return nil }
    var windows = Double.infinity
    if stop.steps > 0 { windows = Double(stop.steps) * Double(configuration.batch.windows) }
    if stop.tokens > 0 {
      windows = min(windows, Double(stop.tokens) / Double(configuration.batch.windowLength))
    }
    return Epochs(windows / Double(training.windowCount))
  }

  /// Bytes that reading the data will come to hold.
  var dataBytes: Int { training.dataset.cacheBytes + validation.dataset.cacheBytes }

  /// Where the run will go on.
  var cursor: RunCursor { checkpoint?.manifest.cursor ?? RunCursor() }

  /// The unigram entropy of the training text's ordinary tokens in nats.
  package let unigramEntropy: Double
  /// What of the data's text is unknown to its tokenizer; nil where `tokenize` did not count it yet.
  package var unknownText: UnknownText? { training.dataset.index.unknownText }

  /// Trains until a limit or an interruption.
  @discardableResult
  package func run(isInterrupted: () -> Bool, report: (TrainingEvent) -> Void) throws -> RunOutcome {
    precondition(lock != nil, "PretrainRun.run: a run that was opened to plan it")
    let evaluation = try evaluation()
    guard try evaluation.asksAnything() else {
      throw PretrainError.nothingToLearn(data: validation.dataset.folder.path, split: .validation)
    }
    try folder.begin(configuration)
    let identities = [
      "data": training.dataset.identity.hex, "tokenizer": tokenizer.digest.hex,
      "corpus": training.dataset.index.corpus.hex,
    ]
    var settings = Trainer.Settings(
      purpose: "pretrain", seed: UInt64(configuration.seed), optimizer: configuration.optimizer,
      compute: configuration.compute, stop: configuration.stop, cadence: configuration.cadence,
      contextFreeLoss: configuration.masking.contextFreeLoss(unigramEntropy: unigramEntropy),
      identities: identities)
    settings.dataBytes = dataBytes
    let trainer = Trainer(
      settings, objective: objective, folder: folder,
      validate: { tapes in
        let report = try evaluation.run(model, tapes: tapes)
        return ValidationReport(
          figures: ["validationLoss": report.all.loss, "validationAccuracy": report.all.accuracy],
          score: -report.all.loss)
      },
      writeModel: { folder in
        try ModelArchive.write(
          model, to: folder, metadata: identities, padding: tokenizer.vocabulary.specials.padding)
        try tokenizer.write(to: folder, positionCount: configuration.model.positionCount)
      },
      readModel: {
        try ModelArchive.loadMaskedLanguageModel($0, precision: configuration.compute.elementType).model.store
      })
    if checkpoint == nil, resume == .required {
      report(.warning("\(folder.url.path): holds no checkpoint yet; the run begins at step 0"))
    }
    return try trainer.run(resumeFrom: checkpoint, isInterrupted: isInterrupted, report: report)
  }

  /// Validations use the standard masks, whatever the training's are, so that runs of different masking compare with each
  /// other and with `evaluate`.
  private func evaluation() throws -> MaskedEvaluation {
    let scheme = EvaluationScheme(windowLength: configuration.batch.windowLength)
    return try MaskedQuestions(validation.dataset, scheme: scheme, vocabulary: tokenizer.vocabulary)
      .evaluation(windows: configuration.validation.windows)
  }
}
