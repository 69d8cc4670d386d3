import ClozeCompute
import ClozeModel
import ClozeTestSupport

/// Models small enough to run many times, with weights large enough that every part shows in the result.
enum SmallModels {
  /// Every mixer and every feed-forward sub-layer; local attention sees 3 places to each side, gates see 4.
  static let blocks = [
    "attention", "localAttention", "attention/geglu, localAttention/swiglu", "attention/reluSquared",
    "localAttention/none", "recurrent", "recurrent/geglu, attention", "gatedMLP",
    "gatedMLP/plain, recurrent/none",
  ]

  static func configuration(blocks: String = "attention", dropout: Double = 0) -> EncoderConfiguration {
    var configuration = EncoderConfiguration()
    configuration.blocks = BlockPattern(blocks)
    if blocks.contains("local") { configuration.localWindow = 6 }
    if blocks.contains("gated") { configuration.gateReach = 5 }
    if blocks.contains("recurrent/") { configuration.recurrentCell = .lstm }
    configuration.vocabularySize = 50
    configuration.layerCount = 2
    configuration.hiddenSize = 24
    configuration.headCount = 3
    // Of gates, the groups divide half of it.
    configuration.feedForwardSize = blocks.contains("gatedMLP") ? 48 : 40
    configuration.positionCount = 32
    configuration.dropout = dropout
    configuration.attentionDropout = dropout
    configuration.initializerDeviation = 0.2
    return configuration
  }

  static func maskedLanguage(
    _ precision: ElementType = .float32, blocks: String = "attention", dropout: Double = 0, seed: UInt64 = 1
  ) -> MaskedLanguageModel {
    MaskedLanguageModel(
      configuration: configuration(blocks: blocks, dropout: dropout), precision: precision, seed: seed)
  }

  /// - Parameter blocks: of the decoder.
  static func translation(
    _ precision: ElementType = .float32, layerCount: Int = 2, blocks: String = "attention", seed: UInt64 = 1
  ) -> TranslationModel {
    var configuration = configuration()
    if blocks.contains("recurrent/") { configuration.recurrentCell = .lstm }
    return TranslationModel(
      configuration: configuration,
      decoder: DecoderConfiguration(layerCount: layerCount, blocks: BlockPattern(blocks)),
      precision: precision, seed: seed)
  }

  static let generation = GenerationSettings(
    tokens: .init(start: 2, end: 3, padding: 0, suppressed: [0, 1, 2, 4]))

  /// ModernBERT: layer 0 sees all tokens, the next one its neighbours.
  static func modern(_ precision: ElementType = .float32, dropout: Double = 0, seed: UInt64 = 1)
    -> MaskedLanguageModel
  {
    MaskedLanguageModel(
      configuration: modernConfiguration(dropout: dropout), precision: precision, seed: seed)
  }

  static func modernConfiguration(dropout: Double = 0) -> EncoderConfiguration {
    var configuration = Self.configuration(blocks: "attention/geglu, localAttention/geglu", dropout: dropout)
    (configuration.positions, configuration.segmentCount) = (.rotary, 0)
    configuration.localRotaryBase = 100
    (configuration.hasBiases, configuration.normPosition, configuration.skipsFirstNorm) = (false, .pre, true)
    configuration.normEpsilon = 1e-5
    return configuration
  }

  /// Random token ids in sequences of the given lengths.
  static func sequences(_ lengths: [Int], seed: Int = 0) -> [[Int32]] {
    lengths.enumerated().map { index, length in
      RandomValues.tokens(length, below: 50, seed: 100 * seed + index)
    }
  }

  /// The bits of all parameters, in the store's order.
  static func bits(_ store: ParameterStore) -> [[UInt32]] {
    store.parameters.map { store.numbers(of: $0).map(\.bitPattern) }
  }
}
