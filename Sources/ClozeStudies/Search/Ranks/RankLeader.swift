internal import ClozeCore
internal import Foundation

/// Rank 0 of a study, which runs trials itself and gives others to the workers.
///
/// A trial goes to the rank that has the fewest. Where a worker leaves or is lost, its trial goes on elsewhere, from its last
/// checkpoint; the lock of its run folder keeps two ranks from writing there. So what a study finds does not depend on its ranks.
final class RankLeader: @unchecked Sendable {
  /// What a rank does; of rank 0, this process, only `running` counts.
  private struct Member {
    var running = 0
    var pulse = Pulse()
    var isGone = false
  }

  private let exchange: RankExchange
  private let launched: LaunchedRank
  private let timing: RankExchange.Timing
  private let isStopping: @Sendable () -> Bool
  /// Guards all below.
  private let condition = NSCondition()
  private var leader = RankExchange.Leader(call: UUID().uuidString)
  private var members: [Int: Member] = [0: Member()]
  private var lastTask = 0
  private var hasEnded = false

  /// Begins to beat.
  ///
  /// - Parameters:
  ///   - study: its folder, which this process has locked.
  ///   - isStopping: whether runs are to save and end.
  /// - Throws: `FileError`
  init(
    study: URL, _ launched: LaunchedRank, timing: RankExchange.Timing = .init(),
    isStopping: @escaping @Sendable () -> Bool
  ) throws {
    exchange = RankExchange(study: study)
    (self.launched, self.timing, self.isStopping) = (launched, timing, isStopping)
    try exchange.begin(leader)
    Thread { [self] in
      while beat() { Thread.sleep(forTimeInterval: timing.interval) }
    }.start()
  }

  /// Lets the workers begin: they compare the identities with their own.
  /// - Throws: `FileError`
  func begin(_ identities: [String: String]) throws {
    try condition.withLock {
      leader.identities = identities
      try exchange.write(leader)
    }
  }

  /// Writes the beat and reads those of the workers.
  /// - Returns: false after the end.
  private func beat() -> Bool {
    condition.withLock {
      guard !hasEnded else { return false }
      leader.beat += 1
      if isStopping() { leader.isEnding = true }
      // On a full disk the workers wait, and end at last.
      try? exchange.write(leader)
      for (rank, worker) in exchange.workers(of: leader.call) where rank > 0 && rank < launched.count {
        members[rank, default: Member()].pulse.take(worker.beat)
        if worker.hasLeft { members[rank]?.isGone = true }
      }
      for (rank, member) in members
      where rank > 0 && !member.isGone && member.pulse.isLost(after: timing.patience) {
        members[rank]?.isGone = true
      }
      condition.broadcast()
      return true
    }
  }

  /// Runs a trial on the rank that has the fewest, and waits for its end.
  ///
  /// - Parameters:
  ///   - warn: is told of workers that are gone.
  ///   - here: runs it in this process.
  /// - Throws: what `here` throws, `SearchError.rankFailed`, `FileError`
  func run(_ task: RankExchange.Task, warn: (String) -> Void, here: () throws -> TrialOutcome) throws
    -> TrialOutcome
  {
    while true {
      let (rank, number) = take(task.atOnce)
      defer { condition.withLock { members[rank]?.running -= 1 } }
      guard rank > 0 else { return try here() }
      try exchange.write(task, number: number, to: rank, call: leader.call)
      switch awaitReply(to: number, from: rank) {
      case .failure(let message, let status):
        throw SearchError.rankFailed(rank: rank, message: message, status: status)
      case .outcome(.interrupted) where !isStopping(), nil:
        condition.withLock { members[rank]?.isGone = true }
        warn("rank \(rank) was stopped or does not answer; the trial goes on at another")
      case .outcome(let outcome): return outcome
      }
    }
  }

  /// Takes a place at the rank with the fewest trials, of equal ones the lowest; waits while all have `atOnce`.
  private func take(_ atOnce: Int) -> (rank: Int, number: Int) {
    condition.withLock {
      while true {
        let free = members.filter { !$0.value.isGone && $0.value.running < atOnce }
        if let rank = free.min(by: { ($0.value.running, $0.key) < ($1.value.running, $1.key) })?.key {
          members[rank]?.running += 1
          lastTask += 1
          return (rank, lastTask)
        }
        _ = condition.wait(until: Date(timeIntervalSinceNow: timing.look))
      }
    }
  }

  /// - Returns: nil if the rank is gone.
  private func awaitReply(to number: Int, from rank: Int) -> RankExchange.Reply? {
    while true {
      if let reply = exchange.reply(to: number, from: rank, call: leader.call) { return reply }
      if condition.withLock({ members[rank]?.isGone ?? true }) {
        // It may have replied as it left.
        return exchange.reply(to: number, from: rank, call: leader.call)
      }
      Thread.sleep(forTimeInterval: timing.look)
    }
  }

  /// Ends the workers, waits a little until they have left, and removes the files. One that looks later finds none, and ends, too.
  func end() {
    let start = ContinuousClock.now
    condition.withLock { leader.isEnding = true }
    while beat(), hasWorkers, ContinuousClock.now - start < .seconds(timing.farewell) {
      Thread.sleep(forTimeInterval: timing.look)
    }
    condition.withLock {
      hasEnded = true
      exchange.remove()
    }
  }

  /// Whether some of the ranks that were launched have not left.
  private var hasWorkers: Bool {
    condition.withLock { (1..<launched.count).contains { !(members[$0]?.isGone ?? false) } }
  }
}
