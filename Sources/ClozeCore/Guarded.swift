internal import Foundation

/// A value behind a lock.
///
/// Like `Mutex` of the standard library, but with Foundation's lock, which the thread sanitizer understands. A
/// contended `Mutex` waits in code that the sanitizer does not see, so it reports each contention as a race.
package final class Guarded<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  package init(_ value: sending Value) { self.value = value }

  /// Calls `body` with exclusive access to the value.
  package func withLock<Result>(_ body: (inout sending Value) throws -> sending Result) rethrows
    -> sending Result
  {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
