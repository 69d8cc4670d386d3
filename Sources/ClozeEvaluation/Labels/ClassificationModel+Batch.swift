package import ClozeCompute
package import ClozeData
package import ClozeModel
internal import Foundation

extension ClassificationModel {
  /// Rows are padded to a multiple of this, since a product is prepared once for each number of rows.
  private static let rowMultiple = 32

  /// The loss of each label of the batch, and its gradient on a recording tape.
  package func predict(_ tape: Tape, _ batch: LabelBatch, labelSmoothing: Double = 0) -> PredictionResult {
    crossEntropy(
      tape, input(batch), classified: padded(batch.classified), labels: padded(batch.labels),
      labelSmoothing: labelSmoothing)
  }

  /// The logarithmic probabilities of all labels at each position with a label: a list of samples, of positions, of C
  /// numbers. Samples of similar length form batches that do not depend on the workers, so the numbers have the same
  /// bits for any number of workers.
  package func logProbabilities(_ samples: [EncodedSample], tapes: [Tape]) throws -> [[[Float]]] {
    guard !samples.isEmpty else { return [] }
    let plan = LengthBatches(samples, tokensPerMicrobatch: 1024, seed: 0).evaluationPlan
    let found = try WorkerGroup(count: tapes.count).map(plan.count, tapes: tapes) { index, tape in
      tape.begin()
      return logProbabilities(tape, LabelBatch(plan[index].lazy.map { samples[$0] }))
    }
    var results = [[[Float]]](repeating: [], count: samples.count)
    for (indices, rows) in zip(plan, found) {
      var next = 0
      for index in indices {
        results[index] = Array(rows[next..<next + samples[index].classified.count])
        next += samples[index].classified.count
      }
    }
    return results
  }

  /// A row for each position with a label: [M, C].
  private func logProbabilities(_ tape: Tape, _ batch: LabelBatch) -> [[Float]] {
    let logits = logits(tape, input(batch), classified: padded(batch.classified)).values()
    return batch.classified.indices.map { row in
      let scores = logits[row * labels.count..<(row + 1) * labels.count]
      let greatest = scores.max() ?? 0
      let normalizer = greatest + log(scores.reduce(0) { $0 + exp($1 - greatest) })
      return scores.map { $0 - normalizer }
    }
  }

  private func input(_ batch: LabelBatch) -> EncoderInput {
    EncoderInput(
      tokens: batch.tokens, positions: batch.positions,
      // A model with one segment reads both texts as segment 0.
      segments: configuration.segmentCount > 1 ? batch.segments : nil,
      sequences: Sequences(offsets: batch.offsets), rowMultiple: Self.rowMultiple)
  }

  private func padded(_ rows: [Int32]) -> [Int32] {
    rows
      + [Int32](repeating: -1, count: (Self.rowMultiple - rows.count % Self.rowMultiple) % Self.rowMultiple)
  }
}
