package import ClozeCore
package import ClozeEvaluation
package import Foundation

/// Whether a run begins or goes on.
package enum ResumeMode: Sendable {
  /// It begins, in a folder that holds no run.
  case never
  /// It goes on; a folder without a run is an error.
  case required
  /// It goes on where the folder holds a run, and begins where not.
  case ifPresent

  /// The mode that `--resume` and `--resume-or-start` ask for.
  package init(resumes: Bool, orStarts: Bool) {
    self = resumes ? .required : orStarts ? .ifPresent : .never
  }

  var mayResume: Bool { self != .never }
}

/// What a run writes into its folder.
extension RunFolder {
  /// Takes the folder for this process alone, for as long as the lock lives, and puts in order what a killed run left there
  /// half-done.
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
        // Killed between the two renames of a replacement: the old checkpoint is the whole one.
        guard rename(folder.path, named.path) == 0 else { throw FileError.writing(named.path) }
      } else if ["partial", "replaced"].contains(folder.pathExtension) {
        try? FileManager.default.removeItem(at: folder)
      }
    }
    return lock
  }

  /// Checks that a run with these settings may begin in the folder, or go on. Changes nothing.
  /// - Throws: `CheckpointError.runExists`, `.nothingToResume`, `.settingsDiffer`
  package func check<Settings: RunConfiguration>(_ configuration: Settings, resume: ResumeMode) throws {
    let holdsSettings = FileManager.default.fileExists(atPath: settings.path)
    let holdsRun = holdsSettings || !checkpointSteps.isEmpty
    guard resume.mayResume || !holdsRun else { throw CheckpointError.runExists(path: url.path) }
    guard resume != .required || holdsRun else { throw CheckpointError.nothingToResume(path: url.path) }
    guard holdsSettings else { return }
    let before = try Settings.load(file: settings, overrides: [])
    let differences = RunFolder.differences(
      try before.trajectory.yaml(), try configuration.trajectory.yaml())
    guard differences.isEmpty else {
      throw CheckpointError.settingsDiffer(path: url.path, differences: differences)
    }
  }

  /// Makes the folder and writes the settings, once everything has been checked.
  package func begin(_ configuration: some Configuration) throws {
    try Folder.create(url)
    try AtomicFile.write(Data(try configuration.yaml().utf8), to: settings)
  }

  /// Writes a checkpoint whole, then `settle`s. Later ones that stand there are damaged, or this run would have gone on
  /// from them.
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

  /// Points `latest` and `best` at the checkpoints of a run that stands at `cursor`, and removes those beyond the last
  /// `keep` and those later than it. A run that was killed after a checkpoint may have come to none of it.
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

  /// Makes the run go on from an older checkpoint with another cursor, which the checkpoint's manifest records.
  ///
  /// Killed before the manifest is written, the run comes from any checkpoint to the same return once more; so the later
  /// checkpoints, which know nothing of it, are removed first.
  package func goBack(to manifest: CheckpointManifest, cursor: RunCursor, keep: Int) throws {
    try settle(cursor, keep: keep)
    if cursor.bestStep == nil { unlink(url.appendingPathComponent("best").path) }
    try Folder.synchronize(url)
    try manifest.with(cursor).write(to: checkpoint(step: cursor.step))
  }

  private func link(_ name: String, to folder: URL) throws {
    let link = url.appendingPathComponent(name).path
    let temporary = link + ".partial"
    unlink(temporary)
    guard symlink(folder.lastPathComponent, temporary) == 0, rename(temporary, link) == 0 else {
      throw FileError.writing(link)
    }
  }

  private static func differences(_ before: String, _ now: String) -> [String] {
    let (old, new) = (before.split(separator: "\n"), now.split(separator: "\n"))
    return zip(old, new).filter { $0 != $1 }.map {
      "\($0.trimmingCharacters(in: .whitespaces)) there, \($1.trimmingCharacters(in: .whitespaces)) here"
    }
  }
}
