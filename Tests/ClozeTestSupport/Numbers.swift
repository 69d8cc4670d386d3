package import ClozeCompute

// A pointer into a lane or a store does not keep it alive, and a test's last look at one is often its last use: tests read
// copies.

extension GradientLane {
  /// A copy of a parameter's gradient.
  package func numbers(of parameter: Parameter) -> [Float] {
    withExtendedLifetime(self) { Array(values(of: parameter)) }
  }

  /// A copy of the whole flat buffer, which has `count` elements.
  package func numbers(count: Int) -> [Float] {
    withExtendedLifetime(self) { Array(UnsafeBufferPointer(start: values, count: count)) }
  }
}

extension ParameterStore {
  /// A copy of a parameter's values.
  package func numbers(of parameter: Parameter) -> [Float] {
    withExtendedLifetime(self) { Array(values(of: parameter)) }
  }
}
