package import ClozeCompute
package import ClozeData
package import ClozeModel

extension MaskedLanguageModel {
  /// The number of predicted rows is padded to a multiple of this, so that the vocabulary product has few different
  /// shapes.
  private static let rowMultiple = 16

  /// The loss at the batch's masked positions, and its gradient on a recording tape. Results beyond the batch's M
  /// predictions are padding, with rank -1.
  package func predict(_ tape: Tape, _ batch: MaskedBatch) -> PredictionResult {
    let padding = [Int32](
      repeating: -1,
      count: (Self.rowMultiple - batch.labels.count % Self.rowMultiple) % Self.rowMultiple)
    return crossEntropy(
      tape, EncoderInput(batch), predicted: batch.selectedPositions.map { Int32($0) } + padding,
      labels: batch.labels + padding)
  }
}

extension EncoderInput {
  /// The encoder's input for a masked batch.
  package init(_ batch: MaskedBatch) {
    self.init(
      tokens: batch.inputIDs, positions: batch.positionIDs,
      sequences: Sequences(offsets: batch.sequenceOffsets))
  }
}
