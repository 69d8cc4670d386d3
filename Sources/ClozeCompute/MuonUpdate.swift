internal import CKernels

/// The settings of one Muon update of a weight matrix W [n, k].
///
///     M = β M + (1 - β) G,  D = β M + (1 - β) G
///     W = W - rate (decay W + 0.2 sqrt(max(n, k)) orthogonalize(D))
///
/// All directions in which a layer can change get a step of one size, the ones that gradients seldom have included. With the
/// factor the root mean square of an update is 0.2, about that of AdamW's, so AdamW's rate and decay hold for it.
///
/// Source: Jordan et al. 2024 (see `NewtonSchulz`); factor and decay: Liu et al. 2025, "Muon is scalable for LLM training",
/// section 2.2, arXiv:2502.16982.
package struct MuonUpdate: Sendable {
  /// Multiplies the summed gradient: one over the number of predictions, times the clipping factor.
  package var gradientScale: Double
  package var learningRate: Double
  /// β
  package var momentum: Double
  package var weightDecay: Double

  package init(gradientScale: Double, learningRate: Double, momentum: Double, weightDecay: Double) {
    self.gradientScale = gradientScale
    self.learningRate = learningRate
    self.momentum = momentum
    self.weightDecay = weightDecay
  }

  /// Updates a matrix of the store, its bf16 copy and its momentum.
  ///
  /// - Parameter momentum: a flat buffer with the layout of the store.
  package func apply(
    to store: ParameterStore, _ matrix: HiddenMatrix, gradient: GradientLane,
    momentum buffer: UnsafeMutablePointer<Float>, _ newtonSchulz: NewtonSchulz
  ) {
    let direction = newtonSchulz.begin(matrix)
    let sumOfSquares = cloze_muon_direction(
      matrix.count, Float(gradientScale), Float(momentum), gradient.values + matrix.offset,
      buffer + matrix.offset, direction)
    newtonSchulz.orthogonalize(direction, matrix, sumOfSquares: sumOfSquares)
    let scale = 0.2 * Double(max(matrix.rows, matrix.columns)).squareRoot()
    cloze_muon_update(
      matrix.count, Float(1 - learningRate * weightDecay), Float(learningRate * scale), direction,
      store.values + matrix.offset, store.copies.map { $0 + matrix.offset })
  }
}
