internal import ClozeCompute

/// gMLP's block without attention: [N, D] to [N, D], by way of F channels.
///
///     [u, v] = activation(x U),  y = (u ⊙ (S norm(v) + b)) V
///
/// where u and v have F / 2 channels each. S weighs the tokens within `gateReach` by their distance, with weights of its own
/// for each of `headCount` groups of channels; the paper has one matrix over fixed places for all channels. It begins near
/// zero, and b at 1, so that a new block treats each token by itself.
///
/// Source: Liu et al. 2021, "Pay attention to MLPs", section 2. arXiv:2105.08050
struct GatedMLP: Mixer {
  let content: LinearParameters
  let values: LinearParameters
  let norm: NormParameters
  let gate: SpatialGateParameters
  let output: LinearParameters
  private let activation: Activation
  private let epsilon: Float

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration) {
    let (width, inner) = (configuration.hiddenSize, configuration.feedForwardSize / 2)
    func linear(_ name: String, inputs: Int, outputs: Int) -> LinearParameters {
      LinearParameters(
        store, path: "\(path).\(name)", inputs: inputs, outputs: outputs, configuration: configuration
      )
    }
    content = linear("content", inputs: width, outputs: inner)
    values = linear("values", inputs: width, outputs: inner)
    norm = NormParameters(store, path: path + ".norm", width: inner, configuration: configuration)
    let (groups, distances) = (configuration.headCount, 2 * configuration.gateReach - 1)
    gate = SpatialGateParameters(
      weight: store.declare(
        path + ".gate.weight", shape: [groups, distances],
        initialization: .normal(
          standardDeviation: Float(configuration.initializerDeviation) / Float(distances).squareRoot())),
      bias: store.declare(path + ".gate.bias", shape: [groups], initialization: .ones))
    output = linear("output", inputs: inner, outputs: width)
    activation = configuration.activation
    epsilon = Float(configuration.normEpsilon)
  }

  func callAsFunction(_ tape: Tape, _ input: Tensor, _ tokens: MixerInput) -> Tensor {
    let content = tape.activation(tape.linear(input, content), activation)
    let values = tape.activation(tape.linear(input, values), activation)
    let gated = tape.spatialGate(
      content, tape.norm(values, norm, epsilon: epsilon), gate, sequences: tokens.sequences)
    return tape.linear(gated, output)
  }

  func entries(_ prefix: String) -> [ArchiveEntry] {
    content.entries([prefix + "content.dense."]) + values.entries([prefix + "values.dense."])
      + norm.entries(prefix + "values.LayerNorm.")
      + [.whole(prefix + "gate.weight", gate.weight), .whole(prefix + "gate.bias", gate.bias)]
      + output.entries([prefix + "output.dense."])
  }
}
