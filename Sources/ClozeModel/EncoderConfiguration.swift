package import ClozeCompute
internal import ClozeCore

/// The blocks, sizes and rates of an encoder. The names are BERT's; without changes it is a small BERT.
package struct EncoderConfiguration: Configuration, Equatable {
  /// Whose folder a model is written as, if it is both BERT's and RoBERTa's.
  package var family = ModelFamily.bert
  /// V; 0 means the size of the tokenizer.
  package var vocabularySize = 0
  package var layerCount = 4
  /// What each layer consists of.
  package var blocks = BlockPattern("attention")
  /// Of local attention: a token sees the tokens at most half as many places away, on either side.
  package var localWindow = 128
  /// Of recurrent layers.
  package var recurrentCell = RecurrentCell.gru
  /// Of gated MLPs: a token sees the tokens less than so many places away, on either side.
  package var gateReach = 128
  /// D
  package var hiddenSize = 256
  /// H
  package var headCount = 4
  /// E, the width of the token table; 0 means D. Where it differs, a linear layer leads from the embeddings to the layers.
  package var embeddingSize = 0
  /// F
  package var feedForwardSize = 1024
  /// The number of position embeddings, and so the longest window or sentence.
  package var positionCount = 512
  package var positions = PositionEncoding.learned
  /// θ of rotary positions, and that of layers with local attention.
  package var rotaryBase = 10_000.0
  package var localRotaryBase = 10_000.0
  /// 0 for no segment embeddings.
  package var segmentCount = 2
  package var activation = Activation.gelu
  /// The dropout rate of embeddings and sub-layer outputs.
  package var dropout = 0.1
  /// The dropout rate of attention probabilities.
  package var attentionDropout = 0.1
  /// Whether linear layers and norms have biases; the output always has one.
  package var hasBiases = true
  package var normPosition = NormPosition.post
  /// With `normPosition: pre`, whether the first mixer reads the embeddings, which have a norm of their own, without another.
  package var skipsFirstNorm = false
  package var normEpsilon = 1e-12
  /// The standard deviation of the normal distribution, cut at two deviations, of initial weights.
  package var initializerDeviation = 0.02

  package init() {}

  /// The encoder of settings that say nothing: a small BERT with rotary positions, with which a new one learns several times as
  /// fast (`docs/recipes.md`).
  package static let standard = {
    var configuration = EncoderConfiguration()
    configuration.positions = .rotary
    return configuration
  }()

  package func validate() throws {
    try validate(section: "model")
  }

  /// - Parameter section: the section of the settings, for errors.
  /// - Throws: `ConfigurationError`
  package func validate(section: String) throws {
    let require = SettingsCheck(section)
    // With these bounds the number of parameters cannot overflow.
    let sizes = [
      ("layerCount", layerCount, 1 << 10), ("hiddenSize", hiddenSize, 1 << 16),
      ("headCount", headCount, 1 << 16),
      ("feedForwardSize", feedForwardSize, 1 << 18), ("positionCount", positionCount, 1 << 20),
    ]
    for (key, value, most) in sizes {
      try require(value >= 1 && value <= most, key, "is \(value); choose 1 to \(most)")
    }
    try require(
      vocabularySize >= 0 && vocabularySize <= 1 << 24, "vocabularySize",
      "is \(vocabularySize); choose 0 (the tokenizer's) to \(1 << 24)")
    try require(segmentCount, in: 0...1 << 20, "segmentCount")
    try require(localWindow, in: 2...1 << 20, "localWindow")
    try require(embeddingSize, in: 0...1 << 16, "embeddingSize")
    try require(gateReach, in: 1...1 << 20, "gateReach")
    let mixers = try blocks.blocks(layerCount: layerCount, path: section + ".blocks").map(\.mixer)
    try require(
      !mixers.contains(.recurrent) || hiddenSize % 2 == 0, "hiddenSize",
      "is \(hiddenSize), which the two directions of a recurrent layer cannot share; choose an even number")
    try require(
      !mixers.contains(.gatedMLP) || feedForwardSize % (2 * headCount) == 0, "feedForwardSize",
      "is \(feedForwardSize), whose half the \(headCount) groups of a gated MLP cannot share; choose a multiple of twice "
        + "headCount")
    try require(
      hiddenSize % headCount == 0, "hiddenSize",
      "is \(hiddenSize), which \(headCount) heads cannot share; choose a multiple of headCount")
    try require(
      positions == .learned || hiddenSize % (2 * headCount) == 0, "hiddenSize",
      "is \(hiddenSize); rotary positions need heads of an even width, choose a multiple of twice headCount")
    try require(
      family == .bert || positions == .learned, "family",
      "is \(family.rawValue), whose models have learned positions; choose bert, or positions: learned")
    for (key, value) in [("rotaryBase", rotaryBase), ("localRotaryBase", localRotaryBase)] {
      try require((1...1e12).contains(value), key, "is \(value); choose 1 to 1e12, such as 10000")
    }
    try require(
      !skipsFirstNorm || normPosition == .pre, "skipsFirstNorm",
      "is true; that is for normPosition: pre, set both or neither")
    for (key, value) in [("dropout", dropout), ("attentionDropout", attentionDropout)] {
      try require(
        Dropout.rates.contains(value), key,
        "is \(value); choose a rate of \(Dropout.rates.lowerBound) to \(Dropout.rates.upperBound)")
    }
    // Both are used as Float, where a large Double becomes infinite and a small one 0.
    for (key, value) in [("normEpsilon", normEpsilon), ("initializerDeviation", initializerDeviation)] {
      try require(
        Float(value) >= .leastNormalMagnitude && Float(value).isFinite, key,
        "is \(value); choose a small positive number, such as 1e-12")
    }
  }

  /// The settings that a model's weights were trained for, as text, for comparisons: all but the vocabulary and the rates of
  /// dropout.
  package var fixedSettings: [(key: String, value: String)] {
    [
      ("family", family.rawValue), ("layerCount", "\(layerCount)"),
      ("blocks", "\(BlockPattern(layerBlocks))"), ("localWindow", "\(localWindow)"),
      ("recurrentCell", recurrentCell.rawValue), ("gateReach", "\(gateReach)"),
      ("hiddenSize", "\(hiddenSize)"), ("headCount", "\(headCount)"),
      ("embeddingSize", "\(embeddingWidth == hiddenSize ? 0 : embeddingSize)"),
      ("feedForwardSize", "\(feedForwardSize)"), ("positionCount", "\(positionCount)"),
      ("positions", positions.rawValue), ("rotaryBase", "\(rotaryBase)"),
      ("localRotaryBase", "\(localRotaryBase)"), ("segmentCount", "\(segmentCount)"),
      ("activation", activation.rawValue), ("hasBiases", "\(hasBiases)"),
      ("normPosition", normPosition.rawValue), ("skipsFirstNorm", "\(skipsFirstNorm)"),
      ("normEpsilon", "\(normEpsilon)"),
      ("initializerDeviation", "\(initializerDeviation)"),
    ]
  }

  /// Those of `fixedSettings` that change nothing in this encoder.
  var unusedSettings: Set<String> {
    var unused: Set<String> = []
    let mixers = layerBlocks.map(\.mixer)
    let isLocal = mixers.contains(.localAttention)
    if !isLocal { unused.insert("localWindow") }
    if !mixers.contains(.recurrent) { unused.insert("recurrentCell") }
    if !mixers.contains(.gatedMLP) { unused.insert("gateReach") }
    if positions == .learned || !isLocal { unused.insert("localRotaryBase") }
    if positions == .learned { unused.insert("rotaryBase") }
    return unused
  }

  /// The block of each layer. The settings must have been validated.
  package var layerBlocks: [Block] {
    do {
      return try blocks.blocks(layerCount: layerCount, path: "model.blocks")
    } catch { preconditionFailure("EncoderConfiguration: \(error)") }
  }

  /// E
  package var embeddingWidth: Int { embeddingSize > 0 ? embeddingSize : hiddenSize }

  /// Of attention.
  var headWidth: Int { hiddenSize / headCount }

  /// Parameters are drawn from this distribution unless they are biases or norms.
  var normal: Parameter.Initialization { .normal(standardDeviation: Float(initializerDeviation)) }
}
