package import ClozeCompute
internal import ClozeCore
internal import ClozeModel

/// A part of a model that training does not change.
enum FrozenPart: Equatable {
  case embeddings
  case encoder
  case decoder
  case layers(ClosedRange<Int>)

  private static let choices = "embeddings, encoder, decoder, layers:0-3, or several with commas between them"

  /// The parts in a setting such as `embeddings,layers:0-3`; empty for `none`.
  /// - Throws: `ConfigurationError`
  static func parse(_ setting: String, path: String) throws -> [FrozenPart] {
    guard setting != "none" else { return [] }
    return try setting.split(separator: ",", omittingEmptySubsequences: false).map { name in
      guard let part = FrozenPart(name.trimmingPrefix(" ")) else {
        throw ConfigurationError.invalid(
          path: path, reason: "has the part '\(name)'; choose none, \(choices)")
      }
      return part
    }
  }

  private init?(_ name: Substring) {
    switch name {
    case "embeddings": self = .embeddings
    case "encoder": self = .encoder
    case "decoder": self = .decoder
    default:
      guard let match = name.wholeMatch(of: /layers:([0-9]{1,4})(?:-([0-9]{1,4}))?/),
        let first = Int(match.1),
        let last = match.2.map({ Int($0) }) ?? first, first <= last
      else { return nil }
      self = .layers(first...last)
    }
  }

  func contains(_ place: ParameterPlace) -> Bool {
    switch (self, place) {
    case (.embeddings, .embeddings), (.embeddings, .decoderEmbeddings): true
    case (.encoder, .embeddings), (.encoder, .layer), (.encoder, .encoderNorm): true
    case (.decoder, .decoderEmbeddings), (.decoder, .decoder): true
    case (.layers(let range), .layer(let index)): range.contains(index)
    default: false
    }
  }
}

extension OptimizerConfiguration {
  /// Whether parts are frozen at the start of a run and not at its end.
  var thaws: Bool { freezeShare < 1 }

  /// Whether the frozen parts are trained after `fraction` of the run.
  func isThawed(fraction: Double) -> Bool {
    // With the margin, 0.3 of 10 steps are 3 however the quotient is rounded.
    thaws && fraction > freezeShare - 1e-9
  }

  /// Calls `body` while only those parameters of the store are frozen that are frozen to the end of the run: with them it
  /// needs the most memory and time.
  func atItsEnd<Value>(_ store: ParameterStore, _ body: () throws -> Value) rethrows -> Value {
    try thaws ? store.withoutFreezing(body) : body()
  }

  /// Marks the parameters that `freeze` names in a model's store.
  /// - Throws: `ConfigurationError` if the model does not have a part, or no parameter is left to train
  package func freeze(_ store: ParameterStore, section: String = "optimizer") throws {
    let path = section + ".freeze"
    let parts = try FrozenPart.parse(freeze, path: path)
    guard !parts.isEmpty else { return }
    func refusal(_ reason: String) -> ConfigurationError { .invalid(path: path, reason: reason) }
    let places = store.parameters.map { ParameterPlace(path: $0.path) }
    let layerCount = LayerRates.layerCount(store)
    for part in parts {
      if case .layers(let range) = part, range.upperBound >= layerCount {
        throw refusal(
          "names layer \(range.upperBound); the encoder has \(layerCount), choose 0 to \(layerCount - 1)")
      }
      guard places.contains(where: part.contains) else {
        throw refusal("names a \(part), which this model does not have; choose another part")
      }
    }
    let frozen = zip(store.parameters, places).filter { _, place in parts.contains { $0.contains(place) } }
    guard frozen.count < places.count else { throw refusal("leaves nothing to train; name fewer parts") }
    store.freeze(frozen.map(\.0))
  }
}

/// The factor of the learning rate of each parameter: decay^(L - l) in layer l of the encoder, from 0 to L - 1,
/// decay^(L + 1) in its embeddings, and 1 in everything above the encoder.
///
/// Source: Howard and Ruder 2018, section 3.2 (discriminative fine-tuning), arXiv:1801.06146; as a power of one factor, Clark
/// et al. 2020, appendix B (ELECTRA), arXiv:2003.10555.
struct LayerRates {
  private let decay: Double
  private let layerCount: Int

  init(_ store: ParameterStore, decay: Double) {
    self.decay = decay
    layerCount = LayerRates.layerCount(store)
  }

  static func layerCount(_ store: ParameterStore) -> Int {
    store.parameters.reduce(0) { count, parameter in
      if case .layer(let index) = ParameterPlace(path: parameter.path) {
        max(count, index + 1)
      } else {
        count
      }
    }
  }

  func factor(_ parameter: Parameter) -> Double {
    let depth = ParameterPlace(path: parameter.path).depthBelowHead(layerCount: layerCount)
    return (0..<depth).reduce(1) { factor, _ in factor * decay }
  }
}
