import ClozeCLI
import ClozeCore
import ClozeData
import Foundation

/// Shows the progress and speed of a pass over the corpus on standard error, a few times a second.
final class CorpusProgress {
  private let totalBytes: Int
  private let line: ProgressLine
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var stage = ""
  private var stageStart = ContinuousClock.now
  private var lastReport = ContinuousClock.now

  init(totalBytes: Int, isQuiet: Bool) {
    self.totalBytes = totalBytes
    line = ProgressLine(quiet: isQuiet)
  }

  func show(_ event: TokenizeRun.Event) {
    switch event {
    case .reading(let stage, let bytes): report(stage, bytes: bytes)
    case .resumed(let documents): line.line("going on after \(Figure.count(documents)) documents")
    case .warning(let text): line.warning(text)
    }
  }

  /// - Parameter bytes: the bytes read from the disk since the stage began.
  func report(_ stage: String, bytes: Int) {
    let now = ContinuousClock.now
    if stage != self.stage {
      finish()
      (self.stage, stageStart, lastReport) = (stage, now, now)
    }
    // A terminal gets one line that is rewritten; a file or a pipe gets a line every ten seconds.
    guard now - lastReport > .seconds(isTerminal ? 0.2 : 10) else { return }
    lastReport = now
    let seconds = max((now - stageStart) / .seconds(1), 1e-3)
    let megabytes = Double(bytes) / 1e6
    let percent = totalBytes > 0 ? 100 * Double(bytes) / Double(totalBytes) : 100
    line.update(
      String(format: "%@: %.1f MB (%.0f %%), %.1f MB/s", stage, megabytes, percent, megabytes / seconds))
  }

  /// Clears the line on a terminal.
  func finish() {
    line.clear()
    stage = ""
  }
}
