internal import ClozeCore
package import ClozeData

/// Finds micro-batch n of a run. Epochs follow one another; an epoch is planned when its first micro-batch is
/// requested.
package final class EpochPlans<Sample: BatchSample>: Sendable {
  private struct State {
    var plans: [Int: [[Int]]] = [:]
    var plannedCount = 0
  }

  package let batches: LengthBatches<Sample>
  private let state = Guarded(State())

  package init(_ batches: LengthBatches<Sample>) {
    self.batches = batches
  }

  /// The number of epochs planned so far.
  package var plannedCount: Int { state.withLock { $0.plannedCount } }

  /// The samples of micro-batch `number`, as indices of the samples of `batches`.
  package func samples(_ number: Int) -> [Int] {
    let (epoch, place) = number.quotientAndRemainder(dividingBy: batches.microbatchesPerEpoch)
    return state.withLock { state in
      if let plan = state.plans[epoch] { return plan[place] }
      let plan = batches.plan(epoch: epoch)
      // Two plans are enough, since workers are at most one epoch apart.
      state.plans = state.plans.filter { abs($0.key - epoch) <= 1 }
      state.plans[epoch] = plan
      state.plannedCount += 1
      return plan[place]
    }
  }
}
