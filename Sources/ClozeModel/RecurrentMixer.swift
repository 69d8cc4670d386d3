internal import ClozeCompute

/// A recurrent layer as the mixer of a block: [N, D] to [N, D].
///
/// In an encoder it has both directions with states of D / 2, one beside the other, so that a token's state comes from the whole
/// of its sequence. In a decoder it has the forward direction with states of D. There is no projection behind: the state is what
/// is added. Each direction is a layer of `torch.nn.GRU` or
/// `torch.nn.LSTM`, and so are the names of its tensors.
struct RecurrentMixer: Mixer {
  let parameters: RecurrentParameters

  /// - Parameter isCausal: whether no token may see a later one.
  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration, isCausal: Bool = false) {
    let cell = configuration.recurrentCell
    let (directions, inputs) = (isCausal ? 1 : 2, configuration.hiddenSize)
    let width = inputs / directions
    func linear(_ name: String, inputs: Int) -> LinearParameters {
      LinearParameters(
        store, path: "\(path).\(name)", inputs: inputs, outputs: directions * cell.gateCount * width,
        configuration: configuration, hiddenMatrixCount: directions * cell.gateCount)
    }
    parameters = RecurrentParameters(
      cell: cell, input: linear("input", inputs: inputs), state: linear("state", inputs: width))
  }

  func callAsFunction(_ tape: Tape, _ input: Tensor, _ tokens: MixerInput) -> Tensor {
    precondition(
      !tokens.isCausal || parameters.directionCount == 1, "RecurrentMixer: two directions in a decoder")
    return tape.recurrent(input, parameters, sequences: tokens.sequences)
  }

  func entries(_ prefix: String) -> [ArchiveEntry] {
    let linears = [("ih", parameters.input), ("hh", parameters.state)]
    return ["", "_reverse"].prefix(parameters.directionCount).enumerated().flatMap { direction, suffix in
      linears.flatMap { name, linear in
        [("weight", linear.weight), ("bias", linear.bias)].compactMap { kind, parameter in
          parameter.map {
            let rows = $0.shape[0] / parameters.directionCount
            return ArchiveEntry(
              name: "\(prefix)\(kind)_\(name)_l0\(suffix)", parameter: $0,
              rows: direction * rows..<(direction + 1) * rows)
          }
        }
      }
    }
  }
}
