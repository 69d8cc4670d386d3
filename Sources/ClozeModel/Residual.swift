internal import ClozeCompute

/// A sub-layer without its residual: it reads the state of a block and computes what is added to it (attention or
/// feed-forward).
protocol SubLayer: Sendable {
  /// Its tensors in a model folder, without those of the norm.
  func entries(_ prefix: String) -> [ArchiveEntry]
}

/// A branch with dropout, residual and norm: y = norm(x + dropout(branch(x))), or with the norm first,
/// y = x + dropout(branch(norm(x))).
///
/// The position of the norm is decided here, and `FinalNorm` follows it. A block is a list of these.
///
/// Source: Vaswani et al. 2017, sections 3.1 and 5.4 (post-norm), arXiv:1706.03762; Xiong et al. 2020 (pre-norm),
/// arXiv:2002.04745
struct Residual<Branch: Sendable>: Sendable {
  let branch: Branch
  /// nil for the first sub-layer after embeddings that are normalized themselves, see `skipsFirstNorm`.
  let norm: NormParameters?
  private let position: NormPosition
  private let dropoutRate: Double
  private let epsilon: Float

  /// - Parameters:
  ///   - path: of the norm.
  ///   - isFirst: whether the embeddings are its input.
  init(
    _ branch: Branch, _ store: ParameterStore, path: String, configuration: EncoderConfiguration,
    isFirst: Bool = false
  ) {
    self.branch = branch
    norm =
      isFirst && configuration.skipsFirstNorm
      ? nil : NormParameters(store, path: path, configuration: configuration)
    position = configuration.normPosition
    dropoutRate = configuration.dropout
    epsilon = Float(configuration.normEpsilon)
  }

  /// The state [N, D] after this sub-layer.
  ///
  /// - Parameters:
  ///   - mark: the position of the arena before the sub-layer; without recording, only the result is kept.
  ///   - compute: computes the branch of its input [N, D]. The sum takes the memory of its result, which no backward pass reads.
  func callAsFunction(
    _ tape: Tape, _ state: Tensor, since mark: Arena.Mark, _ compute: (Branch, Tensor) -> Tensor
  ) -> Tensor {
    let output =
      if position == .post, let norm {
        tape.norm(
          compute(branch, state), residual: state, norm, epsilon: epsilon, dropoutRate: dropoutRate,
          overwritesInput: true)
      } else {
        tape.add(
          compute(branch, norm.map { tape.norm(state, $0, epsilon: epsilon) } ?? state), to: state,
          dropoutRate: dropoutRate, overwritesInput: true)
      }
    return tape.keep(output, since: mark)
  }
}

/// The norm after the last pre-norm block. After post-norm blocks there is none, since each ends with its own.
struct FinalNorm: Sendable {
  let norm: NormParameters?
  private let epsilon: Float

  init(_ store: ParameterStore, path: String, configuration: EncoderConfiguration) {
    norm =
      configuration.normPosition == .pre
      ? NormParameters(store, path: path, configuration: configuration) : nil
    epsilon = Float(configuration.normEpsilon)
  }

  /// - Parameters:
  ///   - state: [N, D], after the last block.
  ///   - mark: the position of the arena before the blocks.
  func callAsFunction(_ tape: Tape, _ state: Tensor, since mark: Arena.Mark) -> Tensor {
    guard let norm else { return state }
    return tape.keep(tape.norm(state, norm, epsilon: epsilon), since: mark)
  }
}
