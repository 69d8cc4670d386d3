package import ClozeCore
package import Foundation

/// Whether a run begins or goes on.
package enum ResumeMode: Sendable {
  /// It begins, in a folder that holds no run.
  case never
  /// It goes on; a folder without a run is an error.
  case required
  /// It goes on where the folder holds a run, and begins where not.
  case ifPresent

  var mayResume: Bool { self != .never }
}

/// The folder of a run: `config.yaml`, `metrics.jsonl`, checkpoints `step-00000100`, and the links `best` and `latest`.
///
/// Each checkpoint is a model folder that `transformers` reads, with the optimizer's state and a manifest beside it.
package struct RunFolder: Sendable {
  package let url: URL

  package init(_ url: URL) {
    self.url = url
  }

  package var metrics: URL { url.appendingPathComponent("metrics.jsonl") }
  private var settings: URL { url.appendingPathComponent("config.yaml") }

  private static let prefix = "step-"

  package func checkpoint(step: Int) -> URL {
    let digits = String(step)
    return url.appendingPathComponent(
      RunFolder.prefix + String(repeating: "0", count: max(0, 8 - digits.count)) + digits)
  }

  /// The steps that have a checkpoint folder, newest first.
  package var checkpointSteps: [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.compactMap {
      $0.hasPrefix(RunFolder.prefix) ? Int($0.dropFirst(RunFolder.prefix.count)) : nil
    }
    .sorted(by: >)
  }

  /// Takes the folder for this process alone, for as long as the lock lives, and puts in order what a killed run left there
  /// half-done.
  /// - Throws: `CheckpointError.inUse`, `FileError`
  package func lock() throws -> RunLock {
    let lock = try RunLock(url)
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    for name in names where name.hasPrefix(RunFolder.prefix) {
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
  ///
  /// - Parameter trajectory: the settings that decide the run's bits; they must be the same when it goes on.
  /// - Throws: `CheckpointError.runExists`, `.nothingToResume`, `.settingsDiffer`
  package func check<Settings: Configuration>(
    _ configuration: Settings, resume: ResumeMode, trajectory: (Settings) -> Settings
  ) throws {
    let holdsSettings = FileManager.default.fileExists(atPath: settings.path)
    let holdsRun = holdsSettings || !checkpointSteps.isEmpty
    guard resume.mayResume || !holdsRun else { throw CheckpointError.runExists(path: url.path) }
    guard resume != .required || holdsRun else { throw CheckpointError.nothingToResume(path: url.path) }
    guard holdsSettings else { return }
    let before = try Settings.load(file: settings, overrides: [])
    let differences = RunFolder.differences(
      try trajectory(before).yaml(), try trajectory(configuration).yaml())
    guard differences.isEmpty else {
      throw CheckpointError.settingsDiffer(path: url.path, differences: differences)
    }
  }

  /// Makes the folder and writes the settings, once everything has been checked.
  package func begin(_ configuration: some Configuration) throws {
    try Folder.create(url)
    try AtomicFile.write(Data(try configuration.yaml().utf8), to: settings)
  }

  /// The newest checkpoint that is whole, nil where the run has not come to one. Damaged ones are reported and passed over.
  /// - Throws: `CheckpointError.noneWhole`, `.wrongPurpose`
  package func newestWhole(
    purpose: String, report: (CheckpointError) -> Void
  ) throws -> (folder: URL, manifest: CheckpointManifest)? {
    for step in checkpointSteps {
      let folder = checkpoint(step: step)
      do {
        let manifest = try CheckpointManifest.verified(folder)
        guard manifest.purpose == purpose else {
          throw CheckpointError.wrongPurpose(path: folder.path, expected: purpose, found: manifest.purpose)
        }
        return (folder, manifest)
      } catch let error as CheckpointError {
        guard case .damaged = error else { throw error }
        report(error)
      }
    }
    guard checkpointSteps.isEmpty else { throw CheckpointError.noneWhole(path: url.path) }
    return nil
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

  /// The model folder that a person means: the folder itself, or a run's best, else newest, checkpoint. A checkpoint is
  /// checked against its manifest; of a run's, damaged ones are reported and passed over.
  /// - Throws: `CheckpointError.noCheckpoint`, `.damaged`, `FileError.missing`
  package static func model(at url: URL, report: (CheckpointError) -> Void) throws -> URL {
    func holdsModel(_ url: URL) -> Bool {
      FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path)
    }
    guard FileManager.default.fileExists(atPath: url.path) else { throw FileError.missing(path: url.path) }
    if holdsModel(url)
      || !FileManager.default.fileExists(atPath: url.appendingPathComponent("config.yaml").path)
    {
      let manifest = url.appendingPathComponent(CheckpointManifest.fileName)
      // Folders from elsewhere have none.
      if FileManager.default.fileExists(atPath: manifest.path) { _ = try CheckpointManifest.verified(url) }
      return url
    }
    let run = RunFolder(url)
    let best = url.appendingPathComponent("best").resolvingSymlinksInPath()
    let candidates = [best] + run.checkpointSteps.map(run.checkpoint).filter { $0.path != best.path }
    for candidate in candidates where FileManager.default.fileExists(atPath: candidate.path) {
      do {
        _ = try CheckpointManifest.verified(candidate)
        return candidate
      } catch let error as CheckpointError {
        report(error)
      }
    }
    throw CheckpointError.noCheckpoint(path: url.path)
  }
}
