package import ArgumentParser
internal import Dispatch
internal import Foundation
internal import Synchronization

/// Whether SIGINT or SIGTERM has asked the program to stop. A second signal ends it at once.
package final class Interruption {
  private final class Signals: Sendable {
    /// The number of the first signal; 0 before.
    let first = Atomic<Int32>(0)
  }

  private let signals = Signals()
  private let sources: [any DispatchSourceSignal]

  package init() {
    sources = [SIGINT, SIGTERM].map { [signals] number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
      source.setEventHandler {
        let (isFirst, _) = signals.first.compareExchange(expected: 0, desired: number, ordering: .relaxed)
        if !isFirst { _exit(128 + number) }
      }
      source.resume()
      return source
    }
  }

  package var isRequested: Bool { signals.first.load(ordering: .relaxed) != 0 }

  /// What a program ends with that was interrupted, saved, and is not finished: 128 and the signal's number, as shells
  /// have it, so that `pretrain && finetune` stops.
  package var exitCode: ArgumentParser.ExitCode { .init(128 + signals.first.load(ordering: .relaxed)) }
}
