internal import ClozeEvaluation

// The lines of `metrics.jsonl`.

/// The figures since the last progress line.
struct ProgressWindow {
  private var statistics: StepStatistics
  private var seconds = 0.0

  init(_ losses: [WeightedLoss]) { statistics = StepStatistics(losses) }

  mutating func add(_ statistics: StepStatistics, seconds: Double) {
    // The tokens of a step that is not finite count; its loss would make the whole sum not finite.
    self.statistics += statistics.isFinite ? statistics : statistics.withoutLosses
    self.seconds += seconds
  }

  func progress(cursor: RunCursor, outcome: Stepper.Outcome, fraction: Double) -> TrainingEvent.Progress {
    TrainingEvent.Progress(
      step: cursor.step, statistics: statistics, gradientNorm: outcome.gradientNorm,
      learningRate: outcome.learningRate, tokensPerSecond: Double(statistics.tokenCount) / max(seconds, 1e-9),
      fraction: fraction, secondsLeft: fraction > 0 ? cursor.seconds * (1 - fraction) / fraction : 0)
  }
}

struct MetricsLine: Encodable {
  let event = "train"
  let step, tokens: Int
  let loss, accuracy, gradientNorm, learningRate, tokensPerSecond, seconds: Double
  /// Each loss by itself, where there are several.
  let losses: [String: Double]?

  init(_ progress: TrainingEvent.Progress, cursor: RunCursor) {
    step = progress.step
    tokens = cursor.tokens
    // JSON has no NaN, so a value without a step is written as -1, which no step has.
    func finite(_ value: Double) -> Double { value.isFinite ? value : -1 }
    loss = finite(progress.statistics.loss)
    let byName = progress.statistics.lossByName.mapValues(finite)
    losses = byName.count > 1 ? byName : nil
    accuracy = finite(progress.statistics.accuracy)
    gradientNorm = finite(progress.gradientNorm)
    learningRate = progress.learningRate
    tokensPerSecond = progress.tokensPerSecond
    seconds = cursor.seconds
  }
}

struct SkippedLine: Encodable {
  let event = "skipped"
  let step, batch: Int
  let samples: [String]
}

struct RestartLine: Encodable {
  let event = "restarted"
  let step: Int
  let inputGain, learningRate: Double
}

struct ThawLine: Encodable {
  let event = "thawed"
  let step: Int
}

struct ReturnLine: Encodable {
  let event = "returned"
  let fromStep, toStep, firstBatch, batchCount: Int

  init(_ back: RunCursor.Return) {
    (fromStep, toStep, firstBatch, batchCount) = (
      back.fromStep, back.toStep, back.firstBatch, back.batchCount
    )
  }
}

struct ValidationLine: Encodable {
  let event = "validation"
  let step, tokens: Int
  let figures: [String: Double]
  /// By which checkpoints are ranked, larger is better; nil if it is not finite.
  let score: Double?
  /// The steps in the average that was validated; nil without one.
  let averagedSteps: Int?

  /// - Parameter averagedSteps: 0 without an average.
  init(_ report: ValidationReport, cursor: RunCursor, averagedSteps: Int) {
    self.averagedSteps = averagedSteps > 0 ? averagedSteps : nil
    step = cursor.step
    tokens = cursor.tokens
    figures = report.figures.filter { $0.value.isFinite }
    score = report.score.isFinite ? report.score : nil
  }
}
