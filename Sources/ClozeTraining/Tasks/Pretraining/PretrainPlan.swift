package import ClozeCore
internal import ClozeData
internal import ClozeEvaluation
internal import ClozeModel
internal import ClozeText
package import Foundation

/// A machine without room for the run.
package enum PlanError: Failure, Equatable {
  case memory(bytes: Int, available: Int)
  case disk(path: String, bytes: Int, free: Int)

  package var exitStatus: ExitStatus { .inputOutput }

  package var description: String {
    switch self {
    case .memory(let bytes, let available):
      "memory: the run needs \(Figure.bytes(bytes)) and \(Figure.bytes(available)) are available; lower "
        + "compute.gradientLanes, batch.microbatchWindows, compute.workers or the model's sizes"
    case .disk(let path, let bytes, let free):
      "\(path): the run's checkpoints need \(Figure.bytes(bytes)) and \(Figure.bytes(free)) are free; make room, lower "
        + "cadence.keepCheckpoints or choose another --output"
    }
  }
}

/// The memory, disk and time that a pretraining run will need, and findings about its text: computed where possible,
/// otherwise measured in a few steps. Nothing is written.
package struct PretrainPlan: Sendable {
  package struct Finding: Sendable {
    package let name: String
    package let text: String
    /// The advice; nil if none is needed.
    package var advice: String?
  }

  package private(set) var findings: [Finding] = []
  /// Why the run does not fit; nil if it fits.
  package private(set) var shortage: PlanError?

  /// - Parameter availableMemory: in bytes; nil if the system does not tell.
  /// - Throws: the errors of opening the run, which checks data, settings and folder
  package init(
    configuration: PretrainConfiguration, data: URL, start: PretrainStart? = nil, output: URL,
    resume: ResumeMode,
    availableMemory: Int? = SystemMemory.available()
  ) throws {
    try self.init(
      configuration.task(data: data, start: start), output: output, resume: resume,
      availableMemory: availableMemory)
  }

  private init(
    _ task: some PretrainingTask, output: URL, resume: ResumeMode, availableMemory: Int?
  ) throws {
    let needs = try RunNeeds(task, output: output, resume: resume, room: availableMemory)
    describeMemory(needs.parts, available: availableMemory)
    describeDisk(task.configuration, output: output, checkpoint: needs.checkpointBytes)
    guard let (run, probe) = needs.measured else { return }
    if !run.origins.isEmpty {
      add("start", TensorTable(run.origins, run.training.store).summary, task.text.warnings.first)
    }
    describeTime(run, probe, lanes: needs.lanes)
    try describeText(run)
  }

  private mutating func describeMemory(_ parts: [(name: String, bytes: Int)], available: Int?) {
    let total = parts.reduce(0) { $0 + $1.bytes }
    add(
      "memory",
      Figure.bytes(total) + (available.map { " of \(Figure.bytes($0)) available" } ?? "") + ": "
        + parts.map { "\($0.name) \(Figure.bytes($0.bytes))" }.joined(separator: ", "))
    if let available, total > available { shortage = .memory(bytes: total, available: available) }
  }

  private mutating func describeDisk(_ configuration: PretrainConfiguration, output: URL, checkpoint: Int) {
    // In addition to those that are kept: the best one, the anchor, and the one that is being written.
    let count = configuration.cadence.keepCheckpoints + 3
    let folder = RunFolder(output)
    let present = folder.checkpointSteps.reduce(0) {
      $0 + Folder.byteCount(of: folder.checkpoint(step: $1))
    }
    let needed = max(0, count * checkpoint - present)
    let free = Folder.freeBytes(at: output)
    add(
      "disk",
      "\(Figure.bytes(needed))" + (free.map { " of \(Figure.bytes($0)) free" } ?? "")
        + ": at most \(count) checkpoints of \(Figure.bytes(checkpoint))"
        + (present > 0 ? ", less the \(Figure.bytes(present)) that are there" : ""))
    if let free, needed > free, shortage == nil {
      shortage = .disk(path: output.path, bytes: needed, free: free)
    }
  }

  private mutating func describeTime(
    _ run: TrainingRun<some PretrainingTask>, _ probe: StepProbe, lanes: Int
  ) {
    let stop = run.task.configuration.stop
    let batch = run.task.configuration.batch
    let cursor = run.cursor
    let stepTokens = Double(batch.windows * batch.windowLength)
    let idle = probe.workers - lanes
    add(
      "speed",
      "\(Figure.count(Int(probe.tokensPerSecond))) tokens/s with \(probe.workers) workers, measured over "
        + "\(probe.steps) steps of \(Figure.count(Int(stepTokens))) tokens",
      idle > 0 ? "\(idle) workers have no gradient lane; raise compute.gradientLanes and batch.windows" : nil)
    var tokensLeft = Double.infinity
    if stop.steps > 0 { tokensLeft = Double(stop.steps - cursor.step) * stepTokens }
    if stop.tokens > 0 { tokensLeft = min(tokensLeft, Double(stop.tokens - cursor.tokens)) }
    if stop.minutes > 0 {
      tokensLeft = min(tokensLeft, probe.tokensPerSecond * (60 * stop.minutes - cursor.seconds))
    }
    tokensLeft = max(tokensLeft, 0)
    let steps = Double(cursor.step) + (tokensLeft / stepTokens).rounded(.up)
    var advice: String?
    if steps <= Double(run.task.configuration.optimizer.schedule.warmupSteps) {
      advice = "the warm-up is as long as the run; lower optimizer.schedule.warmupSteps or raise the limit"
    }
    if tokensLeft == 0 { advice = "the run has reached its limit; raise it to go on" }
    add(
      "time",
      "\(Figure.duration(tokensLeft / probe.tokensPerSecond)) to the end at step \(Figure.count(Int(steps)))"
        + (cursor.step > 0 ? " from step \(Figure.count(cursor.step))" : "")
        + "; validations and checkpoints come on top", advice)
    let epochs = Epochs(steps * Double(batch.windows) / Double(run.task.text.training.windowCount))
    let again = "; \(Figure.percent(epochs.readAgain, 0)) of the tokens read were read before"
    add(
      "epochs",
      "\(Figure.decimal(epochs.count, 2)) over \(Figure.count(run.task.text.training.windowCount)) windows of "
        + "\(batch.windowLength) tokens" + (epochs.readAgain > 0 ? again : ""), epochs.advice)
  }

  private mutating func describeText(_ run: TrainingRun<some PretrainingTask>) throws {
    let survey = try TextSurvey(
      training: run.task.text.training.dataset, validation: run.task.text.validation,
      tokenizer: run.task.text.tokenizer,
      seed: UInt64(run.task.configuration.seed))
    let tokens = run.task.text.training.dataset.tokenCount
    let part =
      survey.trainTokens < tokens
      ? ", looked for in \(Figure.count(survey.trainTokens)) of \(Figure.count(tokens)) train tokens: at least"
      : ""
    describeRepetition(survey, part, run.task.text.tokenizer)

    if let unknownText = run.task.text.unknownText {
      add(
        "unknown characters", unknownText.description,
        unknownText.isWorthAWarning ? unknownText.adviceForTokenizing : nil)
    }
    let counts = run.task.text.unigrams
    let specials = run.task.text.tokenizer.vocabulary.specials
    let unknown = Double(counts.counts[Int(specials.unknown)]) / Double(max(counts.total, 1))
    add(
      "unknown tokens", "\(Figure.percent(unknown, 2)) of the train text",
      unknown > 0.01 && run.task.text.unknownText == nil
        ? "the vocabulary cannot spell these words; tokenize with a larger --vocabulary-size or a vocabulary of this text"
        : nil)
    let marks = specials.ids.filter { $0 != specials.unknown }.reduce(0) { $0 + Int(counts.counts[Int($1)]) }
    let missing = survey.unspelledSpecials.joined(separator: " ")
    var advice: String?
    if survey.literalSpecials > 0 {
      advice = "they are text to the model; take them out before tokenize if they are left-over marks"
    }
    if marks > 0 { advice = "the model takes them for its own marks; make the shards again with tokenize" }
    add(
      "special tokens",
      (marks > 0 ? Figure.count(marks) : "none") + " in the train text; "
        + "spelled in it, as ordinary pieces, \(Figure.count(survey.literalSpecials)) times\(part)"
        + (missing.isEmpty ? "" : "; it cannot be told of \(missing), whose letters the vocabulary lacks"),
      advice)
  }

  private mutating func describeRepetition(_ survey: TextSurvey, _ part: String, _ tokenizer: Tokenizer) {
    func text(_ share: SampledShare) -> String {
      let (low, high) = (max(0, share.value - share.margin), min(1, share.value + share.margin))
      let interval = " [\(Figure.percent(low, 2)), \(Figure.percent(high, 2))]"
      return Figure.percent(share.value, 2) + (share.margin > 0 ? interval : "")
    }
    func sample(_ share: SampledShare) -> String { "; sample of \(Figure.count(share.tokens)) tokens\(part)" }
    let most = survey.mostFrequent.map { most in
      ". Most often, \(Figure.count(most.count)) times: \(tokenizer.decode(most.tokens).prefix(60))…"
    }
    add(
      "repeated tokens",
      "\(text(survey.repeated)) of the train text lies in \(survey.gramLength) tokens that come again"
        + sample(survey.repeated),
      survey.repeated.value > 0.1
        ? "near-duplicates and boilerplate are learnt by heart; take them out before tokenize" + (most ?? "")
        : nil)
    add(
      "train/validation overlap",
      "\(text(survey.overlap)) of the validation text lies in \(survey.gramLength) tokens of the train text"
        + sample(survey.overlap),
      survey.overlap.value > 0.01
        ? "validation scores are too good by what was read; take near-duplicates out, or hold out whole files with "
          + "tokenize --documents files" : nil)
  }

  private mutating func add(_ name: String, _ text: String, _ advice: String? = nil) {
    findings.append(Finding(name: name, text: text, advice: advice))
  }
}
