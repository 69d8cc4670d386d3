internal import Dispatch
internal import Foundation
internal import Synchronization

/// Whether SIGINT or SIGTERM has asked the program to stop. A second signal ends it at once.
package final class Interruption {
  private final class SignalCount: Sendable {
    let value = Atomic<Int>(0)
  }

  private let count = SignalCount()
  private let sources: [any DispatchSourceSignal]

  package init() {
    sources = [SIGINT, SIGTERM].map { [count] number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
      source.setEventHandler {
        if count.value.wrappingAdd(1, ordering: .relaxed).oldValue > 0 { _exit(128 + number) }
      }
      source.resume()
      return source
    }
  }

  package var isRequested: Bool { count.value.load(ordering: .relaxed) > 0 }
}
