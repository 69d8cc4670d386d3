internal import ClozeCore
package import ClozeData
internal import ClozeEvaluation
internal import ClozeModel
internal import ClozeText
package import ClozeTraining
package import Foundation

/// A folder with two runs of equal settings, `control` and `synthetic`, of which the second trains on synthetic pairs first.
///
/// `verdict.json` says which is better on the validation pairs, and `best` links to its best checkpoint.
package struct ComparedRuns: Sendable {
  package let url: URL

  package init(_ url: URL) { self.url = url }

  package var control: URL { url.appendingPathComponent("control") }
  package var synthetic: URL { url.appendingPathComponent("synthetic") }

  /// Refuses a folder that holds something else, such as an ordinary run.
  /// - Throws: `FolderContentError`
  package func check() throws { try FolderContent.check(url, for: .comparison) }

  /// Compares the best checkpoints of the two runs, which have ended: writes `verdict.json` and the link `best`.
  ///
  /// - Parameters:
  ///   - task: the task of the run with synthetic pairs.
  ///   - validation: all pairs of the file of validation pairs.
  /// - Throws: `CheckpointError`, `ArchiveError`, `TokenizerError`, `FileError`
  package func judge(_ task: TranslationTask, validation: TranslationPairs) throws -> SyntheticVerdict {
    let settings = task.configuration
    let held = try PairSelection(
      validation, tokenizer: task.tokenizer, maximumLength: settings.batch.maximumLength)
    let evaluation = TranslationEvaluation(held.pairs)
    let beam = BeamConfiguration(beamSize: settings.validation.beamSize)
    let workers = WorkerGroup(count: settings.compute.workers)
    func report(_ run: URL) throws -> TranslationEvaluation.Report {
      let folder = try RunFolder.model(at: run) { _ in }
      let translator = try Translator(folder, precision: settings.compute.elementType, beam: beam)
      return try evaluation.run(translator, tapes: workers.tapes(for: translator.model.store))
    }
    let (with, without) = (try report(synthetic), try report(control))
    func statistics(_ report: TranslationEvaluation.Report) -> SentenceStatistics {
      SentenceStatistics(
        report.hypotheses, references: held.pairs.map(\.target), metrics: evaluation.metrics, workers: workers
      )
    }
    let verdict = SyntheticVerdict(
      SystemComparison(statistics(with), statistics(without)),
      decidedBy: settings.validation.rankBy == .bleu ? "BLEU" : "chrF", pairs: held.pairs.count,
      beam: beam.beamSize, ignoresSource: with.ignoresSource, identities: task.identities)
    try write(verdict)
    return verdict
  }

  private func write(_ verdict: SyntheticVerdict) throws {
    let winner = verdict.decision == .kept ? synthetic : control
    try Folder.link(url.appendingPathComponent("best"), to: winner.lastPathComponent + "/best")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try AtomicFile.write(encoder.encode(verdict), to: url.appendingPathComponent(RunFolder.comparisonName))
  }
}
