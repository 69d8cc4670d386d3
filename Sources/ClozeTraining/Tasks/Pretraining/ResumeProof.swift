internal import ClozeCompute
package import ClozeCore
internal import ClozeEvaluation
package import Foundation

/// A run that was stopped and resumed differs from one that was never stopped.
package enum ResumeProofError: Failure {
  case differs(file: String, straight: Digest, resumed: Digest)

  package var exitStatus: ExitStatus { .software }

  package var description: String {
    switch self {
    case .differs(let file, let straight, let resumed):
      "\(file): is \(straight.short) after a run that never stopped and \(resumed.short) after one that resumed; "
        + "this is a defect of Cloze, please report it"
    }
  }
}

/// Shows on given data and settings that resuming changes nothing: a run of N steps without a stop, and one that stops
/// after N / 2 and resumes with another number of workers, end with the same bytes. If weights are averaged, the stop is within
/// the average: no earlier than half of it from the end.
///
/// Both have the schedule of the settings, with its end at step N.
package struct ResumeProof {
  package let steps: Int
  package let configuration: PretrainConfiguration
  package let data: URL
  package let start: PretrainStart?

  package struct Outcome: Sendable, Equatable {
    /// Workers of the run without a stop, and of the two parts of the other.
    package let straightWorkers: Int
    package let firstWorkers: Int
    package let secondWorkers: Int
    package let stoppedStep: Int
    /// By file: the digest, equal in both runs.
    package let digests: [String: Digest]
  }

  /// The files with weights and moments, also those of a generator.
  private func files(of checkpoint: URL) throws -> [String] {
    try Folder.fileNames(in: checkpoint).filter { $0.hasSuffix(".safetensors") }
  }

  /// - Parameter steps: N, 2 or more.
  package init(steps: Int, configuration: PretrainConfiguration, data: URL, start: PretrainStart? = nil) {
    self.steps = steps
    self.configuration = configuration
    self.data = data
    self.start = start
  }

  /// Runs both in folders beside `output`, which are removed afterwards. `output` itself is not touched.
  ///
  /// - Returns: nil if it was interrupted.
  /// - Throws: `ResumeProofError`, and the errors of a run
  package func run(
    beside output: URL, isInterrupted: @escaping () -> Bool, report: @escaping (TrainingEvent) -> Void
  ) throws -> Outcome? {
    let folder = output.standardizedFileURL.appendingPathExtension("verify-\(UUID().uuidString.prefix(8))")
    try Folder.create(folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let workers = WorkerGroup(count: configuration.compute.workers).count
    let others = workers > 1 ? 1 : 2

    func part(_ name: String, workers: Int, resume: ResumeMode, until last: Int) throws -> RunOutcome.Reason {
      let task = try settings(workers: workers).task(data: data, start: start)
      return try part(task, name, resume: resume, until: last)
    }
    func part(_ task: some PretrainingTask, _ name: String, resume: ResumeMode, until last: Int) throws
      -> RunOutcome.Reason
    {
      let run = try TrainingRun(task, output: folder.appendingPathComponent(name), resume: resume)
      return try run.run(until: last, isInterrupted: isInterrupted, report: report).reason
    }
    guard try part("straight", workers: workers, resume: .never, until: steps) == .limitReached else {
      return nil
    }
    _ = try part("resumed", workers: others, resume: .never, until: stoppedStep)
    if isInterrupted() { return nil }
    guard try part("resumed", workers: workers, resume: .required, until: steps) == .limitReached else {
      return nil
    }

    var digests: [String: Digest] = [:]
    for file in try files(of: folder.appendingPathComponent("straight/latest")) {
      let (straight, resumed) = try (
        digest(folder, "straight", file), digest(folder, "resumed", file)
      )
      guard straight == resumed else {
        throw ResumeProofError.differs(file: file, straight: straight, resumed: resumed)
      }
      digests[file] = straight
    }
    return Outcome(
      straightWorkers: workers, firstWorkers: others, secondWorkers: workers, stoppedStep: stoppedStep,
      digests: digests)
  }

  private var stoppedStep: Int {
    let averaged = configuration.average.lastShare * Double(steps)
    return averaged > 0 ? max(steps / 2, steps - Int((averaged / 2).rounded(.up))) : steps / 2
  }

  /// One checkpoint at the end.
  private func settings(workers: Int) -> PretrainConfiguration {
    var settings = configuration
    settings.stop = StopConfiguration(steps: steps)
    settings.cadence.validationSteps = steps
    settings.cadence.checkpointSteps = steps
    settings.compute.workers = workers
    return settings
  }

  private func digest(_ folder: URL, _ run: String, _ file: String) throws -> Digest {
    try Digest.ofFile(folder.appendingPathComponent("\(run)/latest/\(file)")).digest
  }
}
