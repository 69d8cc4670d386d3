package import ClozeCore
package import ClozeEvaluation

/// What a run tells of itself while it goes on.
package enum TrainingEvent: Sendable {
  case resumed(step: Int, folder: String)
  /// All memory is there; bytes of the whole process.
  case prepared(memoryBytes: Int)
  case progress(Progress)
  case validated(step: Int, ValidationReport)
  case saved(folder: String)
  /// A step's loss or gradient was not finite, and it changed nothing.
  case skipped(step: Int, samples: [String])
  /// After several such steps, the run went on from an older checkpoint and past their samples.
  case returned(RunCursor.Return, folder: String)
  case warning(String)
  case finished(RunOutcome)

  package struct Progress: Sendable {
    package let step: Int
    package let statistics: StepStatistics
    package let gradientNorm: Double
    package let learningRate: Double
    package let tokensPerSecond: Double
    /// 0...1
    package let fraction: Double
    package let secondsLeft: Double
  }
}

/// Where a run ended, and why.
package struct RunOutcome: Sendable, Equatable {
  package enum Reason: Sendable, Equatable {
    case limitReached
    case interrupted
    case noImprovement
  }

  package let cursor: RunCursor
  package let reason: Reason
}

extension TrainingEvent {
  /// The event as a person reads it.
  package var message: ProgressMessage {
    switch self {
    case .resumed(let step, let folder): .line("resumed at step \(Figure.count(step)) from \(folder)")
    case .prepared(let bytes): .line("memory \(Figure.bytes(bytes))")
    case .progress(let progress): .update(progress.text)
    case .validated(let step, let report):
      .line(
        "validation at step \(Figure.count(step)): "
          + report.figures.sorted { $0.key < $1.key }.map { "\($0.key) \(Figure.decimal($0.value, 4))" }
          .joined(separator: ", "))
    case .saved(let folder): .line("saved \(folder)")
    case .skipped(let step, let samples):
      .warning(
        "step \(Figure.count(step)) was skipped, its loss or gradient is not finite in "
          + samples.joined(separator: "; "))
    case .returned(let back, let folder):
      .warning(
        "went back from step \(Figure.count(back.fromStep)) to \(folder) and goes on past its next "
          + "\(Figure.count(back.batchCount)) batches, from number \(Figure.count(back.firstBatch))")
    case .warning(let text): .warning(text)
    case .finished(let outcome):
      switch outcome.reason {
      case .limitReached: .line("finished at step \(Figure.count(outcome.cursor.step))")
      case .interrupted:
        .line("interrupted at step \(Figure.count(outcome.cursor.step)) and saved; --resume goes on")
      case .noImprovement:
        .line("ended at step \(Figure.count(outcome.cursor.step)): the validation score no longer improves")
      }
    }
  }
}

extension TrainingEvent.Progress {
  /// `step 1,200  loss 4.213  accuracy 28.3 %  9,120 tokens/s  42.0 % done  3m05s left`
  fileprivate var text: String {
    [
      "step \(Figure.count(step))", "loss \(Figure.decimal(statistics.loss, 3))",
      "accuracy \(Figure.percent(statistics.accuracy))", "\(Figure.count(Int(tokensPerSecond))) tokens/s",
      "\(Figure.percent(fraction)) done", "\(Figure.duration(secondsLeft)) left",
    ].joined(separator: "  ")
  }
}
