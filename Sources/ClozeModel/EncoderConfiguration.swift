package import ClozeCompute
internal import ClozeCore

/// The sizes and rates of a BERT encoder. The names are BERT's; the defaults make a small model for a small corpus.
package struct EncoderConfiguration: Configuration, Equatable {
  /// V; 0 takes the tokenizer's.
  package var vocabularySize = 0
  package var layerCount = 4
  /// D
  package var hiddenSize = 256
  /// H
  package var headCount = 4
  /// F
  package var feedForwardSize = 1024
  /// Positions that have an embedding; a window or sentence cannot be longer.
  package var positionCount = 512
  package var segmentCount = 2
  package var activation = Activation.gelu
  /// Of embeddings and sub-layer outputs.
  package var dropout = 0.1
  /// Of attention probabilities.
  package var attentionDropout = 0.1
  package var normEpsilon = 1e-12
  /// Of the normal distribution, cut at two deviations, that initial weights come from.
  package var initializerDeviation = 0.02

  package init() {}

  package func validate() throws {
    try validate(section: "model")
  }

  /// - Parameter section: the configuration section to name in errors.
  /// - Throws: `ConfigurationError`
  package func validate(section: String) throws {
    let require = SettingsCheck(section)
    // The upper bounds keep the count of all parameters far from the largest integer.
    let sizes = [
      ("layerCount", layerCount, 1 << 10), ("hiddenSize", hiddenSize, 1 << 16),
      ("headCount", headCount, 1 << 16),
      ("feedForwardSize", feedForwardSize, 1 << 18), ("positionCount", positionCount, 1 << 20),
      ("segmentCount", segmentCount, 1 << 20),
    ]
    for (key, value, most) in sizes {
      try require(value >= 1 && value <= most, key, "is \(value); choose 1 to \(most)")
    }
    try require(
      vocabularySize >= 0 && vocabularySize <= 1 << 24, "vocabularySize",
      "is \(vocabularySize); choose 0 (the tokenizer's) to \(1 << 24)")
    try require(
      hiddenSize % headCount == 0, "hiddenSize",
      "is \(hiddenSize), which \(headCount) heads cannot share; choose a multiple of headCount")
    for (key, value) in [("dropout", dropout), ("attentionDropout", attentionDropout)] {
      try require(
        Dropout.rates.contains(value), key,
        "is \(value); choose a rate of \(Dropout.rates.lowerBound) to \(Dropout.rates.upperBound)")
    }
    // Both are used as Float, in which a large Double is infinite and a small one 0.
    for (key, value) in [("normEpsilon", normEpsilon), ("initializerDeviation", initializerDeviation)] {
      try require(
        Float(value) >= .leastNormalMagnitude && Float(value).isFinite, key,
        "is \(value); choose a small positive number, such as 1e-12")
    }
  }

  /// Parameters are drawn from this distribution unless they are biases or norms.
  var normal: Parameter.Initialization { .normal(standardDeviation: Float(initializerDeviation)) }
}
