package import ArgumentParser
internal import Dispatch
internal import Foundation
internal import Synchronization

/// Whether a signal has asked the program to stop: SIGINT, SIGTERM, and those that terminals and clusters send before the
/// end, SIGHUP and SIGUSR1. A second signal ends it at once. One that whoever started the program had it ignore, as `nohup`
/// does with SIGHUP, stays ignored.
package final class Interruption {
  private final class Signals: Sendable {
    /// The number of the first signal; 0 before.
    let first = Atomic<Int32>(0)
  }

  private let signals = Signals()
  private let sources: [any DispatchSourceSignal]

  package init() {
    let numbers = [SIGINT, SIGTERM, SIGHUP, SIGUSR1].filter { !Self.isIgnored($0) }
    sources = numbers.map { [signals] number in
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

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    return action.__sigaction_handler.sa_handler.map { unsafeBitCast($0, to: Int.self) } == 1
  }

  package var isRequested: Bool { signals.first.load(ordering: .relaxed) != 0 }

  /// What a program ends with that was interrupted, saved, and is not finished: 128 and the signal's number, as shells
  /// have it, so that `pretrain && finetune` stops.
  package var exitCode: ArgumentParser.ExitCode { .init(128 + signals.first.load(ordering: .relaxed)) }
}
