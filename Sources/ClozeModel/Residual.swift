internal import ClozeCompute

/// A part of a block that reads the block's state and gives what is added to it: attention, or the feed-forward layer.
protocol SubLayer: Sendable {
  /// Its tensors in a model folder, without those of the norm that follows it.
  func entries(_ prefix: String) -> [ArchiveEntry]
}

/// A sub-layer's branch and how it joins the state beside it: y = norm(x + dropout(branch(x))).
///
/// This is the one place that decides where the norm stands. A block is a list of these.
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
  ///   - mark: where the memory of the sub-layer began; a pass without a recording keeps nothing since then but the result.
  ///   - compute: runs the branch on its input [N, D].
  func callAsFunction(
    _ tape: Tape, _ state: Tensor, since mark: Arena.Mark, _ compute: (Branch, Tensor) -> Tensor
  ) -> Tensor {
    let output = tape.norm(
      compute(branch, state), residual: state, norm, epsilon: epsilon, dropoutRate: dropoutRate)
    return tape.keep(output, since: mark)
  }
}
