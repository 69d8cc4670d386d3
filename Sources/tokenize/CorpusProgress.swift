import ClozeCLI
import Foundation

/// One line on standard error, a few times a second: how far a pass over the corpus is, and how fast.
final class CorpusProgress {
  private let totalBytes: Int
  private let isQuiet: Bool
  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var stage = ""
  private var stageStart = Date()
  private var lastReport = Date.distantPast

  init(totalBytes: Int, isQuiet: Bool) {
    self.totalBytes = totalBytes
    self.isQuiet = isQuiet
  }

  /// - Parameter bytes: read from the disk since the stage began.
  func report(_ stage: String, bytes: Int) {
    guard !isQuiet else { return }
    let now = Date()
    if stage != self.stage {
      finish()
      (self.stage, stageStart, lastReport) = (stage, now, now)
    }
    // A file or a pipe gets a line every ten seconds, a terminal one line that is written over.
    guard now.timeIntervalSince(lastReport) > (isTerminal ? 0.2 : 10) else { return }
    lastReport = now
    let seconds = max(now.timeIntervalSince(stageStart), 1e-3)
    let megabytes = Double(bytes) / 1e6
    let percent = totalBytes > 0 ? 100 * Double(bytes) / Double(totalBytes) : 100
    let line = String(
      format: "%@: %.1f MB (%.0f %%), %.1f MB/s", stage, megabytes, percent, megabytes / seconds)
    Console.write(isTerminal ? "\r\u{1B}[K" + line : line + "\n")
  }

  /// Ends the line that a terminal shows.
  func finish() {
    if !isQuiet, isTerminal, !stage.isEmpty { Console.write("\n") }
    stage = ""
  }
}
