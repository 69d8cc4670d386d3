internal import Foundation

/// A value that one thread at a time gets at.
///
/// It is a `Mutex` on Foundation's lock: the thread sanitizer understands that one, while of `Mutex`, which waits in the
/// library's own code, it sees nothing as soon as two threads meet, and reports every meeting as a race.
package final class Guarded<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  package init(_ value: sending Value) { self.value = value }

  /// Lends the value to `body` alone.
  package func withLock<Result>(_ body: (inout sending Value) throws -> sending Result) rethrows
    -> sending Result
  {
    lock.lock()
    defer { lock.unlock() }
    return try body(&value)
  }
}
