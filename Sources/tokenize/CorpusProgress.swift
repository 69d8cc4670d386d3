import ClozeCLI
import Foundation

/// Shows the progress and speed of a pass over the corpus on standard error, a few times a second.
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

  /// - Parameter bytes: the bytes read from the disk since the stage began.
  func report(_ stage: String, bytes: Int) {
    guard !isQuiet else { return }
    let now = Date()
    if stage != self.stage {
      finish()
      (self.stage, stageStart, lastReport) = (stage, now, now)
    }
    // A terminal gets one line that is rewritten; a file or a pipe gets a line every ten seconds.
    guard now.timeIntervalSince(lastReport) > (isTerminal ? 0.2 : 10) else { return }
    lastReport = now
    let seconds = max(now.timeIntervalSince(stageStart), 1e-3)
    let megabytes = Double(bytes) / 1e6
    let percent = totalBytes > 0 ? 100 * Double(bytes) / Double(totalBytes) : 100
    let line = String(
      format: "%@: %.1f MB (%.0f %%), %.1f MB/s", stage, megabytes, percent, megabytes / seconds)
    Console.write(isTerminal ? "\r\u{1B}[K" + line : line + "\n")
  }

  /// Ends the line on a terminal.
  func finish() {
    if !isQuiet, isTerminal, !stage.isEmpty { Console.write("\n") }
    stage = ""
  }
}
