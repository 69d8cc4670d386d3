internal import ClozeCore
package import Foundation

/// The folder of a run: `config.yaml`, `metrics.jsonl`, checkpoints `step-00000100`, and the links `best` and `latest`.
///
/// Each checkpoint is a model folder that `transformers` reads, with the optimizer's moments and a manifest.
package struct RunFolder: Sendable {
  package let url: URL

  package init(_ url: URL) {
    self.url = url
  }

  package var metrics: URL { url.appendingPathComponent("metrics.jsonl") }
  package var settings: URL { url.appendingPathComponent("config.yaml") }

  package static let checkpointPrefix = "step-"
  /// The file that a folder with two compared runs has.
  package static let comparisonName = "verdict.json"

  package func checkpoint(step: Int) -> URL {
    let digits = String(step)
    return url.appendingPathComponent(
      RunFolder.checkpointPrefix + String(repeating: "0", count: max(0, 8 - digits.count)) + digits)
  }

  /// The steps that have a checkpoint folder, newest first.
  package var checkpointSteps: [Int] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.compactMap {
      $0.hasPrefix(RunFolder.checkpointPrefix) ? Int($0.dropFirst(RunFolder.checkpointPrefix.count)) : nil
    }
    .sorted(by: >)
  }

  /// The newest whole checkpoint; nil if the run has none yet. Damaged ones are reported and skipped.
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

  /// The model folder at `url`: the folder itself, the best or else the newest checkpoint of a run folder, or the best
  /// checkpoint of the better one of two runs that were compared. A checkpoint is checked against its manifest; damaged checkpoints of a run are reported and skipped.
  /// - Throws: `CheckpointError.noCheckpoint`, `.damaged`, `FileError.missing`
  package static func model(at url: URL, report: (CheckpointError) -> Void) throws -> URL {
    func holdsModel(_ url: URL) -> Bool {
      FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path)
    }
    guard FileManager.default.fileExists(atPath: url.path) else { throw FileError.missing(path: url.path) }
    let comparison = url.appendingPathComponent(comparisonName)
    if FileManager.default.fileExists(atPath: comparison.path) {
      let best = url.appendingPathComponent("best").resolvingSymlinksInPath()
      // A comparison of comparisons is made by nobody, and may be a circle of links.
      guard !FileManager.default.fileExists(atPath: best.appendingPathComponent(comparisonName).path) else {
        throw CheckpointError.noCheckpoint(path: url.path)
      }
      return try model(at: best, report: report)
    }
    if holdsModel(url)
      || !FileManager.default.fileExists(atPath: url.appendingPathComponent("config.yaml").path)
    {
      let manifest = url.appendingPathComponent(CheckpointManifest.fileName)
      // Folders that Cloze did not write have no manifest.
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
