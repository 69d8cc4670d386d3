import ClozeCompute
import ClozeTestSupport
import Testing

@Suite struct AdamWUpdateTests {
  /// Ten steps of 37 numbers against the paper's formulas in double.
  @Test(arguments: [0, 0.01, 0.3], [ElementType.float32, .bfloat16])
  func tenSteps(weightDecay: Double, precision: ElementType) {
    let store = ParameterStore(precision: precision)
    let parameter = store.declare("p", shape: [37], initialization: .normal(standardDeviation: 1))
    store.allocate(seed: 2)
    let initial = Array(store.numbers(of: parameter))
    let lane = GradientLane(store)
    var first = [Float](repeating: 0, count: store.elementCount)
    var second = first
    let (rate, beta1, beta2, epsilon, gradientScale) = (0.01, 0.9, 0.98, 1e-6, 0.125)
    let gradients = (0..<10).map { RandomValues.signed(37, seed: $0) }
    for (index, gradient) in gradients.enumerated() {
      _ = lane.values(of: parameter).update(fromContentsOf: gradient)
      let update = AdamWUpdate(
        gradientScale: gradientScale, learningRate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon,
        weightDecay: weightDecay, step: index + 1)
      // In two ranges, as two workers would.
      for range in [0..<20, 20..<37] {
        first.withUnsafeMutableBufferPointer { first in
          second.withUnsafeMutableBufferPointer { second in
            guard let first = first.baseAddress, let second = second.baseAddress else { return }
            update.apply(
              to: store, range: range, decays: true, gradient: lane, firstMoment: first + range.lowerBound,
              secondMoment: second + range.lowerBound)
          }
        }
      }
    }
    let expected = initial.indices.map { i in
      ReferenceKernels.adamW(
        weight: Double(initial[i]), gradients: gradients.map { Double($0[i]) * gradientScale }, rate: rate,
        beta1: beta1, beta2: beta2, epsilon: epsilon, decay: weightDecay)
    }
    #expect(greatestError(Array(store.numbers(of: parameter)), expected) < 2e-6)
    #expect(greatestDifference(Array(store.numbers(of: parameter)), initial) > 0.01)
    if let copies = store.copies {
      #expect(
        store.numbers(of: parameter).indices.allSatisfy {
          Float(bitPattern: UInt32(copies[$0]) << 16) == ReferenceKernels.bfloat16(store.values[$0])
        })
    }
  }

  @Test(arguments: [false, true])
  func decayIsForMatricesOnly(decays: Bool) {
    let store = ParameterStore(precision: .float32)
    let parameter = store.declare("p", shape: [4], initialization: .ones)
    store.allocate(seed: 0)
    let lane = GradientLane(store)
    var (first, second) = ([Float](repeating: 0, count: 16), [Float](repeating: 0, count: 16))
    // Without a gradient only the decay moves a weight.
    AdamWUpdate(
      gradientScale: 1, learningRate: 0.5, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.5, step: 1
    ).apply(
      to: store, range: 0..<4, decays: decays, gradient: lane, firstMoment: &first, secondMoment: &second)
    #expect(store.numbers(of: parameter).allSatisfy { $0 == (decays ? 0.75 : 1) })
  }
}
