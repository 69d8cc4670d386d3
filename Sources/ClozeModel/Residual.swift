internal import ClozeCompute

/// A sub-layer without its residual: it reads the state of a block and computes what is added to it (attention or
/// feed-forward).
protocol SubLayer: Sendable {
  /// Its tensors in a model folder, without those of the norm.
  func entries(_ prefix: String) -> [ArchiveEntry]
}

/// A branch with dropout, residual and norm: y = norm(x + dropout(branch(x))).
///
/// The position of the norm is decided here alone. A block is a list of these.
///
/// Source: Vaswani et al. 2017, sections 3.1 and 5.4 (post-norm). arXiv:1706.03762
struct Residual<Branch: SubLayer>: Sendable {
  let branch: Branch
  let norm: NormParameters
  private let dropoutRate: Double
  private let epsilon: Float

  /// - Parameter path: of the norm.
  init(_ branch: Branch, _ store: ParameterStore, path: String, configuration: EncoderConfiguration) {
    self.branch = branch
    norm = NormParameters(store, path: path, width: configuration.hiddenSize)
    dropoutRate = configuration.dropout
    epsilon = Float(configuration.normEpsilon)
  }

  /// The state [N, D] after this sub-layer.
  ///
  /// - Parameters:
  ///   - mark: the position of the arena before the sub-layer; without recording, only the result is kept.
  ///   - compute: computes the branch of its input [N, D].
  func callAsFunction(
    _ tape: Tape, _ state: Tensor, since mark: Arena.Mark, _ compute: (Branch, Tensor) -> Tensor
  ) -> Tensor {
    let output = tape.norm(
      compute(branch, state), residual: state, norm, epsilon: epsilon, dropoutRate: dropoutRate)
    return tape.keep(output, since: mark)
  }
}
