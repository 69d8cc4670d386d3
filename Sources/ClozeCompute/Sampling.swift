internal import CKernels
package import ClozeCore

extension Tape {
  /// One class of each row x [R, D], drawn with the softmax of its logits x Eᵀ + b divided by the temperature. nil where
  /// the logits are not finite, or where every class is excluded.
  ///
  /// A draw finds the first class at which the sum of the probabilities exceeds a uniform number u (the inverse of the
  /// distribution function), so it depends on the row and on u alone.
  ///
  /// - Parameters:
  ///   - uniforms: for each row a number in [0, 1); further rows are padding.
  ///   - excluded: classes that are not drawn; the others share their probability in proportion.
  ///   - blocked: further classes that are not drawn, for each row; or empty.
  /// - Returns: the class and its logarithmic probability among all classes at temperature 1.
  package func sample(
    _ input: Tensor, _ vocabulary: VocabularyParameters, uniforms: [Double], sampling: SamplingConfiguration,
    excluded: Set<Int32> = [], blocked: [[Int32]] = []
  ) -> [ScoredClass?] {
    precondition(uniforms.count <= input.rows, "sample: \(uniforms.count) draws for \(input.rows) rows")
    let classes = vocabulary.table.rows
    var found: [ScoredClass?] = []
    found.reserveCapacity(input.rows)
    visitLogits(input, vocabulary) { rows, logits in
      let normalizers = arena.allocate(Float.self, count: rows.count)
      cloze_log_sum_exp(rows.count, classes, logits, normalizers)
      for (row, normalizer) in zip(
        rows.clamped(to: uniforms.indices), UnsafeBufferPointer(start: normalizers, count: rows.count))
      {
        guard normalizer.isFinite else {
          found.append(nil)
          continue
        }
        let scores = UnsafeMutableBufferPointer(
          start: logits + (row - rows.lowerBound) * classes, count: classes)
        for index in excluded { scores[Int(index)] = -.infinity }
        for index in blocked.isEmpty ? [] : blocked[row] { scores[Int(index)] = -.infinity }
        found.append(draw(UnsafeBufferPointer(scores), uniforms[row], sampling, normalizer: normalizer))
      }
      lap("sample")
    }
    return found
  }

  /// - Parameter scores: the logits of a row, -∞ for what is not drawn.
  private func draw(
    _ scores: UnsafeBufferPointer<Float>, _ uniform: Double, _ sampling: SamplingConfiguration,
    normalizer: Float
  ) -> ScoredClass? {
    let mark = arena.mark
    defer { arena.release(to: mark) }
    let scale = Float(1 / sampling.temperature)
    guard sampling.topK > 0 else {
      return place(of: uniform, scores, scale: scale).map {
        ScoredClass(index: Int32($0), logProbability: scores[$0] - normalizer)
      }
    }
    let best = Tape.best(scores, count: sampling.topK, normalizer: normalizer)
    return best.map(\.logProbability).withUnsafeBufferPointer { place(of: uniform, $0, scale: scale) }.map {
      best[$0]
    }
  }

  /// The first place at which the sum of the probabilities exceeds `uniform`.
  private func place(of uniform: Double, _ scores: UnsafeBufferPointer<Float>, scale: Float) -> Int? {
    guard let first = scores.baseAddress else { return nil }
    let weights = UnsafeMutableBufferPointer(
      start: arena.allocate(Float.self, count: scores.count), count: scores.count)
    cloze_sampling_weights(scores.count, scale, first, weights.baseAddress)
    var remaining = weights.reduce(0) { $0 + Double($1) } * uniform
    for index in weights.indices where weights[index] > 0 {
      remaining -= Double(weights[index])
      if remaining < 0 { return index }
    }
    // Rounding may leave a remainder; without any weight there is nothing to draw.
    return weights.lastIndex { $0 > 0 }
  }
}
