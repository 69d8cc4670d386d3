/// Precision, workers and lanes of a run. The precision and the lanes decide rounding; the number of workers changes no
/// bit.
package struct ComputeConfiguration: Codable, Sendable, Equatable {
  package enum Precision: String, NamedChoice {
    /// bfloat16 if the processor multiplies it faster than float32, else float32.
    case automatic
    case float32
    case bfloat16
  }

  package var precision = Precision.automatic
  /// Threads, each with its own micro-batches; 0 for one a core.
  package var workers = 0
  /// The number of lanes in which a step's gradient is summed before they are added in a fixed tree, and so the most
  /// workers that are useful. Each costs a copy of the parameters. It decides rounding, so it belongs to the run and
  /// not to the machine.
  package var gradientLanes = 4

  package init() {}
}
