package import ClozeCompute
internal import ClozeCore
internal import Dispatch
internal import Foundation
internal import Synchronization

/// Precision, workers and lanes of a run. The precision and the lanes decide rounding; the number of workers changes no
/// bit.
package struct ComputeConfiguration: Codable, Sendable, Equatable {
  package enum Precision: String, NamedChoice {
    /// bfloat16 if the processor multiplies it, else float32.
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

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "compute") throws {
    let require = SettingsCheck(section)
    try require(
      precision != .bfloat16 || Processor.multipliesBFloat16, "precision",
      "is bfloat16, which this processor does not multiply; choose automatic or float32")
    try require((0...1024).contains(workers), "workers", "is \(workers); choose 0 (one a core) to 1024")
    try require(gradientLanes, in: 1...1024, "gradientLanes")
  }

  /// The settings with the precision that `automatic` means on this machine, so that a run resumes elsewhere in the
  /// same precision or not at all.
  package var resolved: ComputeConfiguration {
    var settings = self
    settings.precision = elementType == .bfloat16 ? .bfloat16 : .float32
    return settings
  }

  package var elementType: ElementType {
    switch precision {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .automatic: Processor.multipliesBFloat16 ? .bfloat16 : .float32
    }
  }
}

/// A group of threads that share the work of a loop.
package struct WorkerGroup: Sendable {
  package let count: Int

  /// - Parameter count: 0 for one a core.
  package init(count: Int) {
    self.count = count > 0 ? count : ProcessInfo.processInfo.activeProcessorCount
  }

  /// A tape for each worker.
  package func tapes(for store: ParameterStore) -> [Tape] {
    (0..<count).map { _ in Tape(store: store) }
  }

  /// Runs `body(0)` … `body(itemCount - 1)`, each once, on the next free worker.
  package func forEach(_ itemCount: Int, _ body: @Sendable (Int) -> Void) {
    guard count > 1, itemCount > 1 else {
      for item in 0..<itemCount { body(item) }
      return
    }
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: min(count, itemCount)) { _ in
      while true {
        let item = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard item < itemCount else { return }
        body(item)
      }
    }
  }

  /// The results of `body(0)` … `body(itemCount - 1)`, in this order, for work that can fail and needs a tape. Worker w
  /// has `tapes[w]` to itself.
  ///
  /// - Throws: the error of the failed item with the lowest number, after all have ended.
  package func map<Value: Sendable>(
    _ itemCount: Int, tapes: [Tape], _ body: @Sendable (Int, Tape) throws -> Value
  ) throws -> [Value] {
    nonisolated(unsafe) let tapes = tapes
    let next = Atomic<Int>(0)
    let results = Guarded([Result<Value, any Error>?](repeating: nil, count: itemCount))
    forEach(min(tapes.count, itemCount)) { worker in
      while true {
        let item = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard item < itemCount else { return }
        let result = Result { try body(item, tapes[worker]) }
        results.withLock { $0[item] = result }
      }
    }
    return try results.withLock { try $0.compactMap { try $0?.get() } }
  }
}
