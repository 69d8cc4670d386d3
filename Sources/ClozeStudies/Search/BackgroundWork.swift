internal import Foundation

/// Work on threads of its own. What it reports is taken by the one thread that waits, in the order in which it happened.
final class BackgroundWork<Key: Hashable & Sendable, Event: Sendable, Outcome: Sendable>: @unchecked Sendable
{
  private enum Message {
    case event(Event)
    case ended(Key, Result<Outcome, any Error>)
  }

  /// Guards `messages`, the only part that other threads touch.
  private let condition = NSCondition()
  private var messages: [Message] = []
  private var running: Set<Key> = []
  private var outcomes: [Key: Result<Outcome, any Error>] = [:]

  /// Begins work, unless the same has begun and not been waited for.
  func begin(_ key: Key, _ work: @escaping @Sendable (_ report: @escaping (Event) -> Void) throws -> Outcome)
  {
    guard outcomes[key] == nil, running.insert(key).inserted else { return }
    Thread { [self] in
      let outcome = Result { try work { self.send(.event($0)) } }
      send(.ended(key, outcome))
    }.start()
  }

  private func send(_ message: Message) {
    condition.withLock {
      messages.append(message)
      condition.signal()
    }
  }

  /// Waits for the end of work that has begun. Meanwhile `report` is called with the events of all that runs.
  /// - Throws: what any work threw, as soon as that is known
  func wait(for key: Key, report: (Event) -> Void) throws -> Outcome {
    while true {
      for outcome in outcomes.values { _ = try outcome.get() }
      if let outcome = outcomes.removeValue(forKey: key) { return try outcome.get() }
      precondition(running.contains(key), "BackgroundWork: \(key) has not begun")
      receive(report)
    }
  }

  /// Waits until nothing runs.
  func finish() {
    while !running.isEmpty { receive { _ in } }
  }

  /// Waits for a message and takes it.
  private func receive(_ report: (Event) -> Void) {
    let message = condition.withLock {
      while messages.isEmpty { condition.wait() }
      return messages.removeFirst()
    }
    switch message {
    case .event(let event): report(event)
    case .ended(let key, let outcome):
      running.remove(key)
      outcomes[key] = outcome
    }
  }
}
