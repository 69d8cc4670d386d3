internal import CKernels

/// What a loss says of its predictions.
package struct PredictionResult: Sendable {
  /// Nats for each row; 0 where nothing is predicted.
  package let losses: [Float]
  /// How many classes score above the label in each row, 0 being a correct prediction; -1 where nothing is predicted.
  package let ranks: [Int32]
}

extension Tape {
  /// The logits x Eᵀ + b [M, V], in f32, of the rows x [M, D] against a table E [V, D].
  package func vocabularyLogits(_ input: Tensor, table: Parameter, bias: Parameter) -> Tensor {
    linear(input, LinearParameters(weight: table, bias: bias), type: .float32)
  }

  /// The loss of `logits` [M, V] against `labels` [M] (-1: nothing is predicted there), summed, not averaged: a step divides
  /// once, by the number of predictions of all its micro-batches.
  ///
  ///     loss = log Σ e^x - (1 - s) x[label] - s mean(x), with s the label smoothing
  ///
  /// Softmax, loss and gradient are one pass: softmax(x) - target is the logits' gradient at once, so logits have one loss.
  ///
  /// Source: Szegedy et al. 2016, section 7 (label smoothing). arXiv:1512.00567
  package func crossEntropy(_ logits: Tensor, labels: [Int32], labelSmoothing: Double = 0) -> PredictionResult
  {
    precondition(
      labels.count == logits.rows && logits.type == .float32,
      "crossEntropy: \(labels.count) labels for [\(logits.rows), \(logits.columns)]")
    precondition(labels.allSatisfy { $0 < logits.columns }, "crossEntropy: a label is outside the vocabulary")
    let losses = arena.allocate(Float.self, count: labels.count)
    let ranks = arena.allocate(Int32.self, count: labels.count)
    precondition(logits.gradient == nil, "crossEntropy: the logits have a loss already")
    let gradient = isRecording ? destination(of: logits).bytes.assumingMemoryBound(to: Float.self) : nil
    cloze_cross_entropy(
      logits.rows, logits.columns, Float(labelSmoothing), logits.floats, arena.copy(labels), losses, ranks,
      gradient)
    lap("cross-entropy")
    return PredictionResult(
      losses: Array(UnsafeBufferPointer(start: losses, count: labels.count)),
      ranks: Array(UnsafeBufferPointer(start: ranks, count: labels.count)))
  }
}

/// One class and its logarithmic probability.
package struct ScoredClass: Sendable, Equatable {
  package let index: Int32
  package let logProbability: Float
}

extension Tape {
  /// The `count` likeliest classes of each row of `logits` [R, V], best first; of equals, the lower index first.
  ///
  /// - Parameter excluded: classes that must not be chosen; they keep their share of the probability.
  package func likeliest(_ logits: Tensor, count: Int, excluded: Set<Int32> = []) -> [[ScoredClass]] {
    precondition(logits.type == .float32, "likeliest: logits are \(logits.type)")
    let normalizers = arena.allocate(Float.self, count: logits.rows)
    cloze_log_sum_exp(logits.rows, logits.columns, logits.floats, normalizers)
    return (0..<logits.rows).map { row in
      let scores = logits.floats + row * logits.columns
      for index in excluded { scores[Int(index)] = -.infinity }
      // `best` is sorted; most classes fail the one comparison with its last.
      var best: [(index: Int, score: Float)] = []
      var threshold = -Float.infinity
      for index in 0..<logits.columns where scores[index] > threshold {
        let place = best.firstIndex { $0.score < scores[index] } ?? best.count
        best.insert((index, scores[index]), at: place)
        if best.count > count { best.removeLast() }
        if best.count == count { threshold = best[count - 1].score }
      }
      return best.map { ScoredClass(index: Int32($0.index), logProbability: $0.score - normalizers[row]) }
    }
  }
}
