internal import CKernels

extension ParameterStore {
  /// Adds the elements `range` to a mean of earlier values, in one pass.
  ///
  ///     mean = mean + (value - mean) * weight
  ///
  /// The rounding of n such steps is at most n / 4 units in the last place, and grows with their root in practice.
  ///
  /// - Parameters:
  ///   - mean: a flat buffer with the layout of the store; with a weight of 1 its content is overwritten.
  ///   - weight: 1 / n for the n-th value of a mean of equal weights.
  package func add(to mean: UnsafeMutablePointer<Float>, range: Range<Int>, weight: Float) {
    let start = range.lowerBound
    if weight == 1 {
      (mean + start).update(from: values + start, count: range.count)
    } else {
      cloze_running_mean(range.count, weight, values + start, mean + start)
    }
  }

  /// Exchanges all values with those of a flat buffer, and updates the bf16 copies.
  package func exchange(with other: UnsafeMutablePointer<Float>) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 1 << 12) { part in
      guard let part = part.baseAddress else { return }
      for start in stride(from: 0, to: elementCount, by: 1 << 12) {
        let count = min(1 << 12, elementCount - start)
        part.initialize(from: values + start, count: count)
        (values + start).update(from: other + start, count: count)
        (other + start).update(from: part, count: count)
      }
    }
    refreshCopies()
  }
}
