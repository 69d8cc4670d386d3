package import ArgumentParser
internal import Dispatch
internal import Foundation
internal import Synchronization

/// Whether a signal has asked the program to stop: SIGINT, SIGTERM, and SIGHUP and SIGUSR1, which terminals and
/// clusters send before they end a job. A second signal exits at once. A signal that was ignored when the program
/// started, as SIGHUP under `nohup`, stays ignored.
///
/// Its sources of signals live as long as the process. One that was released while its handler ended has been freed twice.
package final class Interruption: Sendable {
  private final class Signals: Sendable {
    /// The number of the first signal; 0 if there was none.
    let first = Atomic<Int32>(0)
  }

  private let signals = Signals()

  package init() {
    for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] where !Self.isIgnored(number) {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global(qos: .userInteractive))
      source.setEventHandler { [signals] in
        let (isFirst, _) = signals.first.compareExchange(expected: 0, desired: number, ordering: .relaxed)
        if !isFirst { _exit(128 + number) }
      }
      source.resume()
      // Never released.
      _ = Unmanaged.passRetained(source as AnyObject)
    }
  }

  private static func isIgnored(_ number: Int32) -> Bool {
    var action = sigaction()
    sigaction(number, nil, &action)
    return action.__sigaction_handler.sa_handler.map { unsafeBitCast($0, to: Int.self) } == 1
  }

  package var isRequested: Bool { signals.first.load(ordering: .relaxed) != 0 }

  /// The exit status of an interrupted run that saved and is not finished: 128 plus the signal's number, as in shells,
  /// so that `pretrain && finetune` stops.
  package var exitCode: ArgumentParser.ExitCode { .init(128 + signals.first.load(ordering: .relaxed)) }
}
