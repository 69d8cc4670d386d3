package import ClozeCompute

/// BERT's prediction head: a dense transform with activation and norm, then the product with the token embeddings
/// themselves (tied) plus a bias. [M, D] to logits [M, V] in f32.
///
/// Source: Devlin et al. 2019, appendix A; Press and Wolf 2017 (tying), arXiv:1608.05859.
package struct MaskedLanguageHead {
  let transform: LinearParameters
  let transformNorm: NormParameters
  let outputBias: Parameter
  private let tokenTable: Parameter
  private let activation: Activation
  private let epsilon: Float

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration, tokenTable: Parameter) {
    let width = configuration.hiddenSize
    transform = LinearParameters(
      store, path: path + ".transform", inputs: width, outputs: width, initialization: configuration.normal)
    transformNorm = NormParameters(store, path: path + ".transformNorm", width: width)
    outputBias = store.declare(
      path + ".outputBias", shape: [configuration.vocabularySize], initialization: .zeros)
    self.tokenTable = tokenTable
    activation = configuration.activation
    epsilon = Float(configuration.normEpsilon)
  }

  package func callAsFunction(_ tape: Tape, _ hidden: Tensor) -> Tensor {
    let transformed = tape.norm(
      tape.activation(tape.linear(hidden, transform), activation), transformNorm, epsilon: epsilon)
    return tape.vocabularyLogits(transformed, table: tokenTable, bias: outputBias)
  }
}
