import ClozeCompute
import ClozeCore
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

/// The five batches of `Fixtures/steps.safetensors` as an objective: step s takes batch s mod 5, split over micro-batches.
struct ReferenceObjective: SingleLossObjective {
  let model: MaskedLanguageModel
  let batches: [(tokens: [Int32], mask: [Int], labels: [Int32])]
  let microbatchCount: Int
  private let rows = 4
  private let length: Int

  var store: ParameterStore { model.store }

  /// - Parameters:
  ///   - checkpoint: a folder with other weights.
  ///   - folder: of the model.
  ///   - steps: the file of the batches.
  init(
    _ checkpoint: URL? = nil, folder: String = "bert", steps: String = "steps",
    precision: ElementType = .float32, microbatchCount: Int = 1
  ) throws {
    model = try ModelArchive.loadMaskedLanguageModel(
      checkpoint ?? Fixtures.url(folder), precision: precision
    ).model
    self.microbatchCount = microbatchCount
    let file = try TensorFile(Fixtures.url(steps + ".safetensors"))
    length = try #require(file.entries["input_ids.0"]?.shape[1])
    batches = try (0..<5).map { index in
      (
        try file.integers("input_ids.\(index)").map { Int32($0) },
        try file.integers("attention_mask.\(index)"),
        try file.integers("labels.\(index)").map { Int32(max($0, -1)) }
      )
    }
  }

  /// The tokens and labels of a micro-batch, a sequence for each of its rows.
  func rows(step: Int, microbatch: Int) -> (tokens: [[Int32]], labels: [Int32]) {
    let batch = batches[step % batches.count]
    let share = rows / microbatchCount
    var sequences: [[Int32]] = []
    var labels: [Int32] = []
    for row in microbatch * share..<(microbatch + 1) * share {
      let visible = (row * length..<(row + 1) * length).filter { batch.mask[$0] == 1 }
      sequences.append(visible.map { batch.tokens[$0] })
      labels += visible.map { batch.labels[$0] }
    }
    return (sequences, labels)
  }

  func forward(_ tape: Tape, step: Int, microbatch: Int) throws -> PredictionStatistics {
    let (sequences, labels) = rows(step: step, microbatch: microbatch)
    let predicted = labels.indices.filter { labels[$0] >= 0 }
    return PredictionStatistics(
      model.crossEntropy(
        tape, EncoderInput(sequences: sequences), predicted: predicted.map { Int32($0) },
        labels: predicted.map { labels[$0] }),
      tokenCount: labels.count)
  }
}

@Suite struct ReferenceStepsTests {
  struct Reference: Decodable {
    let losses: [Double]
    let gradientNorms: [Double]
  }

  static func optimizer() -> OptimizerConfiguration {
    var configuration = OptimizerConfiguration()
    configuration.schedule.shape = .constantThenDecay
    configuration.schedule.decayFraction = 0
    configuration.schedule.warmupSteps = 5
    return configuration
  }

  /// The loss before each of 20 AdamW steps, and the gradient's norm before clipping.
  @Test(
    arguments: [(1, 1, 1), (2, 2, 2), (4, 3, 2)], [("bert", "steps"), ("modernbert", "modernbert/steps")])
  func lossCurve(
    cut: (microbatchCount: Int, lanes: Int, workers: Int), fixture: (folder: String, steps: String)
  ) throws {
    let reference = try JSONDecoder().decode(
      Reference.self, from: Data(contentsOf: Fixtures.url(fixture.steps + ".json")))
    let (microbatchCount, lanes, workers) = cut
    let objective = try ReferenceObjective(
      folder: fixture.folder, steps: fixture.steps, microbatchCount: microbatchCount)
    var compute = ComputeConfiguration()
    compute.workers = workers
    compute.gradientLanes = lanes
    let stepper = Stepper(objective, optimizer: Self.optimizer(), compute: compute, seed: 1)
    for step in reference.losses.indices {
      let outcome = try stepper.take(step: step, fraction: 0)
      #expect(abs(outcome.statistics.loss - reference.losses[step]) < 2e-3, "step \(step)")
      #expect(
        abs(outcome.gradientNorm - reference.gradientNorms[step]) < 2e-3 * reference.gradientNorms[step])
    }
  }

  @Test(arguments: Machine.precisions, [("bert", "steps"), ("modernbert", "modernbert/steps")])
  func sameBitsForAnyNumberOfWorkers(
    precision: ElementType, fixture: (folder: String, steps: String)
  ) throws {
    var parameters: [[Float]] = []
    for workers in [1, 2, 3] {
      let objective = try ReferenceObjective(
        folder: fixture.folder, steps: fixture.steps, precision: precision, microbatchCount: 4)
      var compute = ComputeConfiguration()
      compute.workers = workers
      let stepper = Stepper(objective, optimizer: Self.optimizer(), compute: compute, seed: 1)
      for step in 0..<6 { _ = try stepper.take(step: step, fraction: 0) }
      parameters.append(
        Array(UnsafeBufferPointer(start: objective.store.values, count: objective.store.elementCount)))
    }
    #expect(parameters[0] == parameters[1])
    #expect(parameters[0] == parameters[2])
  }
}
