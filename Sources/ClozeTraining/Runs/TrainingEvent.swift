package import ClozeCore
package import ClozeEvaluation
package import Foundation

/// An event of a run, for progress and warnings.
package enum TrainingEvent: Sendable {
  case resumed(step: Int, folder: String)
  /// All memory is allocated; the size of the whole process.
  case prepared(memoryBytes: Int)
  case progress(Progress)
  case validated(step: Int, ValidationReport)
  case saved(folder: String)
  /// The loss or gradient of a step was not finite, and the step changed nothing.
  case skipped(step: Int, samples: [String])
  /// After several such steps, the run returned to an older checkpoint and skips their samples.
  case returned(RunCursor.Return, folder: String)
  /// From this step on, validations and checkpoints have the average of the weights.
  case averages(step: Int)
  /// After this step, the parts that were frozen are trained, too.
  case thawed(step: Int, parts: String)
  /// The output of the model did not depend on its input, so the run starts anew with a lower peak of the learning rate.
  case restarted(step: Int, inputGain: Double, learningRate: Double)
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

/// The state in which a run ended, and why it ended.
package struct RunOutcome: Sendable, Equatable {
  package enum Reason: Sendable, Equatable {
    case limitReached
    case interrupted
    case noImprovement
  }

  package let cursor: RunCursor
  package let reason: Reason

  /// The run in names and values, for a table.
  /// - Parameters:
  ///   - best: those of the figures of its best validation.
  ///   - output: the run folder.
  package func rows(best: [(String, String)], output: URL) -> [(String, String)] {
    [
      ("steps", Figure.count(cursor.step)),
      ("tokens", Figure.count(cursor.tokens)),
      ("time", Figure.duration(cursor.seconds)),
      ("tokens/s", Figure.count(Int(Double(cursor.tokens) / max(cursor.seconds, 1e-2)))),
      ("best step", cursor.bestStep.map(Figure.count) ?? "none"),
    ] + best + [
      ("peak memory", Figure.bytes(ProcessMemory.peak)),
      ("model", output.appendingPathComponent(cursor.bestLink).path),
    ]
  }
}

extension TrainingEvent {
  /// The event as text.
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
        "returned from step \(Figure.count(back.fromStep)) to \(folder) and skips its next "
          + "\(Figure.count(back.batchCount)) batches, from number \(Figure.count(back.firstBatch))")
    case .averages(let step):
      .line(
        "averages the weights from step \(Figure.count(step)) on: validations and checkpoints have their mean"
      )
    case .thawed(let step, let parts):
      .line("trains \(parts), too, from step \(Figure.count(step)) on, with a warm-up of its own")
    case .restarted(let step, let gain, let rate):
      .warning(
        "after \(Figure.count(step)) steps the loss is only \(Figure.decimal(gain, 5)) nats higher with the inputs of other "
          + "samples: the model does not read its input. The run starts anew from its initial weights with "
          + "optimizer.learningRate \(rate); optimizer.collapseRestarts=0 turns this off")
    case .warning(let text): .warning(text)
    case .finished(let outcome):
      switch outcome.reason {
      case .limitReached: .line("finished at step \(Figure.count(outcome.cursor.step))")
      case .interrupted:
        .line("interrupted at step \(Figure.count(outcome.cursor.step)) and saved; continue with --resume")
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
