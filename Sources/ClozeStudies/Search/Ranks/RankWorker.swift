internal import ClozeCore
internal import ClozeTraining
package import Foundation

/// A rank of a study that trains what rank 0 gives it.
package struct RankWorker<Subject: SearchSubject>: Sendable {
  private let subject: Subject
  private let settings: SearchConfiguration
  private let study: URL
  private let launched: LaunchedRank
  private let timing: RankExchange.Timing

  private var exchange: RankExchange { RankExchange(study: study) }

  /// - Parameter output: the folder of the study, which all ranks share.
  package init(_ subject: Subject, settings: SearchConfiguration, output: URL, _ launched: LaunchedRank) {
    self.init(subject, settings: settings, output: output, launched, timing: .init())
  }

  init(
    _ subject: Subject, settings: SearchConfiguration, output: URL, _ launched: LaunchedRank,
    timing: RankExchange.Timing
  ) {
    (self.subject, self.settings, study, self.launched, self.timing) = (
      subject, settings, output, launched, timing
    )
  }

  /// Takes tasks until rank 0 ends the study, or until it is interrupted; then its runs save, and go on elsewhere.
  ///
  /// - Throws: `SearchError.otherStudy`, `.noLeader`, `.leaderLost`
  package func serve(isInterrupted: @escaping @Sendable () -> Bool) throws {
    guard let call = try findLeader(isInterrupted) else { return }
    let state = WorkerState()
    let training = TrialTraining(
      subject: subject, folder: study.appendingPathComponent("trials"),
      schedule: SearchSchedule(
        trials: 1, control: 0, seeds: settings.seeds, rungs: settings.rungs)
    ) { isInterrupted() || state.isEnding }
    let beating = Thread { [self] in
      while !state.hasLeft {
        state.beat(exchange, rank: launched.rank, call: call, patience: timing.patience)
        Thread.sleep(forTimeInterval: timing.interval)
      }
    }
    beating.start()
    var known: Set<Int> = []
    while !state.isEnding, !isInterrupted() {
      for (number, task) in exchange.tasks(of: launched.rank, call: call, except: known) {
        known.insert(number)
        state.begin()
        Thread { [self] in
          reply(to: number, task, call: call, training) { state.isEnding }
          state.end()
        }.start()
      }
      Thread.sleep(forTimeInterval: timing.look)
    }
    state.leave()
    try? exchange.write(.init(beat: -1, hasLeft: true), rank: launched.rank, call: call)
    if state.isLeaderLost { throw SearchError.leaderLost(path: study.path, seconds: Int(timing.patience)) }
  }

  /// Waits for a leader that is alive and knows what its study is made from.
  ///
  /// - Returns: the name of its call; nil if it has no tasks or this rank was interrupted.
  private func findLeader(_ isInterrupted: () -> Bool) throws -> String? {
    var (pulse, call) = (Pulse(), "")
    while !isInterrupted() {
      let leader = exchange.leader()
      if let leader, leader.call != call { (pulse, call) = (Pulse(), leader.call) }
      pulse.take(leader?.beat)
      if let leader, pulse.isAlive {
        if leader.isEnding {
          try exchange.write(.init(hasLeft: true), rank: launched.rank, call: call)
          return nil
        }
        if let identities = leader.identities {
          try subject.check(identities, of: settings, path: study.path)
          return call
        }
      }
      guard !pulse.isLost(after: timing.patience) else {
        throw SearchError.noLeader(path: study.path, launched)
      }
      Thread.sleep(forTimeInterval: timing.look)
    }
    return nil
  }

  private func reply(
    to number: Int, _ task: RankExchange.Task, call: String, _ training: TrialTraining<Subject>,
    isOver: () -> Bool
  ) {
    let reply: RankExchange.Reply
    do {
      reply = .outcome(
        try training(SearchTrial(task.proposal), to: task.rung, atOnce: task.atOnce) { _ in })
    } catch {
      reply = .failure("\(error)", status: ((error as? any Failure)?.exitStatus ?? .software).rawValue)
    }
    // On a full disk the leader has to wait.
    while (try? exchange.write(reply, to: number, from: launched.rank, call: call)) == nil, !isOver() {
      Thread.sleep(forTimeInterval: timing.interval)
    }
  }
}

/// What the threads of a worker share.
private final class WorkerState: @unchecked Sendable {
  /// Guards all below.
  private let condition = NSCondition()
  private var worker = RankExchange.Worker()
  private var pulse = Pulse()
  private var running = 0
  private var ending = false
  private var lost = false

  /// Whether there are no more tasks.
  var isEnding: Bool { condition.withLock { ending } }
  var isLeaderLost: Bool { condition.withLock { lost } }
  var hasLeft: Bool { condition.withLock { worker.hasLeft } }

  /// Writes the beat and reads the leader's.
  func beat(_ exchange: RankExchange, rank: Int, call: String, patience: Double) {
    condition.withLock {
      guard !worker.hasLeft else { return }
      worker.beat += 1
      try? exchange.write(worker, rank: rank, call: call)
      let leader = exchange.leader()
      pulse.take(leader?.call == call ? leader?.beat : nil)
      // The leader's file is removed at its end, and by nobody if it is killed.
      if leader?.isEnding ?? true { ending = true }
      if pulse.isLost(after: patience) { (ending, lost) = (true, true) }
    }
  }

  func begin() { condition.withLock { running += 1 } }

  func end() {
    condition.withLock {
      running -= 1
      condition.broadcast()
    }
  }

  /// Waits for the runs, which save, and writes no beat any more.
  func leave() {
    condition.withLock {
      ending = true
      while running > 0 { condition.wait() }
      worker.hasLeft = true
    }
  }
}
