internal import CKernels

/// The settings of one AdamW update. All parameters share them, except that only matrices decay.
///
///     m = β1 m + (1 - β1) g,  v = β2 v + (1 - β2) g²
///     w = w - rate (decay w + m̂ / (sqrt(v̂) + ε)),  m̂ = m / (1 - β1^t),  v̂ = v / (1 - β2^t)
///
/// Source: Loshchilov and Hutter 2019, algorithm 2. arXiv:1711.05101
package struct AdamWUpdate: Sendable {
  /// Multiplies the summed gradient: one over the number of predictions, times the clipping factor.
  package var gradientScale: Double
  package var learningRate: Double
  package var beta1: Double
  package var beta2: Double
  package var epsilon: Double
  package var weightDecay: Double
  /// t, from 1.
  package var step: Int

  package init(
    gradientScale: Double, learningRate: Double, beta1: Double, beta2: Double, epsilon: Double,
    weightDecay: Double,
    step: Int
  ) {
    self.gradientScale = gradientScale
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.step = step
  }

  /// Updates the elements `range` of the store, its bf16 copy and the two moments, in one pass.
  ///
  /// - Parameters:
  ///   - firstMoment: of the first element of the range and of those after it; likewise `secondMoment`.
  package func apply(
    to store: ParameterStore, range: Range<Int>, decays: Bool, gradient: GradientLane,
    firstMoment: UnsafeMutablePointer<Float>, secondMoment: UnsafeMutablePointer<Float>
  ) {
    var settings = settings(decays: decays)
    let start = range.lowerBound
    cloze_adamw_update(
      range.count, &settings, gradient.values + start, store.values + start, firstMoment,
      secondMoment, store.copies.map { $0 + start })
  }

  /// Σ g² / max(v̂, ε²) over the elements `range`, with the v̂ that the update will make. Divided by the number of elements, it is
  /// about 1 as long as gradients are as large as they were, and larger if they have grown.
  ///
  /// Source: Wortsman et al. 2023, algorithm 2 (StableAdamW), arXiv:2304.13013
  package func relativeSquares(
    range: Range<Int>, gradient: GradientLane, secondMoment: UnsafeMutablePointer<Float>
  ) -> Double {
    var settings = settings(decays: false)
    return cloze_adamw_relative_squares(
      range.count, &settings, gradient.values + range.lowerBound, secondMoment)
  }

  private func settings(decays: Bool) -> cloze_adamw {
    cloze_adamw(
      gradient_scale: Float(gradientScale), learning_rate: Float(learningRate), beta1: Float(beta1),
      beta2: Float(beta2), epsilon: Float(epsilon), decay: decays ? Float(weightDecay) : 0,
      correction1: Float(1 - power(beta1)), correction2: Float(1 - power(beta2)))
  }

  /// base^step by squaring, which gives the same bits on every machine, unlike the C library's `pow`.
  private func power(_ base: Double) -> Double {
    var (result, factor, exponent) = (1.0, base, step)
    while exponent > 0 {
      if exponent & 1 == 1 { result *= factor }
      factor *= factor
      exponent >>= 1
    }
    return result
  }
}
