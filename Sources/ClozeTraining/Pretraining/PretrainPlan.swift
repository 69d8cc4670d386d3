package import ClozeCore
internal import ClozeData
internal import ClozeModel
package import Foundation

/// The machine has no room for a run.
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

/// What a pretraining run will need and come to, before it begins: counted where it can be, measured in a few steps where
/// it cannot. Nothing is written.
package struct PretrainPlan: Sendable {
  package struct Finding: Sendable {
    package let name: String
    package let text: String
    /// What to do about it; nil where nothing needs doing.
    package var advice: String?
  }

  package private(set) var findings: [Finding] = []
  /// Why the run does not fit; nil where it does.
  package private(set) var shortage: PlanError?

  /// Bytes of memory that the system can give without swapping; nil where it does not say.
  package static func availableMemory() -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8),
      let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
      let kibibytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    else { return nil }
    return kibibytes << 10
  }

  /// - Parameter availableMemory: bytes; nil where the system does not say.
  /// - Throws: what opening the run throws: its data, settings and folder are checked as the run itself checks them
  package init(
    configuration: PretrainConfiguration, data: URL, output: URL, resume: Bool,
    availableMemory: Int? = PretrainPlan.availableMemory()
  ) throws {
    // Declared and not allocated: a model that does not fit must not be made to find that out.
    var sizes = configuration.model
    sizes.vocabularySize = try TokenDataset(folder: data, split: .train).vocabularySize
    let store = MaskedLanguageModel(declaring: sizes, precision: configuration.compute.elementType).store
    let lanes = min(
      configuration.compute.gradientLanes, configuration.batch.windows / configuration.batch.microbatchWindows
    )
    let parts = [
      ("parameters", 4 * store.elementCount),
      ("bfloat16 copies", store.precision == .bfloat16 ? 2 * store.elementCount : 0),
      ("\(lanes) gradient lanes", 4 * lanes * store.elementCount),
      ("moments", 8 * store.elementCount),
    ].filter { $0.1 > 0 }
    let checkpoint = 12 * store.parameterCount
    guard parts.reduce(0, { $0 + $1.1 }) <= availableMemory ?? .max else {
      describeMemory(parts, available: availableMemory)
      describeDisk(configuration, output: output, checkpoint: checkpoint)
      return
    }
    let run = try PretrainRun(
      configuration: configuration, data: data, output: output, resume: resume, plansOnly: true)
    let probe = try PretrainProbe(run)
    describeMemory(
      parts + [("activations of \(probe.workers) workers", probe.activationBytes)], available: availableMemory
    )
    describeDisk(configuration, output: output, checkpoint: checkpoint)
    describeTime(run, probe)
    try describeText(run)
  }

  private mutating func describeMemory(_ parts: [(name: String, bytes: Int)], available: Int?) {
    let total = parts.reduce(0) { $0 + $1.bytes }
    findings.append(
      Finding(
        name: "memory",
        text: Figure.bytes(total) + (available.map { " of \(Figure.bytes($0)) available" } ?? "") + ": "
          + parts.map { "\($0.name) \(Figure.bytes($0.bytes))" }.joined(separator: ", ")))
    if let available, total > available { shortage = .memory(bytes: total, available: available) }
  }

  private mutating func describeDisk(_ configuration: PretrainConfiguration, output: URL, checkpoint: Int) {
    // The best one, and the one that is being written, besides those that are kept.
    let count = configuration.cadence.keepCheckpoints + 2
    let folder = RunFolder(output)
    let present = folder.checkpointSteps.reduce(0) {
      $0 + Folder.byteCount(of: folder.checkpoint(step: $1))
    }
    let needed = max(0, count * checkpoint - present)
    let free = Folder.freeBytes(at: output)
    findings.append(
      Finding(
        name: "disk",
        text: "\(Figure.bytes(needed))" + (free.map { " of \(Figure.bytes($0)) free" } ?? "")
          + ": \(count) checkpoints of \(Figure.bytes(checkpoint))"
          + (present > 0 ? ", less the \(Figure.bytes(present)) that are there" : "")))
    if let free, needed > free, shortage == nil {
      shortage = .disk(path: output.path, bytes: needed, free: free)
    }
  }

  private mutating func describeTime(_ run: PretrainRun, _ probe: PretrainProbe) {
    let stop = run.configuration.stop
    let batch = run.configuration.batch
    let stepTokens = Double(batch.windows * batch.windowLength)
    findings.append(
      Finding(
        name: "speed",
        text:
          "\(Figure.count(Int(probe.tokensPerSecond))) tokens/s with \(probe.workers) workers, measured over "
          + "\(probe.steps) steps of \(Figure.count(Int(stepTokens))) tokens"))
    var tokens = 60 * probe.tokensPerSecond * (stop.minutes > 0 ? stop.minutes : .infinity)
    if stop.steps > 0 { tokens = min(tokens, Double(stop.steps) * stepTokens) }
    if stop.tokens > 0 { tokens = min(tokens, Double(stop.tokens)) }
    let cursor = run.cursor
    let left = max(0, tokens - Double(cursor.tokens)) / probe.tokensPerSecond
    let steps = tokens / stepTokens
    findings.append(
      Finding(
        name: "time",
        text: "\(Figure.duration(left)) to the end at step \(Figure.count(Int(steps.rounded(.up))))"
          + (cursor.step > 0 ? " from step \(Figure.count(cursor.step))" : "")
          + "; validations and checkpoints come on top",
        advice: steps <= Double(run.configuration.optimizer.schedule.warmupSteps)
          ? "the warm-up is as long as the run; lower optimizer.schedule.warmupSteps or raise the limit" : nil
      ))
    let epochs = steps * Double(batch.windows) / Double(run.training.windowCount)
    findings.append(
      Finding(
        name: "epochs",
        text: "\(Figure.decimal(epochs, 2)) over \(Figure.count(run.training.windowCount)) windows of "
          + "\(batch.windowLength) tokens",
        advice: epochs > 40
          ? "repeated text is memorised rather than learnt; use more text, fewer steps or more dropout" : nil)
    )
  }

  private mutating func describeText(_ run: PretrainRun) throws {
    let counts = run.unigrams
    let unknown = Int(run.tokenizer.vocabulary.specials.unknown)
    let rate = counts.total > 0 ? Double(counts.counts[unknown]) / Double(counts.total) : 0
    findings.append(
      Finding(
        name: "unknown tokens", text: "\(Figure.percent(rate, 2)) of the training text",
        advice: rate > 0.01
          ? "the vocabulary cannot spell these words; tokenize with a larger --vocabulary-size or a vocabulary of this text"
          : nil))
    findings.append(
      Finding(
        name: "special tokens",
        text: "none in the text: where it spells [MASK] and the like, tokenize reads plain text"))
    findings.append(
      Finding(
        name: "train/validation overlap",
        text: "none: equal documents are kept once, and a document's own digest decides its split"))
  }
}

/// A few steps of a run, for their speed and memory. The run's parameters are changed by it.
private struct PretrainProbe {
  let workers: Int
  let steps: Int
  let tokensPerSecond: Double
  let activationBytes: Int

  /// The first ones prepare products and grow the arenas.
  private static let untimedSteps = 2
  private static let leastSteps = 3
  private static let seconds = 3.0

  init(_ run: PretrainRun) throws {
    let stepper = Stepper(
      run.objective, optimizer: run.configuration.optimizer, compute: run.configuration.compute,
      seed: UInt64(run.configuration.seed))
    for step in 0..<PretrainProbe.untimedSteps { _ = try stepper.take(step: step, fraction: 0) }
    let start = ContinuousClock.now
    var steps = 0
    var tokens = 0
    var seconds = 0.0
    while steps < PretrainProbe.leastSteps || seconds < PretrainProbe.seconds {
      tokens += try stepper.take(step: PretrainProbe.untimedSteps + steps, fraction: 0).statistics.tokenCount
      steps += 1
      seconds = (ContinuousClock.now - start) / .seconds(1)
    }
    workers = stepper.workers.count
    self.steps = steps
    tokensPerSecond = Double(tokens) / max(seconds, 1e-9)
    activationBytes = stepper.tapes.reduce(0) { $0 + $1.arena.capacity }
  }
}
