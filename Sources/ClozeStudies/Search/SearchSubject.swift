package import ClozeCore
package import ClozeModel
package import ClozeTraining
package import Foundation

/// Settings of runs that a study can make.
package protocol SearchedSettings: RunConfiguration {
  var seed: Int { get set }
  var cadence: CadenceConfiguration { get set }
  var compute: ComputeConfiguration { get set }
}

extension PretrainConfiguration: SearchedSettings {}

extension SearchedSettings {
  /// The settings that all trials of a study share.
  ///
  /// - Parameter tree: a file's name or settings.
  /// - Throws: `ConfigurationError`, `FileError`
  package static func base(_ tree: SettingTree) throws -> Self {
    do {
      return try read(tree)
    } catch let error as ConfigurationError {
      throw error.inSection("base")
    }
  }

  private static func read(_ tree: SettingTree) throws -> Self {
    if case .scalar(let name) = tree {
      return try load(file: name.isEmpty ? nil : URL(fileURLWithPath: name), overrides: [])
    }
    guard let overrides = tree.overrides else {
      throw ConfigurationError.wrongType(path: "", expected: "a mapping of keys to values, or a file's name")
    }
    return try load(file: nil, overrides: overrides)
  }
}

/// What trials are scored by. The loss of a trial is the score by which its run ranks checkpoints, with the other sign.
package struct SearchScore: Sendable, Equatable {
  package let name: String
  package let prefersLarger: Bool

  package static let loss = SearchScore(name: "loss", prefersLarger: false)

  package init(name: String, prefersLarger: Bool) {
    (self.name, self.prefersLarger) = (name, prefersLarger)
  }

  /// The score of a trial with this loss.
  package func value(ofLoss loss: Double) -> Double { prefersLarger ? -loss : loss }
}

/// What a study trains with different settings, and how it is scored.
package protocol SearchSubject: Sendable {
  associatedtype Task: PlannedTask where Task.Settings: SearchedSettings

  /// The settings that all trials share.
  var base: Task.Settings { get }
  /// The digests of the data.
  func identities() throws -> [String: String]
  var score: SearchScore { get }
  /// Findings about the data, for people.
  var warnings: [String] { get }

  func task(_ settings: Task.Settings) throws -> Task
  /// Makes the data of a run, before one of several processes begins it.
  func prepare(_ settings: Task.Settings) throws
  /// What a trial is compared by, less is better, of the score of its run's validation.
  func loss(ofScore score: Double, in task: Task) throws -> Double
  /// Refuses settings that a run would take and a study does not.
  /// - Throws: `ConfigurationError`
  func check(_ settings: Task.Settings) throws
  func parameterCount(_ settings: Task.Settings) throws -> Int
  /// The blocks of the network that a run with these settings makes; empty if it starts from one.
  func network(_ settings: Task.Settings) -> [Block]
  /// The steps of a whole run.
  func steps(_ settings: Task.Settings) -> Int
  /// Why a study cannot vary a setting; nil if it can.
  func refusal(varying key: String) -> String?
}

extension SearchSubject {
  package func loss(ofScore score: Double, in task: Task) throws -> Double { -score }
  package func check(_ settings: Task.Settings) throws {}
  package func prepare(_ settings: Task.Settings) throws {}

  /// What a study with these settings is made from. Its journal has their digests.
  func identities(of settings: SearchConfiguration) throws -> [String: String] {
    var fixed = settings
    fixed.base = .scalar("")
    fixed.space = .scalar("")
    fixed.trialsAtOnce = 1
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    // What is proposed depends on the order of the settings.
    let order =
      if case .mapping(let pairs) = settings.space { pairs.map(\.key).joined(separator: " ") } else { "" }
    return try identities().merging([
      "base": base.resultDigest.hex,
      "space": Digest(of: try encoder.encode(settings.space) + Data(order.utf8)).hex,
      "settings": Digest(of: fixed.yaml()).hex,
    ]) { first, _ in first }
  }

  /// Checks that a study with these settings is the one of the identities.
  /// - Throws: `SearchError.otherStudy`
  func check(_ identities: [String: String], of settings: SearchConfiguration, path: String) throws {
    let expected = try self.identities(of: settings)
    for what in Set(expected.keys).union(identities.keys).sorted() where expected[what] != identities[what] {
      throw SearchError.otherStudy(path: path, what: what)
    }
  }
}

extension SearchSubject where Task.Settings == PretrainConfiguration {
  package func network(_ settings: PretrainConfiguration) -> [Block] { settings.model.layerBlocks }
  package func steps(_ settings: PretrainConfiguration) -> Int { settings.stepLimit ?? .max }
}

/// Masked-language pretraining, scored by the loss on frozen masks of the validation split.
package struct MaskedSearchSubject: SearchSubject {
  package let base: PretrainConfiguration
  private let digests: [String: String]
  private let data: URL
  private let vocabularySize: Int

  /// Opens and checks the data.
  ///
  /// - Throws: `ConfigurationError`, and what opening a run throws
  package init(base: PretrainConfiguration, data: URL) throws {
    try base.checkSearched()
    (self.base, self.data) = (base, data)
    let text = try PretrainingText(configuration: base, data: data)
    // All that a task of this text can refuse.
    _ = try MaskedLanguageTask(text)
    digests = text.identities
    vocabularySize = text.configuration.model.vocabularySize
  }

  package var score: SearchScore { .loss }
  package var warnings: [String] { [] }

  package func task(_ settings: PretrainConfiguration) throws -> MaskedLanguageTask {
    try MaskedLanguageTask(PretrainingText(configuration: settings, data: data))
  }

  package func identities() -> [String: String] { digests }

  package func parameterCount(_ settings: PretrainConfiguration) -> Int {
    settings.maskedParameterCount(vocabularySize: vocabularySize)
  }

  package func refusal(varying key: String) -> String? {
    if key == "model.vocabularySize" {
      return "is that of the data; to vary it give --text in place of --data"
    }
    return commonRefusal(varying: key) ?? PretrainConfiguration.refusal(varying: key)
  }
}

extension PretrainConfiguration {
  /// Checks the base of a study.
  /// - Throws: `ConfigurationError`
  func checkSearched() throws {
    let require = SettingsCheck("base")
    try require(
      objective == .masked, "objective",
      "is \(objective.rawValue); a search trains with objective masked")
    try require(
      stop.minutes == 0 && (stop.steps > 0 || stop.tokens > 0), "stop",
      "limits trials by minutes, which no two runs have equal; give stop.steps or stop.tokens")
  }

  /// Of a new model.
  func maskedParameterCount(vocabularySize: Int) -> Int {
    var model = model
    model.vocabularySize = vocabularySize
    return MaskedLanguageModel(declaring: model, precision: compute.resolved.elementType).store.parameterCount
  }

  /// Why a study of pretraining cannot vary a setting; nil if it can.
  static func refusal(varying key: String) -> String? {
    switch (key.split(separator: ".").first.map(String.init) ?? "", key) {
    case (_, "objective"), (_, "batch.windowLength"):
      "decides what is scored, so that losses could not be compared; set it in base"
    case ("decoder", _), ("corruption", _), ("replacedTokens", _):
      "does nothing with objective masked; leave it out"
    default: nil
    }
  }
}

extension SearchSubject {
  /// Why no study can vary a setting; nil if it is not of those.
  func commonRefusal(varying key: String) -> String? {
    switch (key.split(separator: ".").first.map(String.init) ?? "", key) {
    case (_, "seed"): "is the same in all trials; the setting seeds of the study measures its noise"
    case ("stop", _), ("cadence", _): "is the same in all trials; set it in base"
    case ("validation", _): "decides what is scored, so that losses could not be compared; set it in base"
    case (_, "compute.workers"): "changes no result; set it in base"
    default: nil
    }
  }

  /// The settings of a trial, with the study's seed and cadence.
  func settings(_ overrides: [String], seed: Int, rungs: [Int]) throws -> Task.Settings {
    var settings = try base.with(overrides)
    settings.seed = seed
    // A rung is at a multiple of the first, and so has a validation.
    settings.cadence.validationSteps = rungs[0]
    settings.cadence.checkpointSteps = min(settings.cadence.checkpointSteps, rungs[0])
    settings.cadence.keepCheckpoints = 1
    return settings
  }
}
