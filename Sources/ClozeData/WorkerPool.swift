internal import ClozeCore
internal import Foundation

/// A fixed number of threads that do work in the order in which it is handed in. Whoever hands it in waits for the
/// results in that same order, so what comes out never depends on the number of threads.
package final class WorkerPool: Sendable {
  package let workerCount: Int
  private let queue: OperationQueue
  private let isEnding = Guarded(false)

  package init(workerCount: Int) {
    precondition(workerCount > 0, "WorkerPool: \(workerCount) workers")
    self.workerCount = workerCount
    queue = OperationQueue()
    queue.maxConcurrentOperationCount = workerCount
  }

  /// Ends the threads. Work that has not begun is left undone, and whoever still waits for it gets a `CancellationError`:
  /// the queue's own way to cancel would let him wait for ever. A program that exits
  /// while they work, after an error, takes from them what they work with: libcrypto frees its algorithms at exit.
  deinit {
    isEnding.withLock { $0 = true }
    queue.waitUntilAllOperationsAreFinished()
  }

  /// How many pieces of work to keep handed in, so that no thread waits while the results are taken.
  package var depth: Int { 2 * workerCount }

  /// Starts `work` as soon as a thread is free.
  package func submit<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) -> PendingResult<Value>
  {
    let pending = PendingResult<Value>()
    queue.addOperation { [isEnding] in
      pending.fulfil(
        isEnding.withLock { $0 } ? .failure(CancellationError()) : Result(catching: work))
    }
    return pending
  }
}

/// A result that a worker will have.
package final class PendingResult<Value: Sendable>: Sendable {
  private let result = Guarded<Result<Value, any Error>?>(nil)
  private let isReady = DispatchSemaphore(value: 0)

  fileprivate func fulfil(_ value: Result<Value, any Error>) {
    result.withLock { $0 = value }
    isReady.signal()
  }

  /// Waits for the result and gives it; to be called once.
  /// - Throws: what the work threw; `CancellationError` where the pool went before the work began.
  package func wait() throws -> Value {
    isReady.wait()
    guard let value = result.withLock({ $0 }) else {
      preconditionFailure("PendingResult: signalled without a result")
    }
    return try value.get()
  }
}
