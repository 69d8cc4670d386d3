internal import ClozeCore
internal import ClozeEvaluation
package import Foundation

/// All runs of a study, with their scores.
package struct LabelCurveRuns: Sendable {
  /// The runs of one arm at one size.
  package struct Point: Sendable {
    package let arm: CurveArm
    package let size: Int
    package let trials: [CurveRunScore]
    /// Of the best trial, one for each seed.
    package let seeds: [CurveRunScore]
  }

  package let points: [Point]
  package let metrics: HeldOutMetrics
  package let rankingFigure: (name: String, prefersLarger: Bool)
  /// Of the model that the pretrained arm starts from; nil if its folder does not tell.
  package let pretrainingSeconds: Double?
  /// Whether all runs took the minutes that the settings name, and none ended before.
  package let haveEqualSeconds: Bool
}

/// A label curve: scores by the number of labels, and what pretraining is worth.
package struct LabelCurveReport: Encodable, Sendable {
  package struct Interval: Codable, Sendable, Equatable {
    package let low: Double
    package let high: Double

    init(_ range: ClosedRange<Double>) { (low, high) = (range.lowerBound, range.upperBound) }
  }

  /// One arm at one size.
  package struct Arm: Codable, Sendable {
    /// The mean over the seeds, of each metric.
    package let scores: [Double]
    package let intervals: [Interval]
    /// The first metric of each seed.
    package let scoresBySeed: [Double]
    /// The first metric on held-out rows is not among them, since it chose nothing.
    package let trials: [Trial]
    package let chosen: CurveTrial
    /// Whether no run's best checkpoint gives nearly all sentences one translation (`TranslationTask` scores such a one below
    /// 0). An arm that has not learned proves nothing about the other.
    package let hasLearned: Bool
    /// Means over the seeds.
    package let seconds: Double
    package let secondsToBest: Double
    package let steps: Double
  }

  package struct Trial: Codable, Sendable {
    package let trial: CurveTrial
    package let validationScore: Double
  }

  /// Both arms at one size.
  package struct Size: Codable, Sendable {
    package let rows: Int
    package let pretrained: Arm
    package let scratch: Arm
    /// Of the first metric, pretrained less scratch.
    package let difference: Double
    package let differenceInterval: Interval
    /// Whether the interval of the difference is above 0.
    package let isGain: Bool
    package let rowsWorth: RowsWorth
    package let rowsWorthInterval: [RowsWorth]
    /// The seconds of fine-tuning in which the pretrained arm reaches the best validation score of the arm from scratch; nil if
    /// it does not.
    package let secondsToScratchsBest: Double?
  }

  package let metrics: [String]
  package let sizes: [Size]
  package let seedCount: Int
  package let trialCount: Int
  package let pretrainingSeconds: Double?
  package let hasEqualSeconds: Bool

  package init(_ runs: LabelCurveRuns, workers: Int = 0) {
    let draws = CurveDraws(runs, workers: workers)
    metrics = runs.metrics.names
    seedCount = runs.points.first?.seeds.count ?? 0
    trialCount = runs.points.first?.trials.count ?? 0
    pretrainingSeconds = runs.pretrainingSeconds
    hasEqualSeconds = runs.haveEqualSeconds
    let places = Dictionary(grouping: runs.points.indices) { runs.points[$0].size }
    let scratch = runs.points.indices.filter { runs.points[$0].arm == .scratch }
    func curve(_ score: (Int) -> Double) -> [(size: Int, score: Double)] {
      scratch.map { (runs.points[$0].size, score($0)) }
    }
    sizes = places.keys.sorted().compactMap { size in
      guard let place = places[size], place.count == 2 else { return nil }
      let (a, b) = runs.points[place[0]].arm == .pretrained ? (place[0], place[1]) : (place[1], place[0])
      let interval = Bootstrap.interval(draws.resampled.map { $0[a][0] - $0[b][0] })
      let worths = draws.resampled.map { drawn in
        RowsWorth(of: drawn[a][0], rows: size, on: curve { drawn[$0][0] })
      }.sorted(by: <)
      let cut = worths.count / 40
      return Size(
        rows: size, pretrained: Self.arm(runs.points[a], draws, a, runs.rankingFigure),
        scratch: Self.arm(runs.points[b], draws, b, runs.rankingFigure),
        difference: draws.scores[a][0] - draws.scores[b][0], differenceInterval: Interval(interval),
        isGain: interval.lowerBound > 0,
        rowsWorth: RowsWorth(of: draws.scores[a][0], rows: size, on: curve { draws.scores[$0][0] }),
        rowsWorthInterval: worths.isEmpty ? [] : [worths[cut], worths[worths.count - 1 - cut]],
        secondsToScratchsBest: Self.secondsToBest(of: runs.points[b], by: runs.points[a], runs.rankingFigure))
    }
  }

  private static func arm(
    _ point: LabelCurveRuns.Point, _ draws: CurveDraws, _ place: Int,
    _ figure: (name: String, prefersLarger: Bool)
  ) -> Arm {
    func mean(_ value: (CurveRunScore) -> Double) -> Double {
      point.seeds.reduce(0) { $0 + value($1) } / Double(max(1, point.seeds.count))
    }
    return Arm(
      scores: draws.scores[place],
      intervals: draws.scores[place].indices.map { metric in
        Interval(Bootstrap.interval(draws.resampled.map { $0[place][metric] }))
      },
      scoresBySeed: draws.bySeed[place].map { $0[0] },
      trials: point.trials.map { Trial(trial: $0.run.trial, validationScore: $0.validationScore) },
      chosen: point.seeds[0].run.trial,
      hasLearned: !figure.prefersLarger || point.seeds.allSatisfy { $0.validationScore >= 0 },
      seconds: mean(\.seconds),
      secondsToBest: mean { $0.seconds(at: $0.bestStep ?? $0.steps) }, steps: mean { Double($0.steps) })
  }

  /// Means over the seeds; nil if one of them does not reach it.
  private static func secondsToBest(
    of scratch: LabelCurveRuns.Point, by pretrained: LabelCurveRuns.Point,
    _ figure: (name: String, prefersLarger: Bool)
  ) -> Double? {
    let bests = scratch.seeds.compactMap { score in
      figure.prefersLarger
        ? score.validations.map(\.figure).max() : score.validations.map(\.figure).min()
    }
    guard !bests.isEmpty else { return nil }
    let target = bests.reduce(0, +) / Double(bests.count)
    let seconds = pretrained.seeds.compactMap { score in
      score.firstStep(reaching: target, prefersLarger: figure.prefersLarger).map(score.seconds(at:))
    }
    return seconds.count == pretrained.seeds.count ? seconds.reduce(0, +) / Double(seconds.count) : nil
  }
}

/// The scores of all points, on the held-out rows and on resamples of rows and seeds. All runs are scored on the same
/// resampled rows, so differences have the smaller variance of a paired comparison.
private struct CurveDraws {
  /// By point, the mean over the seeds of each metric.
  let scores: [[Double]]
  /// By point and seed.
  let bySeed: [[[Double]]]
  /// By resample and point.
  let resampled: [[[Double]]]

  init(_ runs: LabelCurveRuns, workers: Int) {
    /// [N, S] in a row, for each seed of each point.
    let flat = runs.points.map { $0.seeds.map { $0.statistics.flatMap { $0 } } }
    let rowCount = runs.points.first?.seeds.first?.statistics.count ?? 0
    let widths = runs.points.map { $0.seeds.first?.statistics.first?.count ?? 0 }
    let metrics = runs.metrics
    @Sendable func scores(_ point: Int, _ seed: Int, _ drawn: [Int]) -> [Double] {
      var sums = [Double](repeating: 0, count: widths[point])
      flat[point][seed].withUnsafeBufferPointer { values in
        for row in drawn {
          for place in sums.indices { sums[place] += values[row * sums.count + place] }
        }
      }
      return metrics.scores(sums)
    }
    @Sendable func mean(_ rows: [[Double]]) -> [Double] {
      metrics.names.indices.map { metric in
        rows.reduce(0) { $0 + $1[metric] } / Double(max(1, rows.count))
      }
    }
    let all = Array(0..<rowCount)
    bySeed = flat.indices.map { point in flat[point].indices.map { scores(point, $0, all) } }
    self.scores = bySeed.map(mean)
    let resamples = Array(Bootstrap.Resamples(itemCount: rowCount))
    let results = Guarded([[[Double]]](repeating: [], count: resamples.count))
    WorkerGroup(count: workers).forEach(resamples.count) { number in
      var random = CounterRandom(seed: 1, purpose: .bootstrap, index: number)
      let drawn = flat.indices.map { point in
        let found = flat[point].indices.map { scores(point, $0, resamples[number]) }
        return mean(found.indices.map { _ in found[random.below(found.count)] })
      }
      results.withLock { $0[number] = drawn }
    }
    resampled = results.withLock { $0 }
  }
}

extension LabelCurveReport {
  /// Writes `curve.json` and `curve.svg`.
  /// - Throws: `FileError`
  package func write(to folder: URL) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
    try AtomicFile.write(try encoder.encode(self), to: folder.appendingPathComponent("curve.json"))
    try AtomicFile.write(Data(LabelCurveChart(self).svg.utf8), to: folder.appendingPathComponent("curve.svg"))
  }
}
