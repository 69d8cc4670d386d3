import ClozeCompute
import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeText
import ClozeTraining
import Foundation
import Testing

/// The loss of a step with samples and its gradient, against
///
///     mean cross-entropy of the pairs - weight · Σ advantage · log p(drawn token) / drawn tokens
///
/// computed from logits in double, and its central differences.
@Suite struct PolicyLossTests {
  private static let weight = 0.7
  private static let smoothing = 0.1

  private let specials = try! Vocabulary(tokens: SpecialTokens.texts).specials
  private let model: TranslationModel
  private let pairs: [EncodedPair]
  private let samples: [RewardedPair]

  init() {
    var sizes = EncoderConfiguration()
    (sizes.vocabularySize, sizes.layerCount, sizes.hiddenSize) = (12, 1, 8)
    (sizes.headCount, sizes.feedForwardSize, sizes.positionCount) = (2, 16, 16)
    (sizes.dropout, sizes.attentionDropout, sizes.initializerDeviation) = (0, 0, 0.3)
    model = TranslationModel(
      configuration: sizes, decoder: DecoderConfiguration(layerCount: 1), precision: .float32, seed: 1)
    func pair(_ seed: Int) -> EncodedPair {
      func tokens(_ seed: Int) -> [TokenID] {
        RandomValues.tokens(2 + seed % 3, below: 7, seed: seed).map { $0 + 5 }
      }
      return EncodedPair(source: tokens(seed), target: tokens(100 + seed))
    }
    pairs = (0..<5).map(pair)
    samples = (0..<7).map { RewardedPair(pair(50 + $0), advantage: [1.5, -2, 0.25][$0 % 3]) }
  }

  private var objective: TranslationObjective {
    TranslationObjective(
      model: model, batches: LengthBatches(pairs, tokensPerMicrobatch: 40, seed: 1), microbatchCount: 2,
      specials: specials, labelSmoothing: Self.smoothing,
      policy: (LengthBatches(samples, tokensPerMicrobatch: 40, seed: 1), Self.weight))
  }

  /// The pairs and samples of step 0, by their numbers in the description of each micro-batch.
  private func read(_ objective: TranslationObjective) -> (pairs: [EncodedPair], samples: [RewardedPair]) {
    var (read, drawn): ([EncodedPair], [RewardedPair]) = ([], [])
    for microbatch in 0..<objective.microbatchCount {
      let text = objective.samples(step: 0, microbatch: microbatch)
      let numbers = text.split { !$0.isNumber }.compactMap { Int($0) }
      if text.hasPrefix("samples ") {
        drawn += numbers.map { samples[$0] }
      } else {
        read += numbers.map { pairs[$0] }
      }
    }
    return (read, drawn)
  }

  /// Of each target token of the pair its logits and label.
  private func logits(_ tape: Tape, _ pair: EncodedPair) -> [(logits: [Double], label: Int)] {
    let batch = TranslationBatch([pair], specials: specials)
    tape.begin()
    let values = model.logits(
      tape, source: EncoderInput(sequences: [batch.sourceIDs]),
      target: EncoderInput(sequences: [batch.targetIDs])
    ).values()
    let classes = values.count / batch.labels.count
    return batch.labels.enumerated().map { row, label in
      (values[row * classes..<(row + 1) * classes].map(Double.init), Int(label))
    }
  }

  private func reference(_ tape: Tape, _ read: (pairs: [EncodedPair], samples: [RewardedPair])) -> [Double] {
    func mean(_ terms: [Double]) -> Double { terms.reduce(0, +) / Double(terms.count) }
    let loss = read.pairs.flatMap { pair in
      logits(tape, pair).map {
        ReferenceKernels.crossEntropy($0.logits, label: $0.label, smoothing: Self.smoothing)
      }
    }
    let policy = read.samples.flatMap { sample in
      logits(tape, sample.pair).map {
        -Double(sample.advantage) * log(ReferenceKernels.softmax($0.logits)[$0.label])
      }
    }
    return [mean(loss), mean(policy)]
  }

  @Test func lossAndGradient() throws {
    let objective = objective
    let counts = try #require(try objective.predictionCounts(step: 0))
    let read = read(objective)
    #expect(!read.pairs.isEmpty && Set(read.samples.map(\.advantage)).count > 1)
    let tape = Tape(store: model.store)
    let lane = GradientLane(model.store)
    let scales = [1, Float(Self.weight * Double(counts[0]) / Double(counts[1]))]
    var sums = [PredictionStatistics(), PredictionStatistics()]
    lane.begin()
    for microbatch in 0..<objective.microbatchCount {
      tape.begin(lane: lane)
      let found = try objective.forward(tape, step: 0, microbatch: microbatch, gradientScales: scales)
      for (index, found) in found.enumerated() { sums[index] += found }
      tape.backward()
    }
    lane.end()
    #expect(sums.map(\.predictionCount) == counts)
    for (sum, expected) in zip(sums, reference(tape, read)) { #expect(abs(sum.loss - expected) < 1e-5) }

    let step: Float = 1e-2
    var compared = 0
    let gradients = model.store.parameters.map { lane.numbers(of: $0).map { Double($0) / Double(counts[0]) } }
    let greatest = gradients.joined().map(abs).max() ?? 0
    for (parameter, gradient) in zip(model.store.parameters, gradients) {
      let steepest = gradient.indices.max { abs(gradient[$0]) < abs(gradient[$1]) } ?? 0
      for element in Set([steepest, gradient.count / 3]) {
        let values = model.store.values(of: parameter)
        let value = values[element]
        let losses = [value + step, value - step].map { moved in
          values[element] = moved
          let losses = reference(tape, read)
          return losses[0] + Self.weight * losses[1]
        }
        values[element] = value
        let expected = (losses[0] - losses[1]) / (Double(value + step) - Double(value - step))
        #expect(
          abs(gradient[element] - expected) < 3e-3 * greatest,
          "\(parameter.path) \(element): \(gradient[element]), \(expected)")
        compared += 1
      }
    }
    #expect(compared > 40)
  }
}
