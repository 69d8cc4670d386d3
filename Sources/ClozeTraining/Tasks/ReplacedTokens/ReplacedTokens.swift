internal import ClozeCompute
internal import ClozeCore
package import ClozeData
internal import ClozeEvaluation
internal import ClozeModel
package import ClozeText

/// Masked windows whose selected tokens a generator has replaced.
package struct ReplacedTokens: Sendable {
  /// The ids that the encoder reads: [N].
  package private(set) var tokens: [TokenID]
  /// For each of them 1 if it is not the text's, else 0: [N]. A drawn token that is the text's own counts as not replaced.
  package private(set) var targets: [Float?]

  /// - Parameter drawn: a token for each selected position of `masked`; nil for the text's own.
  package init(_ masked: MaskedBatch, drawn: [TokenID?]) {
    tokens = masked.inputIDs
    targets = [Float?](repeating: 0, count: tokens.count)
    for (index, position) in masked.selectedPositions.enumerated() {
      let (label, token) = (masked.labels[index], drawn[index] ?? masked.labels[index])
      tokens[position] = token
      targets[position] = token == label ? 0 : 1
    }
  }
}

extension MaskedBatch {
  /// A number in [0, 1) for each selected position: a function of the seed, the number of its window and its place in the
  /// window alone, so the same in any batch, on any worker and after any interruption.
  ///
  /// - Parameter numbers: of the windows.
  package func uniforms(seed: UInt64, numbers: [Int]) -> [Double] {
    let streams = numbers.map { CounterRandom(seed: seed, purpose: .replacement, index: $0) }
    return selectedPositions.map { streams[$0 / windowLength].uniform(at: $0 % windowLength) }
  }

  /// The same windows with other tokens.
  func input(_ tokens: [TokenID]) -> EncoderInput {
    EncoderInput(tokens: tokens, positions: positionIDs, sequences: Sequences(offsets: sequenceOffsets))
  }
}

/// How tokens are drawn.
struct ReplacementDraw: Sendable {
  let temperature: Double
  /// Tokens that are never drawn: special ones, and rows without a token.
  let excluded: Set<TokenID>
  let seed: UInt64

  init(temperature: Double, vocabulary: Vocabulary, rowCount: Int, seed: UInt64) {
    self.temperature = temperature
    excluded = vocabulary.unanswerable(rowCount: rowCount)
    self.seed = seed
  }
}

/// The generator's pass over a micro-batch.
struct GeneratorPass {
  /// The input of its output layer, [M', E]: M selected positions, and padding.
  let transformed: Tensor
  /// [M]
  let drawn: [TokenID?]
  private let padding: [Int32]

  /// Rows are padded to a multiple of this, so that the vocabulary product has few different shapes.
  private static let rowMultiple = 16

  /// - Parameter numbers: of the windows, for the draws.
  init(
    _ generator: MaskedLanguageModel, _ tape: Tape, _ masked: MaskedBatch, draw: ReplacementDraw,
    numbers: [Int]
  ) {
    let count = masked.selectedPositions.count
    padding = [Int32](repeating: -1, count: (Self.rowMultiple - count % Self.rowMultiple) % Self.rowMultiple)
    transformed = generator.transformed(
      tape, EncoderInput(masked), predicted: masked.selectedPositions.map { Int32($0) } + padding)
    drawn = generator.sample(
      tape, transformed: transformed, uniforms: masked.uniforms(seed: draw.seed, numbers: numbers),
      temperature: draw.temperature, excluded: draw.excluded)
  }

  /// The loss of `labels` [M], and its gradient on a recording tape.
  func crossEntropy(
    _ generator: MaskedLanguageModel, _ tape: Tape, labels: [TokenID], gradientScale: Float = 1,
    rowWeights: [Float]? = nil
  ) -> PredictionResult {
    generator.crossEntropy(
      tape, transformed: transformed, labels: labels + padding, gradientScale: gradientScale,
      rowWeights: rowWeights.map { $0 + padding.map { _ in 0 } })
  }
}

/// The encoder's answers to a micro-batch.
struct DetectionResult {
  /// [N], in nats.
  let losses: [Float]
  /// [N]: whether the encoder takes the token for a replaced one.
  let answers: [Bool]
  let targets: [Float?]

  /// Computes them, and on a recording tape their gradient.
  init(
    _ model: ReplacedTokenModel, _ tape: Tape, _ masked: MaskedBatch, _ replaced: ReplacedTokens,
    gradientScale: Float = 1
  ) {
    let logits = model.logits(tape, masked.input(replaced.tokens))
    answers = logits.values().map { $0 > 0 }
    targets = replaced.targets
    losses = tape.binaryCrossEntropy(logits, targets: targets, gradientScale: gradientScale)
  }

  var statistics: PredictionStatistics {
    var statistics = PredictionStatistics()
    for (loss, (answer, target)) in zip(losses, zip(answers, targets)) {
      statistics.lossSum += Double(loss)
      statistics.predictionCount += 1
      statistics.correctCount += answer == (target == 1) ? 1 : 0
    }
    return statistics
  }
}
