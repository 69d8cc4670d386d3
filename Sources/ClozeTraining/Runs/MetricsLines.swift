internal import ClozeEvaluation

// The lines of `metrics.jsonl`.

/// The figures since the last progress line.
struct ProgressWindow {
  private var statistics = PredictionStatistics()
  private var seconds = 0.0

  mutating func add(_ statistics: PredictionStatistics, seconds: Double) {
    var statistics = statistics
    if !statistics.lossSum.isFinite {
      // The tokens of such a step count; its loss would make the whole sum not finite.
      let tokenCount = statistics.tokenCount
      statistics = PredictionStatistics()
      statistics.tokenCount = tokenCount
    }
    self.statistics += statistics
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

  init(_ progress: TrainingEvent.Progress, cursor: RunCursor) {
    step = progress.step
    tokens = cursor.tokens
    // JSON has no NaN, so a value without a step is written as -1, which no step has.
    func finite(_ value: Double) -> Double { value.isFinite ? value : -1 }
    loss = finite(progress.statistics.loss)
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

  init(_ report: ValidationReport, cursor: RunCursor) {
    step = cursor.step
    tokens = cursor.tokens
    figures = report.figures.filter { $0.value.isFinite }
  }
}
