package import ClozeCore

/// All settings of a search. Each has its default here and its explanation in `configs/search.yaml`.
package struct SearchConfiguration: Configuration, Equatable {
  /// What the runs of a study are.
  package enum Task: String, NamedChoice {
    /// Of an encoder on raw text, by masked tokens.
    case pretraining
    /// Fine-tuning on labelled rows, as `finetune --task` names it.
    case translation, classification, tagging
  }

  /// Limits of a trial's run; 0 for none.
  package struct Limits: Codable, Sendable, Equatable {
    /// Of the model.
    package var parameters = 0
    /// Of memory, as `pretrain --plan` counts it; 1 GB is 1e9 bytes.
    package var memoryGB = 0.0
    package var secondsPerStep = 0.0
  }

  /// The steps at which trials are compared, and the worse ones stop.
  package struct Rungs: Codable, Sendable, Equatable {
    /// 1: every trial is run to its end.
    package var count = 3
    /// Of trials that come to a rung, one in so many goes on to the next, which has so many times the steps.
    package var factor = 3

    package init() {}

    /// The trials that begin together and of which one reaches the end: factor^(count - 1).
    package var bracketSize: Int { (1..<count).reduce(1) { size, _ in size * factor } }
  }

  package var task = Task.pretraining
  /// The settings that all trials share: a file's name, or the settings.
  package var base = SettingTree.scalar("")
  package var space = SettingTree.scalar("")
  package var limits = Limits()
  package var proposer = ProposerKind.bayesian
  /// Of the proposer and of random search together; 0 for as many as fit into `minutes`.
  package var trials = 0
  /// What the whole study takes at most, as far as a few steps of the base tell.
  package var minutes = 60.0
  /// The share of the trials that random search gets.
  package var control = 0.3
  /// Runs of the base with different seeds, which measure the noise.
  package var seeds = 3
  package var rungs = Rungs()
  /// A proposal does not wait for the results of so many trials before it.
  package var lag = 0
  /// Trials that run side by side. It changes no result.
  package var trialsAtOnce = 1
  package var seed = 1

  static let mostTrials = 100_000

  package init() {}

  package func validate() throws {
    let require = SettingsCheck()
    try require(trials, in: 0...SearchConfiguration.mostTrials, "trials")
    try require((0...1e6).contains(minutes), "minutes", "is \(minutes); choose 0 to 1e6")
    try require(trials > 0 || minutes > 0, "trials", "and minutes are both 0; choose one")
    try require(
      (0...0.5).contains(control), "control", "is \(control); choose a share of 0 (no control) to 0.5")
    try require(seeds, in: 0...100, "seeds")
    try require(rungs.count, in: 1...10, "rungs.count")
    try require(rungs.factor, in: 2...10, "rungs.factor")
    try require(
      rungs.bracketSize <= 10_000, "rungs.count",
      "is \(rungs.count), of which a bracket has \(rungs.bracketSize) trials; choose fewer rungs or a smaller factor"
    )
    try require(lag, in: 0...1000, "lag")
    try require(trialsAtOnce, in: 1...1000, "trialsAtOnce")
    try require(
      trialsAtOnce == 1 || (limits.memoryGB == 0 && limits.secondsPerStep == 0), "trialsAtOnce",
      "is \(trialsAtOnce), and limits.memoryGB and limits.secondsPerStep are measured of a trial that runs alone; choose 1, or 0 "
        + "for both limits")
    try require(limits.parameters >= 0, "limits.parameters", "is \(limits.parameters); choose 0 for none")
    for (name, limit) in [("memoryGB", limits.memoryGB), ("secondsPerStep", limits.secondsPerStep)] {
      try require(limit >= 0 && limit.isFinite, "limits.\(name)", "is \(limit); choose 0 for none")
    }
    try require(seed, in: 0...1 << 53, "seed")
  }
}
