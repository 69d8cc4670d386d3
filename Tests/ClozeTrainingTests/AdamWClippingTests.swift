import ClozeCompute
import ClozeEvaluation
import ClozeTestSupport
import ClozeTraining
import Testing

/// AdamW over a whole store, clipped or not, against the paper's formulas number by number in double.
@Suite struct AdamWClippingTests {
  /// A matrix that takes more than one of the optimizer's chunks, and a bias, which does not decay.
  private struct Problem {
    let store: ParameterStore
    let matrix: Parameter
    let bias: Parameter
    let lanes: [GradientLane]

    init(laneCount: Int = 3) {
      store = ParameterStore(precision: .float32)
      matrix = store.declare("matrix", shape: [260, 300], initialization: .normal(standardDeviation: 0.5))
      bias = store.declare("bias", shape: [37], initialization: .ones)
      store.allocate(seed: 4)
      lanes = (0..<laneCount).map { [store] _ in GradientLane(store) }
    }

    var parameters: [Parameter] { [matrix, bias] }
    var values: [Float] { parameters.flatMap { Array(store.numbers(of: $0)) } }

    /// Gradients of one step, a row a lane, in the order of `values`.
    func gradients(step: Int) -> [[Float]] {
      lanes.indices.map { lane in
        RandomValues.signed(matrix.count + bias.count, seed: 10 * step + lane).map {
          $0 * AdamWClippingTests.magnitudes[step]
        }
      }
    }

    func fill(_ gradients: [[Float]]) {
      for (lane, values) in zip(lanes, gradients) {
        _ = lane.values(of: matrix).update(fromContentsOf: values.prefix(matrix.count))
        _ = lane.values(of: bias).update(fromContentsOf: values.suffix(bias.count))
      }
    }

    /// The mean gradient of a step.
    func mean(step: Int) -> [Double] {
      let gradients = gradients(step: step)
      return gradients[0].indices.map { index in
        gradients.reduce(0) { $0 + Double($1[index]) } / Double(AdamWClippingTests.predictionCount)
      }
    }
  }

  /// Steps of unlike size: Optimizer hardly heeds a factor that is the same at every step.
  private static let magnitudes: [Float] = [1, 20, 0.05, 4]
  private static let predictionCount = 50
  private static let rateFactors = [0.25, 1, 0.5, 0.1]

  private func configuration(clip: Double) -> OptimizerConfiguration {
    var configuration = OptimizerConfiguration()
    configuration.learningRate = 0.02
    configuration.epsilon = 1e-3
    configuration.weightDecay = 0.1
    configuration.gradientClip = clip
    return configuration
  }

  /// The weights after all steps, and the norms that the steps gave.
  private func run(clip: Double, workers: Int = 2) -> (values: [Float], norms: [Double]) {
    let problem = Problem()
    let optimizer = Optimizer(problem.store, configuration: configuration(clip: clip))
    let norms = Self.magnitudes.indices.map { step in
      problem.fill(problem.gradients(step: step))
      return optimizer.step(
        step, lanes: problem.lanes, predictionCount: Self.predictionCount,
        rateFactor: Self.rateFactors[step], workers: WorkerGroup(count: workers))
    }
    return (problem.values, norms)
  }

  /// No limit, one that no step meets, one that some meet and one that all meet.
  @Test(arguments: [(0, 0), (1e9, 0), (10, 2), (0.01, 4)])
  func fourSteps(clip: Double, clippedSteps: Int) {
    let problem = Problem()
    let means = Self.magnitudes.indices.map { problem.mean(step: $0) }
    let norms = means.map { mean in mean.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    #expect(norms.count { clip > 0 && $0 > clip } == clippedSteps)
    let scaled = zip(means, norms).map { mean, norm in
      let scale = clip > 0 && norm > clip ? clip / norm : 1
      return mean.map { $0 * scale }
    }
    let settings = configuration(clip: clip)
    let expected = problem.values.enumerated().map { index, weight in
      reference(
        Double(weight), gradients: scaled.map { $0[index] }, settings,
        decay: index < problem.matrix.count ? settings.weightDecay : 0)
    }
    let found = run(clip: clip)
    #expect(greatestError(found.values, expected) < 2e-5)
    #expect(greatestDifference(found.values, problem.values) > 1e-3)
    // What is returned is the norm before clipping.
    for (norm, expected) in zip(found.norms, norms) { #expect(abs(norm - expected) < 1e-5 * expected) }
  }

  /// Written out anew, for the rate differs from step to step.
  private func reference(
    _ weight: Double, gradients: [Double], _ settings: OptimizerConfiguration, decay: Double
  ) -> Double {
    var (w, m, v, power1, power2) = (weight, 0.0, 0.0, 1.0, 1.0)
    for (g, factor) in zip(gradients, Self.rateFactors) {
      power1 *= settings.beta1
      power2 *= settings.beta2
      m = settings.beta1 * m + (1 - settings.beta1) * g
      v = settings.beta2 * v + (1 - settings.beta2) * g * g
      let direction = m / (1 - power1) / ((v / (1 - power2)).squareRoot() + settings.epsilon)
      w -= settings.learningRate * factor * (direction + decay * w)
    }
    return w
  }

  @Test func aLimitThatIsNotMetLeavesNoTrace() {
    let unlimited = run(clip: 0)
    #expect(run(clip: 1e9).values == unlimited.values)
    #expect(run(clip: 10).values != unlimited.values)
    #expect(run(clip: 10).norms[0] == unlimited.norms[0])
  }

  @Test func sameBitsForAnyNumberOfWorkers() {
    let one = run(clip: 1, workers: 1)
    for workers in [2, 5] {
      let more = run(clip: 1, workers: workers)
      #expect(more.values == one.values)
      #expect(more.norms == one.norms)
    }
  }

  /// The step is as if it had never been: neither weights nor moments remember it.
  @Test(arguments: [Float.nan, .infinity], [0, 1.0])
  func aGradientThatIsNotFiniteChangesNothing(value: Float, clip: Double) {
    let (problem, spared) = (Problem(laneCount: 1), Problem(laneCount: 1))
    let workers = WorkerGroup(count: 2)
    let optimizer = Optimizer(problem.store, configuration: configuration(clip: clip))
    let untouched = Optimizer(spared.store, configuration: configuration(clip: clip))
    func take(_ optimizer: Optimizer, _ problem: Problem, _ step: Int) -> Double {
      optimizer.step(
        step, lanes: problem.lanes, predictionCount: Self.predictionCount, rateFactor: 1, workers: workers)
    }
    for (optimizer, problem) in [(optimizer, problem), (untouched, spared)] {
      problem.fill(problem.gradients(step: 0))
      #expect(take(optimizer, problem, 0).isFinite)
    }
    let before = problem.values
    var broken = problem.gradients(step: 1)
    broken[0][broken[0].count - 1] = value
    problem.fill(broken)
    #expect(!take(optimizer, problem, 1).isFinite)
    #expect(problem.values == before)
    for (optimizer, problem) in [(optimizer, problem), (untouched, spared)] {
      problem.fill(problem.gradients(step: 2))
      #expect(take(optimizer, problem, 2).isFinite)
    }
    #expect(problem.values == spared.values)
    #expect(problem.values != before)
  }

  @Test(arguments: [-0.5, -1e-9]) func aNegativeLimitIsRefused(clip: Double) {
    #expect(
      failureMessage { try configuration(clip: clip).validate() }.contains("optimizer.gradientClip: is -"))
    #expect(failureMessage { try configuration(clip: 0).validate() }.isEmpty)
  }
}
