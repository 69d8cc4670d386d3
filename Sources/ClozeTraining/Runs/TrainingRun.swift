internal import ClozeCore
package import ClozeEvaluation
package import ClozeModel
package import Foundation

/// A run of a task in a run folder: it takes the folder's lock, checks settings and identities, finds the checkpoint to
/// resume from, and trains.
package struct TrainingRun<Task: TrainingTask> {
  package let task: Task
  package let training: Task.Training
  /// Each tensor and where it came from.
  package let origins: TensorOrigins
  /// Checkpoints that were damaged and passed over.
  package let damaged: [CheckpointError]
  private let folder: RunFolder
  private let lock: RunLock?
  private let resume: ResumeMode
  private let checkpoint: (folder: URL, manifest: CheckpointManifest)?

  /// Checks the run folder, and makes or loads the model. Nothing has been computed or written yet.
  ///
  /// - Parameter plansOnly: whether to leave the run folder to others, for a run that is looked at and never `run`.
  /// - Throws: `CheckpointError`, `FileError`, and what the task throws when it starts
  package init(_ task: Task, output: URL, resume: ResumeMode, plansOnly: Bool = false) throws {
    self.task = task
    self.resume = resume
    folder = RunFolder(output)
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
    // Those of either: a run that started from weights goes on with its start, and one from scratch with none.
    for what in Set(expected.keys).union(found.keys).sorted() {
      let (expected, found) = (expected[what] ?? "none", found[what] ?? "none")
      guard found == expected else {
        throw CheckpointError.identityDiffers(
          path: checkpoint.folder.path, what: what, expected: expected, found: found, mend: task.identityMend)
      }
    }
  }

  /// Where the run will go on.
  package var cursor: RunCursor { checkpoint?.manifest.cursor ?? RunCursor() }

  /// Trains until a limit, an interruption, or no improvement; the last state is always saved.
  ///
  /// - Parameter report: hears each event as it happens.
  /// - Throws: `CheckpointError.noRoom`, `FileError` where a checkpoint cannot be written: the last whole one stays.
  ///   `CheckpointError.notFinite` where steps without an update go on.
  @discardableResult
  package func run(isInterrupted: @escaping () -> Bool, report: @escaping (TrainingEvent) -> Void) throws
    -> RunOutcome
  {
    precondition(lock != nil, "TrainingRun.run: a run that was opened to plan it")
    try folder.begin(task.configuration)
    if checkpoint == nil, resume == .required {
      report(.warning("\(folder.url.path): holds no checkpoint yet; the run begins at step 0"))
    }
    var loop = try TrainingLoop(
      task, training, folder: folder, resumeFrom: checkpoint, isInterrupted: isInterrupted, report: report)
    return try loop.run()
  }
}
