import ClozeCLI
import ClozeCore
import ClozeStudies
import ClozeTraining

/// The progress of a study: a line for each trial that came to a rung, and one that is rewritten.
final class StudyDisplay {
  private let proposer: ProposerKind
  private let score: SearchScore
  private let progress: ProgressLine
  private var status: SearchStatus?
  private var start: (share: Double, time: ContinuousClock.Instant)?
  /// What was warned of, whatever the trial.
  private var warned: Set<String> = []

  init(_ proposer: ProposerKind, _ score: SearchScore, _ progress: ProgressLine) {
    (self.proposer, self.score, self.progress) = (proposer, score, progress)
  }

  func show(_ event: SearchProgress) {
    switch event {
    case .running(_, _, let status):
      self.status = status
      start = start ?? (status.share, .now)
    case .training(let trial, let event, let share):
      switch event {
      case .progress(let step): progress.update(line(trial, step, share))
      // Runs that are alike warn alike.
      case .warning(let text) where warned.insert(text).inserted:
        progress.warning("trial \(trial.number): \(text)")
      default: break
      }
    case .ended(let trial, let status):
      self.status = status
      let settings = trial.settings.isEmpty ? "seed \(trial.seed)" : trial.settings.joined(separator: " ")
      let outcome =
        trial.failure ?? trial.last.map {
          "\(score.name) \(Figure.decimal(score.value(ofLoss: $0.loss), 4)) at rung \($0.rung + 1)"
        } ?? ""
      progress.line("trial \(trial.number) (\(trial.arm.name(proposer))): \(outcome); \(settings)")
    }
  }

  /// `trial 7 of 43 (bayesian)  step 120  loss 4.213  best 3.982 (trial 5)  31.0 % done  42m10s left`
  private func line(_ trial: SearchTrial, _ step: TrainingEvent.Progress, _ share: Double) -> String {
    var parts = [
      "trial \(trial.number) of \(status?.of ?? 0) (\(trial.arm.name(proposer)))",
      "step \(Figure.count(step.step))", "loss \(Figure.decimal(step.statistics.loss, 3))",
    ]
    if let best = status?.best, let last = best.last {
      parts.append(
        "best \(score.name) \(Figure.decimal(score.value(ofLoss: last.loss), 3)) (trial \(best.number))")
    }
    parts.append("\(Figure.percent(share)) done")
    if let start, share > start.share {
      let seconds = (ContinuousClock.now - start.time) / .seconds(1)
      parts.append("\(Figure.duration(seconds * (1 - share) / (share - start.share))) left")
    }
    return parts.joined(separator: "  ")
  }
}

/// The result of a study as a table for people.
struct ResultTable {
  private let result: SearchResult
  private let proposer: ProposerKind
  /// The rows of the table.
  private static let most = 10

  init(_ result: SearchResult, _ proposer: ProposerKind) { (self.result, self.proposer) = (result, proposer) }

  var text: String {
    let (failed, finished) = (result.trials.count { $0.failure != nil }, result.finished.count)
    let counts =
      "\(Figure.count(finished)) of \(Figure.count(result.trials.count)) trials came to the end, "
      + "\(Figure.count(result.trials.count - finished - failed)) stopped at a rung, \(Figure.count(failed)) failed."
    return
      ([Table.columns(result.rows(ResultTable.most, proposer)), "", counts] + result.verdict)
      .joined(separator: "\n")
  }
}

/// The importance of each setting as a table for people.
struct ImportanceTable {
  let importance: SettingImportance

  var text: String {
    let rows = importance.settings.map {
      [$0.key, Figure.percent($0.alone, 0), Figure.percent($0.total, 0)]
    }
    let table =
      rows.isEmpty ? [] : [Table.columns([["setting", "share alone", "with interactions"]] + rows), ""]
    return (table + importance.summary).joined(separator: "\n")
  }
}
