import ClozeCompute
import ClozeCore
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeTraining
import Testing

/// Steps of several losses: each is divided once, by its own number of predictions in the step, and weighted.
@Suite struct WeightedLossTests {
  private static let weights = [1.0, 0.35]

  private func step(_ objective: some Objective, workers: Int = 1, lanes: Int = 4) throws -> (
    outcome: Stepper.Outcome, values: [Float]
  ) {
    var compute = ComputeConfiguration()
    compute.workers = workers
    compute.gradientLanes = lanes
    var configuration = ReferenceStepsTests.optimizer()
    // Without clipping, decay and a warm-up, Adam's first moment shows the gradient.
    configuration.gradientClip = 0
    let stepper = Stepper(objective, optimizer: configuration, compute: compute, seed: 1)
    let outcome = try stepper.take(step: 0, fraction: 0)
    return (
      outcome,
      Array(UnsafeBufferPointer(start: objective.store.values, count: objective.store.elementCount))
    )
  }

  /// The gradient of each loss by itself, divided by its own predictions, as the tape gives it for the whole step at once.
  private func meanGradient(of loss: Int) throws -> (loss: Double, gradient: [Double]) {
    let objective = try TwoLosses(weights: [1, 1])
    let lane = GradientLane(objective.store)
    let tape = Tape(store: objective.store)
    var scales: [Float] = [0, 0]
    scales[loss] = 1
    var sums = PredictionStatistics()
    lane.begin()
    for microbatch in 0..<objective.microbatchCount {
      tape.begin(lane: lane)
      sums += try objective.forward(tape, step: 0, microbatch: microbatch, gradientScales: scales)[loss]
      tape.backward()
    }
    lane.end()
    let gradient = objective.store.parameters.flatMap { lane.values(of: $0).map(Double.init) }
    return (sums.loss, gradient.map { $0 / Double(sums.predictionCount) })
  }

  @Test func eachLossIsDividedByItsOwnPredictions() throws {
    let objective = try TwoLosses(weights: Self.weights)
    let counts = try #require(objective.predictionCounts(step: 0))
    #expect(counts[0] != counts[1])
    let parts = try (0..<2).map(meanGradient)
    let expectedLoss = zip(Self.weights, parts).reduce(0) { $0 + $1.0 * $1.1.loss }
    var squares = 0.0
    for index in parts[0].gradient.indices {
      let value = Self.weights[0] * parts[0].gradient[index] + Self.weights[1] * parts[1].gradient[index]
      squares += value * value
    }
    let result = try step(objective)
    #expect(abs(result.outcome.statistics.loss - expectedLoss) < 1e-6)
    #expect(abs(result.outcome.gradientNorm - squares.squareRoot()) < 1e-4 * squares.squareRoot())
    let byName = result.outcome.statistics.lossByName
    #expect(byName.count == 2)
    #expect(abs(try #require(byName["masked"]) - parts[0].loss) < 1e-9)
    #expect(abs(try #require(byName["every other token"]) - parts[1].loss) < 1e-9)
    // A weight of 0 leaves the other loss alone.
    let alone = try step(TwoLosses(weights: [1, 0])).outcome
    let norm = parts[0].gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
    #expect(abs(alone.gradientNorm - norm) < 1e-4 * norm)
  }

  @Test func sameBitsForAnyNumberOfWorkers() throws {
    let expected = try step(TwoLosses(weights: Self.weights)).values
    for workers in [2, 3] {
      #expect(try step(TwoLosses(weights: Self.weights), workers: workers).values == expected)
    }
  }

  /// A step in which one of the losses has nothing to predict is a step of the other.
  @Test func aLossWithoutPredictionsCountsForNothing() throws {
    let none = try step(TwoLosses(weights: Self.weights, second: false)).outcome
    let alone = try step(TwoLosses(weights: [1, 0])).outcome
    #expect(none.gradientNorm == alone.gradientNorm)
    #expect(none.statistics.loss == alone.statistics.loss)
  }
}

/// The reference's masked tokens, and every other token of the same rows seen plainly.
private struct TwoLosses: Objective {
  let reference: ReferenceObjective
  let losses: [WeightedLoss]
  /// Whether the second loss has predictions at all.
  let second: Bool

  var store: ParameterStore { reference.store }
  let microbatchCount = 4

  init(weights: [Double], second: Bool = true) throws {
    reference = try ReferenceObjective(microbatchCount: 4)
    losses = zip(["masked", "every other token"], weights).map { WeightedLoss($0, weight: $1) }
    self.second = second
  }

  func predictionCounts(step: Int) -> [Int]? {
    (0..<microbatchCount).map { labels(step, $0) }.reduce([0, 0]) { sums, labels in
      zip(sums, labels).map { $0 + $1.count { $0 >= 0 } }
    }
  }

  private func labels(_ step: Int, _ microbatch: Int) -> [[Int32]] {
    let rows = reference.rows(step: step, microbatch: microbatch)
    let plain = rows.tokens.joined().enumerated().map { second && $0.offset % 2 == 0 ? $0.element : -1 }
    return [rows.labels, plain]
  }

  func forward(_ tape: Tape, step: Int, microbatch: Int, gradientScales: [Float]) throws
    -> [PredictionStatistics]
  {
    let input = EncoderInput(sequences: reference.rows(step: step, microbatch: microbatch).tokens)
    return zip(labels(step, microbatch), gradientScales).map { labels, scale in
      PredictionStatistics(
        reference.model.crossEntropy(
          tape, input, predicted: labels.indices.map { labels[$0] < 0 ? -1 : Int32($0) }, labels: labels,
          gradientScale: scale),
        tokenCount: labels.count)
    }
  }
}
