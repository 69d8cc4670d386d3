internal import ClozeCore

/// How often a run logs, validates and saves.
package struct CadenceConfiguration: Codable, Sendable, Equatable {
  /// Progress lines and `metrics.jsonl`.
  package var logSteps = 20
  package var validationSteps = 250
  package var checkpointSteps = 250
  /// Checkpoints kept besides the best.
  package var keepCheckpoints = 2
  /// How long a run waits for room on a full disk before it ends with an error.
  package var diskWaitMinutes = 10.0

  package init() {}

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "cadence") throws {
    let values = [
      ("logSteps", logSteps), ("validationSteps", validationSteps), ("checkpointSteps", checkpointSteps),
    ]
    let require = SettingsCheck(section)
    for (key, value) in values { try require(value >= 1, key, "is \(value); choose 1 or more") }
    try require(keepCheckpoints, in: 1...10_000, "keepCheckpoints")
    try require(
      (0...1e6).contains(diskWaitMinutes), "diskWaitMinutes",
      "is \(diskWaitMinutes); choose 0 (not at all) to 1e6")
  }
}
