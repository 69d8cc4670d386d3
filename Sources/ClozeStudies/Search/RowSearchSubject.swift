internal import ClozeCore
package import ClozeModel
package import ClozeTraining
internal import Foundation

/// Fine-tuning on labelled rows, scored as the run ranks its own checkpoints (`validation.rankBy`).
package struct RowSearchSubject<Rows: TrainingRows>: SearchSubject {
  package let base: Rows.Task.Settings
  private let digests: [String: String]
  /// About the rows and the start.
  package let warnings: [String]
  private let rows: Rows
  /// Whether the start is a translator, whose decoder the runs have.
  private let startsWithDecoder: Bool
  /// By what they depend on: the settings of model and decoder.
  private let parameterCounts = Guarded<[String: Int]>([:])

  /// Opens and checks rows and start.
  ///
  /// - Throws: `ConfigurationError`, and what opening a run throws
  package init(_ rows: Rows) throws {
    (self.rows, base) = (rows, rows.settings)
    let stop = rows.settings.stop
    let require = SettingsCheck("base")
    try require(
      stop.steps > 0 && stop.minutes == 0 && stop.tokens == 0, "stop",
      "limits trials by minutes or tokens; rungs are steps, so give stop.steps alone")
    let task = try rows.task(.pretrained(rows.model), rows: nil, settings: rows.settings)
    try require(
      task.patience == 0, "validation.patience",
      "is \(task.patience), so that trials would end before their rung; choose 0")
    warnings = task.damaged.map { "\($0)" } + task.warnings + task.findings.messages
    let start = try StartFolder(rows.model)
    digests = rows.identities.merging(["model": start.digest.hex]) { first, _ in first }
    startsWithDecoder = try ModelArchive.decoderConfiguration(start.folder) != nil
  }

  package func identities() -> [String: String] { digests }

  package var score: SearchScore {
    let (name, prefersLarger) = base.rankingFigure
    return SearchScore(name: prefersLarger ? name : "loss", prefersLarger: prefersLarger)
  }

  package func task(_ settings: Rows.Task.Settings) throws -> Rows.Task {
    try rows.task(.pretrained(rows.model), rows: nil, settings: settings)
  }

  package func parameterCount(_ settings: Rows.Task.Settings) throws -> Int {
    let key = try settings.leaves().filter { ["model.", "decoder."].contains(where: $0.key.hasPrefix) }
      .sorted { $0.key < $1.key }.description
    if let count = parameterCounts.withLock({ $0[key] }) { return count }
    let task = try task(settings)
    let count = try task.declaredStore(task.configuration.compute.elementType).parameterCount
    parameterCounts.withLock { $0[key] = count }
    return count
  }

  package func network(_ settings: Rows.Task.Settings) -> [Block] { [] }

  package func steps(_ settings: Rows.Task.Settings) -> Int { settings.stop.steps }

  package func refusal(varying key: String) -> String? {
    if let reason = commonRefusal(varying: key) { return reason }
    return switch (key.split(separator: ".").first.map(String.init) ?? "", key) {
    case (_, "model.dropout"), (_, "model.attentionDropout"): nil
    case ("model", _): "is that of the model that the runs start from; leave it out"
    case ("decoder", _) where startsWithDecoder:
      "is that of the translator that the runs start from; leave it out"
    case (_, "batch.maximumLength"):
      "decides what is scored, so that trials could not be compared; set it in base"
    case ("synthetic", _), ("policy", _): "does nothing in a study; leave it out"
    default: nil
    }
  }
}
