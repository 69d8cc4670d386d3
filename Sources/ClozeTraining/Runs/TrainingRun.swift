package import ClozeCore
package import ClozeEvaluation
package import ClozeModel
package import Foundation

/// A run of a task in a run folder: it locks the folder, checks settings and identities, finds the checkpoint to resume
/// from, and trains.
package struct TrainingRun<Task: TrainingTask> {
  package let task: Task
  package let training: Task.Training
  /// Each tensor, and where its values came from.
  package let origins: TensorOrigins
  /// Damaged checkpoints that were skipped.
  package let damaged: [CheckpointError]
  private let folder: RunFolder
  private let lock: FolderLock?
  private let resume: ResumeMode
  private let checkpoint: (folder: URL, manifest: CheckpointManifest)?

  /// Checks the run folder, and makes or loads the model. It computes and writes nothing.
  ///
  /// - Parameter plansOnly: for a run that is planned and never `run`: takes no lock.
  /// - Throws: `CheckpointError`, `FileError`, and what the task throws when it starts
  package init(_ task: Task, output: URL, resume: ResumeMode, plansOnly: Bool = false) throws {
    self.task = task
    self.resume = resume
    folder = RunFolder(output)
    if !plansOnly, let task = task as? any PlannedTask { try task.checkMemory() }
    lock = plansOnly ? nil : try folder.lock()
    try folder.check(task.configuration, resume: resume)
    var damaged: [CheckpointError] = []
    checkpoint = try resume.mayResume ? folder.newestWhole(purpose: Task.purpose) { damaged.append($0) } : nil
    self.damaged = damaged
    if let checkpoint { try TrainingRun.check(checkpoint, task) }
    let start = try task.start(from: checkpoint?.folder)
    try task.configuration.optimizer.freeze(start.training.store)
    (training, origins) = (start.training, start.origins)
  }

  private static func check(_ checkpoint: (folder: URL, manifest: CheckpointManifest), _ task: Task) throws {
    let (expected, found) = (task.identities, checkpoint.manifest.identities)
    // The keys of both: a run that started from weights resumes only with the same start, and one from scratch with
    // none.
    for what in Set(expected.keys).union(found.keys).sorted() {
      let (expected, found) = (expected[what] ?? "none", found[what] ?? "none")
      guard found == expected else {
        throw CheckpointError.identityDiffers(
          path: checkpoint.folder.path, what: what, expected: expected, found: found, mend: task.identityMend)
      }
    }
  }

  /// The state from which the run will continue.
  package var cursor: RunCursor { checkpoint?.manifest.cursor ?? RunCursor() }

  /// Trains until a limit, an interruption, or the end of patience. The last state is always saved.
  ///
  /// - Parameters:
  ///   - lastStep: the step after which the run is interrupted as if a signal had asked for it.
  ///   - report: is called with each event.
  /// - Throws: `CheckpointError.noRoom` or `FileError` if a checkpoint cannot be written; the last whole one stays.
  ///   `CheckpointError.notFinite` if recovery does not help.
  @discardableResult
  package func run(
    until lastStep: Int = .max, isInterrupted: @escaping () -> Bool,
    report: @escaping (TrainingEvent) -> Void
  ) throws -> RunOutcome {
    precondition(lock != nil, "TrainingRun.run: a run that was opened to plan it")
    try folder.begin(task.configuration)
    if checkpoint == nil, resume == .required {
      report(.warning("\(folder.url.path): has no checkpoint yet; the run starts at step 0"))
    }
    var loop = try TrainingLoop(
      task, training, folder: folder, resumeFrom: checkpoint, isInterrupted: isInterrupted, report: report)
    return try loop.run(until: lastStep)
  }
}
