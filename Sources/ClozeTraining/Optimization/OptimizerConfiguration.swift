internal import ClozeCompute
internal import ClozeCore

/// The settings of the optimizer. Matrices decay, biases and norms do not.
package struct OptimizerConfiguration: Codable, Sendable, Equatable {
  package enum Algorithm: String, NamedChoice {
    /// For all parameters, see `AdamWUpdate`.
    case adamW
    /// AdamW, whose rate for a tensor is divided by the root mean square of g / sqrt(v̂) where that is above 1: where the
    /// gradient has grown faster than the second moment. Source: Wortsman et al. 2023, algorithm 2, arXiv:2304.13013
    case stableAdamW
    /// For the weight matrices of hidden layers, see `MuonUpdate`; AdamW for tables, output layers, biases and norms.
    case muon
  }

  package var algorithm = Algorithm.adamW
  /// The peak of the schedule.
  package var learningRate = 1e-3
  package var beta1 = 0.9
  package var beta2 = 0.98
  package var epsilon = 1e-6
  /// The share of the last momentum in the next; of Muon.
  package var momentum = 0.95
  package var weightDecay = 0.01
  /// The largest norm of the gradient of all parameters; 0 for no clipping.
  package var gradientClip = 1.0
  /// The factor between the learning rates of a layer of the encoder and of the one above it; 1 for equal rates, see
  /// `LayerRates`.
  package var layerDecay = 1.0
  /// The parts that training does not change, separated by commas: embeddings, encoder, decoder, layers:0-3; or none.
  package var freeze = "none"
  /// The share of the run, from its first step on, for which `freeze` holds; 1 for the whole run.
  package var freezeShare = 1.0
  /// How often a run whose output does not depend on its input may start anew with half the learning rate; 0 for never, see
  /// `CollapseCheck`.
  package var collapseRestarts = 3
  package var schedule = ScheduleConfiguration()

  package init() {}

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "optimizer") throws {
    let require = SettingsCheck(section)
    try require(learningRate > 0, "learningRate", "is \(learningRate); choose a positive number")
    // They are used as Float, where a Double just below 1 becomes 1, and a small one 0.
    for (key, beta) in [("beta1", beta1), ("beta2", beta2), ("momentum", momentum)] {
      try require(
        beta >= 0 && Float(beta) < 1, key, "is \(beta); choose a number in 0 ..< 1, such as 0.98")
    }
    try require(
      Float(epsilon) >= .leastNormalMagnitude && Float(epsilon).isFinite, "epsilon",
      "is \(epsilon); choose a small positive number, such as 1e-6")
    try require(weightDecay >= 0, "weightDecay", "is \(weightDecay); choose 0 or more")
    try require(gradientClip >= 0, "gradientClip", "is \(gradientClip); choose 0 (none) or more")
    try require(
      layerDecay > 0 && layerDecay <= 1, "layerDecay",
      "is \(layerDecay); choose a factor above 0 and up to 1, which is none")
    let isFrozen = try !FrozenPart.parse(freeze, path: section + ".freeze").isEmpty
    try require(
      freezeShare > 0 && freezeShare <= 1, "freezeShare",
      "is \(freezeShare); choose a share of the run above 0 and up to 1, which is the whole run")
    try require(
      isFrozen || freezeShare == 1, "freezeShare",
      "is \(freezeShare), and \(section).freeze names no part; name one, such as encoder, or leave it at 1")
    try require(collapseRestarts, in: 0...10, "collapseRestarts")
    try schedule.validate(section: section + ".schedule")
  }

  /// The matrices of a parameter that Muon updates; empty if AdamW updates it.
  func muonMatrices(_ parameter: Parameter) -> [HiddenMatrix] {
    algorithm == .muon ? parameter.hiddenMatrices : []
  }

  /// The numbers that the optimizer remembers of a model: two moments of each parameter, of Muon's matrices one.
  func momentCount(_ store: ParameterStore) -> Int {
    store.parameters.reduce(0) { $0 + (muonMatrices($1).isEmpty ? 2 : 1) * $1.count }
  }

  /// The most bytes that the updates of `workers` workers need at once.
  func updateBytes(_ store: ParameterStore, workers: Int) -> Int {
    let matrices = store.parameters.flatMap(muonMatrices)
    return workers
      * (matrices.map { NewtonSchulz.memoryBytes($0, precision: store.precision) }.max() ?? 0)
  }
}
