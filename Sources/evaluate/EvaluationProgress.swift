import ClozeCLI
import ClozeCore
import Foundation

/// The progress of an evaluation, reported by all workers.
final class EvaluationProgress: Sendable {
  private struct State {
    let line: ProgressLine
    var done = 0
    var lastUpdate = Date()
  }

  let windowCount: Int
  private let start = Date()
  private let state: Guarded<State>

  init(windowCount: Int, quiet: Bool) {
    self.windowCount = windowCount
    state = Guarded(State(line: ProgressLine(quiet: quiet)))
  }

  func finished(windows: Int) {
    state.withLock { state in
      state.done += windows
      let now = Date()
      guard now.timeIntervalSince(state.lastUpdate) > 1 else { return }
      state.lastUpdate = now
      let seconds = now.timeIntervalSince(start)
      let left = seconds / Double(state.done) * Double(windowCount - state.done)
      state.line.update(
        "window \(Figure.count(state.done)) of \(Figure.count(windowCount))  \(Figure.duration(left)) left")
    }
  }

  func end() {
    state.withLock { $0.line.clear() }
  }
}
