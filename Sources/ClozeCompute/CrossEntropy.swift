internal import CKernels

/// The output layer of a language model: a table E [V, D], usually the token embeddings, and a bias [V].
package struct VocabularyParameters: Sendable {
  package let table: Parameter
  package let bias: Parameter

  package init(table: Parameter, bias: Parameter) {
    self.table = table
    self.bias = bias
  }

  fileprivate var linear: LinearParameters { LinearParameters(weight: table, bias: bias) }

  /// The number of rows whose logits are in memory at once: 512 at 8,192 tokens, more than most micro-batches have. A
  /// larger vocabulary has fewer, but at least 64, since each chunk of rows reads the whole table and, in training,
  /// writes a gradient of the same size.
  fileprivate var rowsPerChunk: Int { max(64, (1 << 22) / table.rows / 16 * 16) }
}

/// The loss and the rank of each prediction.
package struct PredictionResult: Sendable {
  /// In nats, for each row; 0 for a row without a label.
  package let losses: [Float]
  /// For each row the number of classes with a higher logit than the label, so 0 is a correct prediction; -1 for a row
  /// without a label.
  package let ranks: [Int32]
}

/// One class and its logarithmic probability.
package struct ScoredClass: Sendable, Equatable {
  package let index: Int32
  package let logProbability: Float
}

extension Tape {
  /// The logits x Eᵀ + b [M, V] of the rows x [M, D], in f32. All are in memory at once, so it is for few rows.
  package func vocabularyLogits(_ input: Tensor, _ vocabulary: VocabularyParameters) -> Tensor {
    linear(input, vocabulary.linear, type: .float32)
  }

  /// The loss of the logits x Eᵀ + b against `labels` [M] (-1: no prediction) for the rows x [M, D]. Losses and
  /// gradients are sums: a step divides once, by the number of predictions of all its micro-batches.
  ///
  ///     loss = log Σ e^x - (1 - s) x[label] - s mean(x), with s the label smoothing
  ///
  /// The logits [M, V] are never in memory as a whole. For each chunk of rows the function computes the logits, the
  /// losses and, on a recording tape, the gradients: softmax(x) - target overwrites the logits, and its products with
  /// the table and the rows are added to the gradients of x and E. Then the next chunk reuses the memory, so memory
  /// does not grow with M x V. `backward` has nothing left to do here, since the loss is the last operation of its
  /// micro-batch.
  ///
  /// Source: Szegedy et al. 2016, section 7 (label smoothing), arXiv:1512.00567; Hsu et al. 2024, section 3.2 (chunks of
  /// rows, gradients in the forward pass), arXiv:2410.10989.
  ///
  /// With row weights w [M], the gradient is that of Σ w[i] loss[i]. Where w is the advantage of the sequence to which a row
  /// belongs, and the labels are tokens that the model has drawn, that is the policy gradient of Williams 1992 (REINFORCE,
  /// Machine Learning 8).
  ///
  /// - Parameters:
  ///   - gradientScale: what the gradient of the summed loss is multiplied by, and the loss itself is not.
  ///   - rowWeights: what the gradient of each row's loss is multiplied by as well, of either sign; nil for 1. The losses
  ///     that are returned have no weights.
  package func crossEntropy(
    _ input: Tensor, _ vocabulary: VocabularyParameters, labels: [Int32], labelSmoothing: Double = 0,
    gradientScale: Float = 1, rowWeights: [Float]? = nil
  ) -> PredictionResult {
    let classes = vocabulary.table.rows
    precondition(labels.count == input.rows, "crossEntropy: \(labels.count) labels for \(input.rows) rows")
    precondition(labels.allSatisfy { $0 < classes }, "crossEntropy: a label is outside the vocabulary")
    precondition(
      rowWeights.map { $0.count == labels.count } ?? true,
      "crossEntropy: \(rowWeights?.count ?? 0) weights for \(labels.count) rows")
    let losses = arena.allocate(Float.self, count: labels.count)
    let ranks = arena.allocate(Int32.self, count: labels.count)
    let labelMemory = arena.copy(labels)
    let scales =
      isRecording
      ? arena.copy(
        rowWeights?.map { $0 * gradientScale } ?? [Float](repeating: gradientScale, count: labels.count))
      : nil
    let inputGradient = isRecording && input.rows > 0 ? destination(of: input) : nil
    visitLogits(input, vocabulary) { rows, logits in
      let first = rows.lowerBound
      cloze_cross_entropy(
        rows.count, classes, Float(labelSmoothing), logits, labelMemory + first, losses + first,
        ranks + first, scales.map { $0 + first })
      lap("cross-entropy")
      guard let inputGradient, let lane else { return }
      let rowBytes = input.columns * input.type.size
      linearGradient(
        of: logits, type: .float32, rows: rows.count, input: input.bytes + first * rowBytes,
        inputGradient: inputGradient.bytes + first * rowBytes, accumulates: inputGradient.accumulates,
        vocabulary.linear, lane)
      profile?.lap("linear", isBackward: true)
    }
    return PredictionResult(
      losses: Array(UnsafeBufferPointer(start: losses, count: labels.count)),
      ranks: Array(UnsafeBufferPointer(start: ranks, count: labels.count)))
  }

  /// The `count` likeliest classes of each row x [R, D] by its logits x Eᵀ + b, best first; of equal ones the lower
  /// index first. None where a logit is NaN or infinite, or all are -infinity.
  ///
  /// - Parameters:
  ///   - rowCount: the rows that are asked for, of which further ones are padding; nil for all.
  ///   - excluded: classes that are not returned; the probabilities of the others do not change.
  ///   - blocked: further classes that are not returned, for each row; or empty.
  package func likeliest(
    _ input: Tensor, _ vocabulary: VocabularyParameters, rowCount: Int? = nil, count: Int,
    excluded: Set<Int32> = [], blocked: [[Int32]] = []
  ) -> [[ScoredClass]] {
    let classes = vocabulary.table.rows
    var found: [[ScoredClass]] = []
    found.reserveCapacity(input.rows)
    visitLogits(input, vocabulary) { rows, logits in
      let asked = rows.clamped(to: 0..<(rowCount ?? input.rows))
      let normalizers = arena.allocate(Float.self, count: asked.count)
      cloze_log_sum_exp(asked.count, classes, logits, normalizers)
      for row in 0..<asked.count {
        guard normalizers[row].isFinite else {
          found.append([])
          continue
        }
        let scores = UnsafeMutableBufferPointer(start: logits + row * classes, count: classes)
        for index in excluded { scores[Int(index)] = -.infinity }
        for index in blocked.isEmpty ? [] : blocked[rows.lowerBound + row] { scores[Int(index)] = -.infinity }
        found.append(Tape.best(UnsafeBufferPointer(scores), count: count, normalizer: normalizers[row]))
      }
      lap("likeliest")
    }
    return found
  }

  private static let blockSize = 256

  static func best(
    _ scores: UnsafeBufferPointer<Float>, count: Int, normalizer: Float
  ) -> [ScoredClass] {
    // `best` is sorted. Most blocks need one comparison, of their maximum with its last element.
    var best: [(index: Int, score: Float)] = []
    best.reserveCapacity(count + 1)
    var threshold = -Float.infinity
    for block in stride(from: 0, to: scores.count, by: blockSize) {
      let indices = block..<min(block + blockSize, scores.count)
      guard let base = scores.baseAddress, cloze_maximum(indices.count, base + block) > threshold else {
        continue
      }
      for index in indices where scores[index] > threshold {
        let place = best.firstIndex { $0.score < scores[index] } ?? best.count
        best.insert((index, scores[index]), at: place)
        if best.count > count { best.removeLast() }
        if best.count == count { threshold = best[count - 1].score }
      }
    }
    return best.map { ScoredClass(index: Int32($0.index), logProbability: $0.score - normalizer) }
  }

  /// Calls `body` with the logits of one chunk of rows after another. When it returns, they are released with
  /// everything that it allocated.
  func visitLogits(
    _ input: Tensor, _ vocabulary: VocabularyParameters,
    _ body: (_ rows: Range<Int>, _ logits: UnsafeMutablePointer<Float>) -> Void
  ) {
    let (width, classes) = (vocabulary.table.columns, vocabulary.table.rows)
    precondition(
      input.columns == width && input.type == precision,
      "vocabulary: input [\(input.rows), \(input.columns)], \(vocabulary.table.path) \(vocabulary.table.shape)"
    )
    let mark = arena.mark
    for first in stride(from: 0, to: input.rows, by: vocabulary.rowsPerChunk) {
      defer { arena.release(to: mark) }
      let rows = first..<min(first + vocabulary.rowsPerChunk, input.rows)
      let logits = arena.allocate(Float.self, count: rows.count * classes)
      linearValues(
        input.bytes + first * width * input.type.size, rows: rows.count, vocabulary.linear, into: logits,
        type: .float32)
      lap("linear")
      body(rows, logits)
    }
  }
}
