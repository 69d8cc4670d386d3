package import ClozeCompute
internal import ClozeCore
internal import Dispatch
internal import Foundation
internal import Synchronization

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
