internal import ClozeCore
package import ClozeText

/// What each sentence of a system's translations adds to the sums of which its scores are made.
package struct SentenceStatistics: Sendable {
  package let metrics: [any CorpusMetric]
  package let sentenceCount: Int
  /// S, the statistics of a sentence for all metrics.
  let width: Int
  /// [N, S], the metrics one after the other.
  let values: [Double]

  /// - Parameters:
  ///   - hypotheses: a translation for each reference.
  ///   - workers: TER takes longer than the other scores, so sentences are distributed.
  package init(
    _ hypotheses: [String], references: [String], metrics: [any CorpusMetric],
    workers: WorkerGroup = WorkerGroup(count: 1)
  ) {
    precondition(
      hypotheses.count == references.count,
      "SentenceStatistics: \(hypotheses.count) hypotheses, \(references.count) references")
    self.metrics = metrics
    sentenceCount = hypotheses.count
    width = metrics.reduce(0) { $0 + $1.statisticCount }
    let rows = Guarded([[Double]](repeating: [], count: hypotheses.count))
    workers.forEach(hypotheses.count) { index in
      let row = metrics.flatMap { $0.statistics(hypotheses[index], references: [references[index]]) }
      rows.withLock { $0[index] = row }
    }
    values = rows.withLock { $0.flatMap(\.self) }
  }

  /// The sums over all sentences, [S].
  var total: [Double] { sums(0..<sentenceCount) }

  /// The sums over the sentences `indices`, [S].
  func sums(_ indices: some Sequence<Int>) -> [Double] {
    var sums = [Double](repeating: 0, count: width)
    sums.withUnsafeMutableBufferPointer { sums in
      values.withUnsafeBufferPointer { values in
        for index in indices {
          let row = index * width
          for place in 0..<width { sums[place] += values[row + place] }
        }
      }
    }
    return sums
  }

  /// The score of each metric for the sums `sums`, [S].
  func scores(_ sums: [Double]) -> [Double] { SentenceStatistics.scores(metrics, sums: sums) }

  /// The score of each metric for the sums `sums`, [S], which has the statistics of one metric after the other.
  package static func scores(_ metrics: [any CorpusMetric], sums: [Double]) -> [Double] {
    var start = 0
    return metrics.map { metric in
      defer { start += metric.statisticCount }
      return metric.value(Array(sums[start..<start + metric.statisticCount]))
    }
  }

  /// The score of each metric.
  package var scores: [MetricScore] {
    zip(metrics, scores(total)).map {
      MetricScore(value: $1, signature: $0.signature(referenceCount: 1))
    }
  }

  /// The bootstrap 95 % interval of each score.
  package func intervals() -> [ClosedRange<Double>] {
    Bootstrap.intervals(itemCount: sentenceCount, scoreCount: metrics.count) { scores(sums($0)) }
  }
}
