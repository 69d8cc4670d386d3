import ClozeData
import Foundation
import Testing

@Suite struct WorkerPoolTests {
  /// Whoever waits for work of a pool that went gets an answer to each piece: what it gave, or that it was not begun.
  @Test func nobodyWaitsForAPoolThatWent() {
    var pool: WorkerPool? = WorkerPool(workerCount: 1)
    let pending = (0..<1000).compactMap { number in
      pool?.submit { () -> Int in
        usleep(1000)
        return number
      }
    }
    pool = nil
    let isAnswered = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      for (number, result) in pending.enumerated() {
        do {
          #expect(try result.wait() == number)
        } catch {
          #expect(error is CancellationError)
        }
      }
      isAnswered.signal()
    }
    // A piece without an answer would be waited for for ever.
    #expect(pending.count == 1000 && isAnswered.wait(timeout: .now() + 100) == .success)
  }
}
