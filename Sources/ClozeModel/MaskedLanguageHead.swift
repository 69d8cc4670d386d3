package import ClozeCompute
internal import ClozeCore

/// BERT's prediction head: a dense transform with activation and norm to the width E of the embeddings, then the product with
/// the token embeddings themselves (tied) plus a bias. [M, D] to logits [M, V] in f32.
///
/// Source: Devlin et al. 2019, appendix A; Press and Wolf 2017 (tying), arXiv:1608.05859.
package struct MaskedLanguageHead {
  let transform: LinearParameters
  let transformNorm: NormParameters
  let outputBias: Parameter
  let vocabulary: VocabularyParameters
  private let activation: Activation
  private let epsilon: Float

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration, tokenTable: Parameter) {
    let width = configuration.embeddingWidth
    transform = LinearParameters(
      store, path: path + ".transform", inputs: configuration.hiddenSize, outputs: width,
      configuration: configuration)
    transformNorm = NormParameters(
      store, path: path + ".transformNorm", width: width, configuration: configuration)
    outputBias = store.declare(
      path + ".outputBias", shape: [configuration.vocabularySize], initialization: .zeros)
    vocabulary = VocabularyParameters(table: tokenTable, bias: outputBias)
    activation = configuration.activation
    epsilon = Float(configuration.normEpsilon)
  }

  /// The logits of all rows at once; for few rows.
  package func callAsFunction(_ tape: Tape, _ hidden: Tensor) -> Tensor {
    tape.vocabularyLogits(transformed(tape, hidden), vocabulary)
  }

  /// The loss of the logits against `labels` [M], -1 for no prediction, and its gradient on a recording tape, multiplied by
  /// `gradientScale` and in each row by `rowWeights` [M].
  package func crossEntropy(
    _ tape: Tape, _ hidden: Tensor, labels: [Int32], labelSmoothing: Double = 0, gradientScale: Float = 1,
    rowWeights: [Float]? = nil
  ) -> PredictionResult {
    tape.crossEntropy(
      transformed(tape, hidden), vocabulary, labels: labels, labelSmoothing: labelSmoothing,
      gradientScale: gradientScale, rowWeights: rowWeights)
  }

  /// The likeliest tokens of each of the first `rowCount` rows, best first; nil for all rows.
  /// - Parameter blocked: tokens that are not returned, for each row; or empty.
  func likeliest(
    _ tape: Tape, _ hidden: Tensor, rowCount: Int? = nil, count: Int, excluded: Set<Int32>,
    blocked: [[Int32]] = []
  ) -> [[ScoredClass]] {
    tape.likeliest(
      transformed(tape, hidden), vocabulary, rowCount: rowCount, count: count, excluded: excluded,
      blocked: blocked)
  }

  /// A token for each number in [0, 1), drawn by it from the row of the same index.
  func sample(
    _ tape: Tape, _ hidden: Tensor, uniforms: [Double], sampling: SamplingConfiguration,
    excluded: Set<Int32>, blocked: [[Int32]]
  ) -> [ScoredClass?] {
    tape.sample(
      transformed(tape, hidden), vocabulary, uniforms: uniforms, sampling: sampling, excluded: excluded,
      blocked: blocked)
  }

  /// [M, E], what the output layer reads.
  func transformed(_ tape: Tape, _ hidden: Tensor) -> Tensor {
    tape.norm(tape.activation(tape.linear(hidden, transform), activation), transformNorm, epsilon: epsilon)
  }
}
