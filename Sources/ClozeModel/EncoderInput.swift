package import ClozeCompute

/// A micro-batch of token ids, flat and without padding between sequences.
package struct EncoderInput: Sendable {
  /// [N] each.
  package let tokens: [Int32]
  package let positions: [Int32]
  package let segments: [Int32]
  /// The sequences; a token attends to its own sequence only. Rows after the last sequence are padding.
  package let sequences: Sequences

  /// - Parameters:
  ///   - segments: nil means segment 0 for all tokens.
  ///   - rowMultiple: pads N up to a multiple of this, so that products have few different shapes.
  package init(
    tokens: [Int32], positions: [Int32], segments: [Int32]? = nil, sequences: Sequences, rowMultiple: Int = 1
  ) {
    precondition(
      tokens.count == positions.count && sequences.tokenCount <= tokens.count,
      "EncoderInput: \(tokens.count) tokens, \(positions.count) positions, sequences of \(sequences.tokenCount)"
    )
    let padding = [Int32](repeating: 0, count: (rowMultiple - tokens.count % rowMultiple) % rowMultiple)
    self.tokens = tokens + padding
    self.positions = positions + padding
    self.segments = (segments ?? [Int32](repeating: 0, count: tokens.count)) + padding
    self.sequences = sequences
  }

  /// Sequences one after another, each with positions from 0.
  package init(sequences ids: [[Int32]], rowMultiple: Int = 1) {
    self.init(
      tokens: ids.flatMap { $0 }, positions: ids.flatMap { (0..<Int32($0.count)) },
      sequences: Sequences(lengths: ids.map(\.count)), rowMultiple: rowMultiple)
  }
}
