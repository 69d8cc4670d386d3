package import ClozeCompute

/// Compares the gradients of an operation, for every element of every input and parameter, with central differences
///
///     dL/dx ≈ (L(x + h) - L(x - h)) / 2h
///
/// of L = Σ w y, where y is the operation's result and w are fixed random weights, summed in double.
package struct GradientCheck {
  /// A tensor that the operation reads.
  package struct Input {
    let rows: Int
    let columns: Int
    let type: ElementType?

    /// - Parameter type: the tape's precision where nil.
    package init(_ rows: Int, _ columns: Int, type: ElementType? = nil) {
      self.rows = rows
      self.columns = columns
      self.type = type
    }
  }

  package enum Outcome {
    /// Values to be weighted and summed.
    case values(Tensor)
    /// Losses whose gradient the operation itself has put in place.
    case losses([Float])
  }

  package typealias Operation = (Tape, [Tensor], [Parameter]) -> Outcome

  private let inputs: [Input]
  private let parameterShapes: [[Int]]
  private let operation: Operation

  /// Half the distance of the two points. f32 rounds L at 1e-7 of its size, so that the quotient errs by about 1e-5; as
  /// much as the cubic term of the functions at hand.
  private static let step: Float = 1e-2
  /// Of the greatest element of the gradient at hand.
  private static let tolerance = 3e-3

  /// - Parameters:
  ///   - parameters: a shape for each parameter that the operation reads.
  ///   - operation: must compute the same function whenever it is called; dropouts do.
  package init(inputs: [Input], parameters: [[Int]] = [], operation: @escaping Operation) {
    self.inputs = inputs
    parameterShapes = parameters
    self.operation = operation
  }

  /// The elements whose gradient differs from its central difference, in words; none where all is well.
  package func violations() -> [String] {
    let point = Point(self, precision: .float32)
    let found = point.gradients()
    let expected = point.differences(step: GradientCheck.step)
    return GradientCheck.compare(found, expected, tolerance: GradientCheck.tolerance)
  }

  /// The elements whose gradient in bf16 differs from that in f32 by more than bf16 explains.
  ///
  /// bf16 rounds by up to 1 / 256; an operation rounds what it reads, what it keeps and what it writes.
  package func bfloat16Violations() -> [String] {
    guard Machine.multipliesBFloat16 else { return [] }
    let found = Point(self, precision: .bfloat16).gradients()
    let expected = Point(self, precision: .float32).gradients().map { $0.map(Double.init) }
    return GradientCheck.compare(found, expected, tolerance: 6.0 / 256)
  }

  private static func compare(_ found: [[Float]], _ expected: [[Double]], tolerance: Double) -> [String] {
    zip(found, expected).enumerated().flatMap { index, pair -> [String] in
      let scale = pair.1.map(abs).max() ?? 0
      guard scale > 1e-3 else { return ["tensor \(index) has no gradient to compare"] }
      return zip(pair.0, pair.1).enumerated().compactMap { element, values in
        abs(Double(values.0) - values.1) <= tolerance * scale
          ? nil : "tensor \(index), element \(element): gradient \(values.0), expected \(values.1)"
      }
    }
  }

  /// A check's inputs and parameters with values, and the tape to run it on.
  private final class Point {
    let check: GradientCheck
    let parameters: [Parameter]
    let store: ParameterStore
    let tape: Tape
    let lane: GradientLane
    var inputValues: [[Float]]

    init(_ check: GradientCheck, precision: ElementType) {
      self.check = check
      store = ParameterStore(precision: precision)
      parameters = check.parameterShapes.enumerated().map { [store] index, shape in
        store.declare("parameter.\(index)", shape: shape, initialization: .zeros)
      }
      // A store is never empty.
      _ = store.declare("unread", shape: [1], initialization: .zeros)
      store.allocate(seed: nil)
      inputValues = check.inputs.enumerated().map { index, input in
        RandomValues.signed(input.rows * input.columns, seed: 100 + index)
      }
      for (index, parameter) in parameters.enumerated() {
        let values = RandomValues.signed(parameter.count, seed: 200 + index)
        _ = store.values(of: parameter).update(fromContentsOf: values)
      }
      store.refreshCopies()
      tape = Tape(store: store)
      lane = GradientLane(store)
    }

    private func run() -> (inputs: [Tensor], outcome: Outcome) {
      lane.begin()
      tape.begin(lane: lane, dropout: DropoutStream(seed: 11, step: 3, microbatch: 2))
      let tensors = zip(check.inputs, inputValues).map { input, values in
        tape.makeTensor(rows: input.rows, columns: input.columns, values: values, type: input.type)
      }
      return (tensors, check.operation(tape, tensors, parameters))
    }

    private static func weights(_ count: Int) -> [Float] { RandomValues.signed(count, seed: 300) }

    private func loss() -> Double {
      switch run().outcome {
      case .losses(let losses): losses.reduce(0) { $0 + Double($1) }
      case .values(let tensor):
        zip(tensor.values(), Point.weights(tensor.count)).reduce(0) { $0 + Double($1.0) * Double($1.1) }
      }
    }

    /// One array for each input, then one for each parameter.
    func gradients() -> [[Float]] {
      let (tensors, outcome) = run()
      if case .values(let tensor) = outcome {
        tape.seedGradient(of: tensor, with: Point.weights(tensor.count))
      }
      tape.backward()
      lane.end()
      return tensors.map { $0.gradientValues() } + parameters.map { lane.numbers(of: $0) }
    }

    func differences(step: Float) -> [[Double]] {
      func difference(_ value: Float, _ set: (Float) -> Void) -> Double {
        let (above, below) = (value + step, value - step)
        set(above)
        let greater = loss()
        set(below)
        let less = loss()
        set(value)
        return (greater - less) / (Double(above) - Double(below))
      }
      let ofInputs = inputValues.indices.map { input in
        inputValues[input].indices.map { element in
          difference(inputValues[input][element]) { inputValues[input][element] = $0 }
        }
      }
      let ofParameters = parameters.map { parameter in
        let values = store.values(of: parameter)
        return values.indices.map { element in difference(values[element]) { values[element] = $0 } }
      }
      return ofInputs + ofParameters
    }
  }
}
