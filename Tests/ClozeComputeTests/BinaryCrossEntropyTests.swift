import ClozeCompute
import ClozeTestSupport
import Foundation
import Testing

@Suite struct BinaryCrossEntropyTests {
  private static let targets: [Float?] = [1, 0, nil, 0.25, 1, 0]

  @Test func gradient() {
    let check = GradientCheck(inputs: [.init(6, 1, type: .float32)]) { tape, inputs, _ in
      .losses(tape.binaryCrossEntropy(inputs[0], targets: Self.targets))
    }
    #expect(check.violations().isEmpty, "\(check.violations().prefix(3))")
  }

  /// Above a layer, whose parameters and input get a gradient, too.
  @Test func gradientThroughALayer() {
    let check = GradientCheck(inputs: [.init(6, 5)], parameters: [[1, 5], [1]]) { tape, inputs, parameters in
      let linear = LinearParameters(weight: parameters[0], bias: parameters[1])
      return .losses(
        tape.binaryCrossEntropy(tape.linear(inputs[0], linear, type: .float32), targets: Self.targets))
    }
    #expect(check.violations().isEmpty, "\(check.violations().prefix(3))")
    #expect(check.bfloat16Violations().isEmpty, "\(check.bfloat16Violations().prefix(3))")
  }

  /// -t ln σ(z) - (1 - t) ln(1 - σ(z)) in double, also where σ rounds to 0 or 1.
  @Test func values() {
    let store = ParameterStore(precision: .float32)
    _ = store.declare("unread", shape: [1], initialization: .zeros)
    store.allocate(seed: nil)
    let tape = Tape(store: store)
    tape.begin()
    let logits: [Float] = [-300, -20, -1, 0, 0.5, 30, 300]
    for target: Float in [0, 1, 0.3] {
      let tensor = tape.makeTensor(rows: logits.count, columns: 1, values: logits)
      let losses = tape.binaryCrossEntropy(tensor, targets: logits.map { _ in target })
      for (z, loss) in zip(logits.map(Double.init), losses) {
        // ln σ(z) = -ln(1 + e^-z), and ln(1 - σ(z)) is the same of -z.
        func softplus(_ x: Double) -> Double { x > 40 ? x : log1p(exp(x)) }
        let expected = Double(target) * softplus(-z) + (1 - Double(target)) * softplus(z)
        #expect(abs(Double(loss) - expected) <= 1e-5 * max(1, expected), "\(z), \(target)")
      }
    }
    let none = tape.makeTensor(rows: 2, columns: 1, values: [3, -3])
    #expect(tape.binaryCrossEntropy(none, targets: [nil, nil]) == [0, 0])
    let notANumber = tape.makeTensor(rows: 1, columns: 1, values: [.nan])
    #expect(tape.binaryCrossEntropy(notANumber, targets: [1])[0].isNaN)
  }

  @Test func theScaleIsOfTheGradientAlone() {
    let store = ParameterStore(precision: .float32)
    _ = store.declare("unread", shape: [1], initialization: .zeros)
    store.allocate(seed: nil)
    let (tape, lane) = (Tape(store: store), GradientLane(store))
    func run(_ scale: Float) -> (losses: [Float], gradient: [Float]) {
      lane.begin()
      tape.begin(lane: lane)
      let logits = tape.makeTensor(rows: 2, columns: 1, values: [0.7, -1.3])
      let losses = tape.binaryCrossEntropy(logits, targets: [0, 1], gradientScale: scale)
      return (losses, logits.gradientValues())
    }
    let (one, four) = (run(1), run(4))
    #expect(one.losses == four.losses)
    #expect(one.gradient.map { 4 * $0 } == four.gradient)
  }
}
