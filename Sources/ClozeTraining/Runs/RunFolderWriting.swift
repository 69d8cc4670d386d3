package import ClozeCore
package import ClozeEvaluation
package import Foundation

/// The part of a run folder that a run writes.
extension RunFolder {
  /// Locks the folder for this process until the lock is released, and finishes or removes what a killed run left
  /// half-written.
  /// - Throws: `CheckpointError.inUse`, `FileError`
  package func lock() throws -> FolderLock {
    let lock: FolderLock
    do {
      lock = try FolderLock(url, fileName: "run.lock")
    } catch let held as FolderLock.Held {
      throw CheckpointError.inUse(path: url.path, process: held.process)
    }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    for name in names where name.hasPrefix(RunFolder.checkpointPrefix) {
      let folder = url.appendingPathComponent(name)
      let named = folder.deletingPathExtension()
      if folder.pathExtension == "replaced", !FileManager.default.fileExists(atPath: named.path) {
        // The run was killed between the two renames of a replacement; the old checkpoint is whole.
        guard rename(folder.path, named.path) == 0 else { throw FileError.writing(named.path) }
      } else if ["partial", "replaced"].contains(folder.pathExtension) {
        try? FileManager.default.removeItem(at: folder)
      }
    }
    return lock
  }

  /// Checks that a run with these settings may start or resume in the folder. Changes nothing.
  /// - Throws: `FolderContentError`, `CheckpointError.runExists`, `.nothingToResume`, `.noSettings`,
  ///   `.settingsDiffer`, `.otherRun`
  package func check<Settings: RunConfiguration>(_ configuration: Settings, resume: ResumeMode) throws {
    try FolderContent.check(url, for: .run)
    // A run that ended before its first event has only settings.
    let isBegun = !checkpointSteps.isEmpty || (metrics.fileSize ?? 0) > 0
    guard resume.mayResume || !isBegun else { throw CheckpointError.runExists(path: url.path) }
    let holdsSettings = FileManager.default.fileExists(atPath: settings.path)
    guard resume != .required || isBegun || holdsSettings else {
      throw CheckpointError.nothingToResume(path: url.path)
    }
    guard isBegun else { return }
    guard holdsSettings else { throw CheckpointError.noSettings(path: settings.path) }
    let before: Settings
    do {
      before = try ownSettings(Settings.self)
    } catch let error as ConfigurationError {
      throw CheckpointError.otherRun(path: url.path, reason: "\(error)")
    }
    let differences = try configuration.trajectory.differences(from: before.trajectory)
    guard differences.isEmpty else {
      throw CheckpointError.settingsDiffer(path: url.path, differences: differences)
    }
  }

  /// The settings of the run. Version 0.1 does not name positions; they were learned.
  private func ownSettings<Settings: RunConfiguration>(_ type: Settings.Type) throws -> Settings {
    try Settings.load(file: settings, overrides: [], defaults: ["model.positions=learned"])
  }

  /// What a command that resumes the run has for settings that it does not name, as `key=value`: the run's own positions, since
  /// the default has changed, and its precision, since the default depends on the processor. Empty where there is no run.
  package func defaults<Settings: RunConfiguration>(_ type: Settings.Type, resume: ResumeMode) -> [String] {
    guard resume.mayResume, let before = try? ownSettings(type) else { return [] }
    var own = ["model.positions=\(before.model.positions.rawValue)"]
    let precision = before.compute.precision
    if precision.isSupported { own.append("compute.precision=\(precision.rawValue)") }
    return own
  }

  /// Creates the folder and writes the settings. To be called after all checks.
  package func begin(_ configuration: some Configuration) throws {
    try Folder.create(url)
    try AtomicFile.write(Data(try configuration.yaml().utf8), to: settings)
  }

  /// Writes a checkpoint atomically, then calls `settle`. Later checkpoints in the folder are damaged: the run would
  /// have resumed from them otherwise.
  package func write(
    purpose: String, cursor: RunCursor, identities: CheckpointManifest.Identities, keep: Int,
    fill: (URL) throws -> Void
  ) throws {
    let folder = checkpoint(step: cursor.step)
    try Folder.createAtomically(folder) { temporary in
      try fill(temporary)
      try CheckpointManifest.write(to: temporary, purpose: purpose, cursor: cursor, identities: identities)
    }
    try settle(cursor, keep: keep)
  }

  /// Makes `latest` and `best` link to the checkpoints of a run that is at `cursor`, and removes later checkpoints and
  /// all but the last `keep`. A resumed run calls it too, since a kill may have prevented it.
  package func settle(_ cursor: RunCursor, keep: Int) throws {
    try link("latest", to: checkpoint(step: cursor.step))
    if let best = cursor.bestStep, FileManager.default.fileExists(atPath: checkpoint(step: best).path) {
      try link("best", to: checkpoint(step: best))
    }
    let earlier = checkpointSteps.filter { $0 <= cursor.step }
    let superfluous = checkpointSteps.filter { $0 > cursor.step } + earlier.dropFirst(keep)
    for step in superfluous where step != cursor.bestStep && step != cursor.anchorStep {
      try? FileManager.default.removeItem(at: checkpoint(step: step))
    }
  }

  /// Returns to an older checkpoint: writes the new cursor, with the skipped batches, into the checkpoint's manifest.
  ///
  /// The later checkpoints, whose cursors do not record the return, are removed first. If the process is killed before
  /// the manifest is written, the resumed run reaches the same return once more.
  package func returnTo(_ manifest: CheckpointManifest, cursor: RunCursor, keep: Int) throws {
    try settle(cursor, keep: keep)
    if cursor.bestStep == nil { unlinkBest() }
    try Folder.synchronize(url)
    try manifest.with(cursor).write(to: checkpoint(step: cursor.step))
  }

  /// Removes all checkpoints of a run that has ended; its settings and its log stay.
  package func removeCheckpoints() {
    for link in ["best", "latest"] { unlink(url.appendingPathComponent(link).path) }
    for step in checkpointSteps { try? FileManager.default.removeItem(at: checkpoint(step: step)) }
  }

  /// Removes the link to the best checkpoint: the run has none any more.
  func unlinkBest() { unlink(url.appendingPathComponent("best").path) }

  private func link(_ name: String, to folder: URL) throws {
    try Folder.link(url.appendingPathComponent(name), to: folder.lastPathComponent)
  }
}
