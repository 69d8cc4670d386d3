import ClozeCompute
import ClozeCore
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

/// Muon for the weight matrices of layers and AdamW for the rest, against `torch.optim.Muon`; StableAdamW against `optimi`.
@Suite struct OptimizerAlgorithmTests {
  typealias Algorithm = OptimizerConfiguration.Algorithm

  private static let algorithms = [Algorithm.muon, .stableAdamW]

  private struct Reference: Decodable {
    struct Matrix: Decodable {
      let rows, columns: Int
      let weight: [Float]
      let gradients: [[Float]]
      let result: [Double]
    }

    let losses: [Double]
    let gradientNorms: [Double]
    let matrices: [Matrix]

    static func read(_ algorithm: Algorithm) throws -> Reference {
      try JSONDecoder().decode(
        Reference.self, from: Data(contentsOf: Fixtures.url("\(algorithm.rawValue)-steps.json")))
    }
  }

  private static func settings(_ algorithm: Algorithm) -> OptimizerConfiguration {
    var settings = ReferenceStepsTests.optimizer()
    settings.algorithm = algorithm
    return settings
  }

  private static func compute(workers: Int, lanes: Int) -> ComputeConfiguration {
    var compute = ComputeConfiguration()
    (compute.workers, compute.gradientLanes) = (workers, lanes)
    return compute
  }

  /// Four steps of a square, a wide and a tall matrix, twice in one parameter: each is orthogonalized, or has a rate, by itself.
  @Test(arguments: algorithms) func fourSteps(algorithm: Algorithm) throws {
    let references = try Reference.read(algorithm).matrices
    #expect(references.count == 3)
    for reference in references {
      let store = ParameterStore(precision: .float32)
      let parameter = store.declare(
        "p", shape: [2 * reference.rows, reference.columns], initialization: .zeros, hiddenMatrixCount: 2)
      store.allocate(seed: 0)
      _ = store.values(of: parameter).update(fromContentsOf: reference.weight + reference.weight)
      let lane = GradientLane(store)
      var settings = OptimizerConfiguration()
      (settings.algorithm, settings.learningRate, settings.weightDecay) = (algorithm, 0.02, 0.1)
      settings.gradientClip = 0
      let optimizer = Optimizer(store, configuration: settings)
      for (step, gradient) in reference.gradients.enumerated() {
        // The second half has another scale, which is no matter.
        _ = lane.values(of: parameter).update(fromContentsOf: gradient + gradient.map { 3 * $0 })
        _ = optimizer.step(
          step, lanes: [lane], predictionCount: 1, rateFactor: 1, workers: WorkerGroup(count: 2))
      }
      #expect(greatestError(store.numbers(of: parameter), reference.result + reference.result) < 1e-4)
    }
  }

  /// The loss before each of 20 steps of a BERT, whose queries, keys and values are three matrices there and one here.
  @Test(arguments: algorithms, [(1, 1, 1), (4, 3, 2)])
  func lossCurve(algorithm: Algorithm, cut: (microbatchCount: Int, lanes: Int, workers: Int)) throws {
    let reference = try Reference.read(algorithm)
    let objective = try ReferenceObjective(microbatchCount: cut.microbatchCount)
    let stepper = Stepper(
      objective, optimizer: Self.settings(algorithm),
      compute: Self.compute(workers: cut.workers, lanes: cut.lanes),
      seed: 1)
    for step in reference.losses.indices {
      let outcome = try stepper.take(step: step, fraction: 0)
      #expect(abs(outcome.statistics.loss - reference.losses[step]) < 2e-3, "step \(step)")
      let norm = reference.gradientNorms[step]
      #expect(abs(outcome.gradientNorm - norm) < 3e-3 * norm, "step \(step)")
    }
  }

  /// Any number of workers gives the same bits, and so does a run that reads its moments from a checkpoint, which has one for
  /// a matrix of Muon's.
  @Test(arguments: algorithms, Machine.precisions)
  func workersAndCheckpointsLeaveNoTrace(algorithm: Algorithm, precision: ElementType) throws {
    let folder = try TemporaryFolder()
    func bits(workers: Int, stopsAt stop: Int? = nil) throws -> [Float] {
      let objective = try ReferenceObjective(precision: precision, microbatchCount: 4)
      func stepper() -> Stepper {
        Stepper(
          objective, optimizer: Self.settings(algorithm), compute: Self.compute(workers: workers, lanes: 4),
          seed: 1)
      }
      var current = stepper()
      for step in 0..<6 {
        if step == stop {
          try current.optimizer.write(to: folder.url, step: step)
          current = stepper()
          try current.optimizer.read(from: folder.url)
        }
        #expect(try current.take(step: step, fraction: 0).isTaken)
      }
      return objective.store.parameters.flatMap { objective.store.numbers(of: $0) }
    }
    let one = try bits(workers: 1)
    #expect(try bits(workers: 3) == one)
    #expect(try bits(workers: 2, stopsAt: 3) == one)
    let names = try TensorFile(folder.file("optimizer.safetensors")).entries.keys
    let attention = "encoder.layers.0.attention.queryKeyValue."
    #expect(names.contains("m.\(attention)weight"))
    #expect(names.contains("v.\(attention)weight") == (algorithm != .muon))
    #expect(names.contains("v.\(attention)bias") && names.contains("v.encoder.embeddings.token"))
  }

  @Test(arguments: [1, -0.1, 1 - 1e-12]) func aBadMomentumIsRefused(momentum: Double) {
    var settings = Self.settings(.muon)
    settings.momentum = momentum
    #expect(failureMessage { try settings.validate() }.hasPrefix("optimizer.momentum: is "))
  }
}
