internal import ClozeCore
internal import Foundation

/// A fixed number of threads that start work in the order of submission. The caller waits for the results in the same
/// order, so the output does not depend on the number of threads.
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

  /// Ends the threads. Work that has not begun is cancelled, and waiting for it throws a `CancellationError` (the
  /// cancellation of `OperationQueue` would let the waiter wait forever). It waits for work that has begun: after an
  /// error the program may exit, and libcrypto frees its algorithms at exit while threads still use them.
  deinit {
    isEnding.withLock { $0 = true }
    queue.waitUntilAllOperationsAreFinished()
  }

  /// The number of pieces of work to keep submitted, so that no thread is idle while results are taken.
  package var depth: Int { 2 * workerCount }

  /// Runs `work` when a thread is free.
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

/// The future result of submitted work.
package final class PendingResult<Value: Sendable>: Sendable {
  private let result = Guarded<Result<Value, any Error>?>(nil)
  private let isReady = DispatchSemaphore(value: 0)

  fileprivate func fulfil(_ value: Result<Value, any Error>) {
    result.withLock { $0 = value }
    isReady.signal()
  }

  /// Waits for the result and returns it; to be called once.
  /// - Throws: the error of the work; `CancellationError` if the pool ended before the work began.
  package func wait() throws -> Value {
    isReady.wait()
    guard let value = result.withLock({ $0 }) else {
      preconditionFailure("PendingResult: signalled without a result")
    }
    return try value.get()
  }
}
