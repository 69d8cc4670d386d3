package import ClozeCompute
package import ClozeCore
package import ClozeData
package import ClozeModel
internal import Foundation

/// Scores of masked-token prediction over one group of predictions.
package struct MaskedScores: Sendable, Equatable {
  package var count = 0
  package var top1 = 0
  package var top5 = 0
  /// Nats, summed.
  package var lossSum = 0.0

  package init() {}

  package mutating func add(rank: Int32, loss: Float) {
    count += 1
    if rank == 0 { top1 += 1 }
    if rank < 5 { top5 += 1 }
    lossSum += Double(loss)
  }

  package static func += (left: inout MaskedScores, right: MaskedScores) {
    left.count += right.count
    left.top1 += right.top1
    left.top5 += right.top5
    left.lossSum += right.lossSum
  }

  package var accuracy: Double { count > 0 ? Double(top1) / Double(count) : .nan }
  package var top5Accuracy: Double { count > 0 ? Double(top5) / Double(count) : .nan }
  /// Nats a prediction.
  package var loss: Double { count > 0 ? lossSum / Double(count) : .nan }
  package var perplexity: Double { exp(loss) }
}

/// Masked-token accuracy under frozen masks: the masks are a function of the text, the seed and the scheme alone, so two
/// models with one tokenizer answer exactly the same questions.
package struct MaskedEvaluation: Sendable {
  /// A share of all training tokens, and the tokens at least that frequent (and less than the band before).
  package static let bands: [(name: String, share: Double)] = [
    ("over 1 in 1,000", 1e-3), ("1 in 1,000 to 10,000", 1e-4), ("1 in 10,000 to 100,000", 1e-5), ("rarer", 0),
  ]

  package struct Report: Sendable {
    package fileprivate(set) var all = MaskedScores()
    package fileprivate(set) var byOutcome: [MaskingOutcome: MaskedScores] = [:]
    /// In the order of `bands`; empty without unigram counts.
    package fileprivate(set) var byBand: [MaskedScores] = []
    /// A bootstrap 95 % interval of the accuracy, resampling windows.
    package fileprivate(set) var interval = 0.0...1.0
    /// What always answering the training text's most frequent token scores, and the loss of its frequencies.
    package fileprivate(set) var unigramAccuracy: Double?
    package fileprivate(set) var unigramLoss: Double?
  }

  /// Gives the masked windows of a range of window numbers.
  package typealias Source = @Sendable (Range<Int>) throws -> MaskedBatch

  private let windowCount: Int
  private let unigrams: UnigramCounts?
  private let source: Source
  /// Windows a forward pass; no effect on the scores.
  private let microbatchWindows: Int

  package init(
    windowCount: Int, unigrams: UnigramCounts?, microbatchWindows: Int = 8, source: @escaping Source
  ) {
    self.windowCount = windowCount
    self.unigrams = unigrams
    self.microbatchWindows = microbatchWindows
    self.source = source
  }

  /// Scores `model` on the tapes' workers.
  package func run(_ model: MaskedLanguageModel, tapes: [Tape]) throws -> Report {
    let partCount = (windowCount + microbatchWindows - 1) / microbatchWindows
    let parts = try WorkerGroup(count: tapes.count).map(partCount, tapes: tapes) { part, tape in
      let first = part * microbatchWindows
      let batch = try source(first..<min(first + microbatchWindows, windowCount))
      tape.begin()
      return score(batch, model.predict(tape, batch))
    }
    var report = Report()
    report.byBand = Array(repeating: MaskedScores(), count: unigrams == nil ? 0 : Self.bands.count)
    for part in parts {
      report.all += part.all
      for (outcome, scores) in part.byOutcome { report.byOutcome[outcome, default: MaskedScores()] += scores }
      for (band, scores) in part.byBand.enumerated() { report.byBand[band] += scores }
    }
    report.interval = interval(parts.flatMap(\.byWindow))
    if unigrams != nil, report.all.count > 0 {
      report.unigramAccuracy = Double(parts.reduce(0) { $0 + $1.unigramHits }) / Double(report.all.count)
      report.unigramLoss = parts.reduce(0) { $0 + $1.unigramLoss } / Double(report.all.count)
    }
    return report
  }

  /// The scores of one forward pass.
  private struct Part: Sendable {
    var all = MaskedScores()
    var byOutcome: [MaskingOutcome: MaskedScores] = [:]
    var byBand: [MaskedScores] = []
    var byWindow: [MaskedScores] = []
    var unigramHits = 0
    var unigramLoss = 0.0
  }

  private func score(_ batch: MaskedBatch, _ result: PredictionResult) -> Part {
    var part = Part()
    part.byWindow = Array(repeating: MaskedScores(), count: batch.windowCount)
    part.byBand = Array(repeating: MaskedScores(), count: unigrams == nil ? 0 : Self.bands.count)
    for (index, label) in batch.labels.enumerated() {
      let (rank, loss) = (result.ranks[index], result.losses[index])
      part.all.add(rank: rank, loss: loss)
      part.byOutcome[batch.outcomes[index], default: MaskedScores()].add(rank: rank, loss: loss)
      part.byWindow[batch.maskedPositions[index] / batch.windowLength].add(rank: rank, loss: loss)
      if let unigrams {
        // Add-one smoothing: a token that training never saw still has a finite loss.
        let count = Double(unigrams.counts[Int(label)])
        part.unigramLoss -= log((count + 1) / (Double(unigrams.total) + Double(unigrams.counts.count)))
        if unigrams.mostFrequent == Int(label) { part.unigramHits += 1 }
        let share = count / Double(max(unigrams.total, 1))
        part.byBand[Self.bands.firstIndex { share >= $0.share } ?? Self.bands.count - 1].add(
          rank: rank, loss: loss)
      }
    }
    return part
  }

  /// Source: Efron 1979, "Bootstrap methods: another look at the jackknife"; percentile interval of 1,000 resamples.
  private func interval(_ windows: [MaskedScores]) -> ClosedRange<Double> {
    guard !windows.isEmpty else { return 0...1 }
    var random = CounterRandom(seed: 0, purpose: .bootstrap)
    let accuracies = (0..<1000).map { _ in
      var sum = MaskedScores()
      for _ in windows.indices { sum += windows[random.below(windows.count)] }
      return sum.accuracy
    }.filter(\.isFinite).sorted()
    guard !accuracies.isEmpty else { return 0...1 }
    return accuracies[
      accuracies.count * 25 / 1000]...accuracies[min(accuracies.count * 975 / 1000, accuracies.count - 1)]
  }
}

/// What must be equal for two scores to be comparable, in one line, after sacreBLEU's signatures.
package struct MaskedSignature: Sendable, CustomStringConvertible {
  private let masking: MaskingConfiguration
  private let windowLength: Int
  private let seed: UInt64
  private let tokenizer: Digest
  private let data: Digest
  private let count: Int

  package init(
    masking: MaskingConfiguration, windowLength: Int, seed: UInt64, tokenizer: Digest, data: Digest,
    count: Int
  ) {
    self.masking = masking
    self.windowLength = windowLength
    self.seed = seed
    self.tokenizer = tokenizer
    self.data = data
    self.count = count
  }

  package var description: String {
    func percent(_ rate: Double) -> String { String(format: "%g", 100 * rate) }
    let kept = max(0, 1 - masking.maskRate - masking.randomRate)
    let scheme =
      "\(percent(masking.maskRate))-\(percent(masking.randomRate))-\(percent((kept * 1e6).rounded() / 1e6))"
    return [
      "acc", "rate:\(percent(masking.selectionRate))", "scheme:\(scheme)",
      "unit:\(masking.strategy.rawValue)",
      "length:\(windowLength)", "seed:\(seed)", "tokenizer:\(tokenizer.short)", "data:\(data.short)",
      "n:\(count)",
      "cloze:\(Cloze.version)",
    ].joined(separator: "|")
  }
}
