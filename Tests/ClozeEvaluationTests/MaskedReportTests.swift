import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeText
import Foundation
import Testing

/// The figures of an evaluation against the same figures counted by hand.
@Suite struct MaskedReportTests {
  /// Of a million tokens: 0 never occurs, 2, 4 and 6 stand exactly on the borders of the bands, 3, 5 and 7 one below.
  private static let counts: [UInt64] = [0, 997_774, 1000, 999, 100, 99, 10, 9, 9]

  private static func prediction(
    _ label: TokenID, _ outcome: MaskingOutcome, rank: Int32, loss: Float
  ) -> MaskedPrediction {
    MaskedPrediction(label: label, outcome: outcome, rank: rank, loss: loss)
  }

  /// Eight predictions in three windows; the second window was asked nothing.
  private static let windows = [
    [
      prediction(1, .masked, rank: 0, loss: 0.25), prediction(2, .masked, rank: 4, loss: 2),
      prediction(3, .replaced, rank: 5, loss: 3.5),
    ],
    [],
    [
      prediction(1, .kept, rank: 0, loss: 0.5), prediction(4, .masked, rank: 1, loss: 1.25),
      prediction(5, .masked, rank: 0, loss: 0.125), prediction(7, .replaced, rank: 199, loss: 8),
      prediction(0, .masked, rank: 6, loss: 4.5),
    ],
  ]

  private static let trained = UnigramBaseline(trainingText: UnigramCounts(counts: counts), unasked: [])

  private func expect(
    _ scores: MaskedScores, count: Int, top1: Int, top5: Int, losses: [Double],
    location: SourceLocation = #_sourceLocation
  ) {
    let mean = losses.reduce(0, +) / Double(count)
    #expect(losses.count == count, sourceLocation: location)
    #expect(scores.count == count, sourceLocation: location)
    #expect(scores.accuracy == Double(top1) / Double(count), sourceLocation: location)
    #expect(scores.top5Accuracy == Double(top5) / Double(count), sourceLocation: location)
    #expect(abs(scores.loss - mean) < 1e-12, sourceLocation: location)
    #expect(abs(scores.perplexity - exp(mean)) < 1e-9 * exp(mean), sourceLocation: location)
  }

  // MARK: Scores

  @Test func accuracyAndLoss() {
    let report = MaskedReport(windows: Self.windows, baseline: nil)
    // The rank 4 is the fifth place, 5 the sixth.
    expect(report.all, count: 8, top1: 3, top5: 5, losses: [0.25, 2, 3.5, 0.5, 1.25, 0.125, 8, 4.5])
    #expect(report.windowCount == 3)
    #expect(report.unigram == nil)
    #expect(report.byBand.isEmpty)
  }

  @Test func byOutcome() throws {
    let report = MaskedReport(windows: Self.windows, baseline: nil)
    expect(
      try #require(report.byOutcome[.masked]), count: 5, top1: 2, top5: 4,
      losses: [0.25, 2, 1.25, 0.125, 4.5])
    expect(try #require(report.byOutcome[.replaced]), count: 2, top1: 0, top5: 0, losses: [3.5, 8])
    expect(try #require(report.byOutcome[.kept]), count: 1, top1: 1, top5: 1, losses: [0.5])
  }

  @Test func byBand() throws {
    let report = MaskedReport(windows: Self.windows, baseline: Self.trained)
    try #require(report.byBand.count == 4)
    expect(report.byBand[0], count: 3, top1: 2, top5: 3, losses: [0.25, 2, 0.5])
    expect(report.byBand[1], count: 2, top1: 0, top5: 1, losses: [3.5, 1.25])
    expect(report.byBand[2], count: 1, top1: 1, top5: 1, losses: [0.125])
    // A token of the training text's rarest and one that it lacks.
    expect(report.byBand[3], count: 2, top1: 0, top5: 0, losses: [8, 4.5])
  }

  @Test(
    arguments: zip(0..<9 as Range<TokenID>, [3, 0, 0, 1, 1, 2, 2, 3, 3]))
  func aBandBeginsAtItsShare(token: TokenID, band: Int) {
    #expect(Self.counts.reduce(0, +) == 1_000_000)
    #expect(Self.trained.band(of: token) == band)
  }

  @Test func withoutPredictionsThereAreNoFigures() {
    for windows in [[], [[], []]] as [[[MaskedPrediction]]] {
      let report = MaskedReport(windows: windows, baseline: Self.trained)
      #expect(report.all.count == 0)
      #expect(report.all.accuracy.isNaN && report.all.loss.isNaN && report.all.perplexity.isNaN)
      #expect(report.accuracyInterval == 0...1)
      #expect(report.top5Interval == 0...1)
      #expect(report.unigram == nil)
    }
  }

  // MARK: The unigram baseline

  /// Always the most frequent token; p(x) = (c(x) + 1) / (N + V) for the training text's counts.
  @Test func unigramOfTheTrainingText() throws {
    let unigram = try #require(MaskedReport(windows: Self.windows, baseline: Self.trained).unigram)
    let labels: [Double] = [997_774, 1000, 999, 997_774, 100, 99, 9, 0]
    let expected = labels.map { -log(($0 + 1) / 1_000_009) }.reduce(0, +) / 8
    #expect(unigram.origin == .training)
    #expect(unigram.accuracy == 0.25)
    #expect(abs(unigram.loss - expected) < 1e-9)
  }

  /// p(x) = c(x) / N for the evaluated text's own counts; on all of the text, the loss is its entropy.
  @Test func unigramOfTheText() throws {
    let counts = UnigramCounts(counts: [0, 4, 3, 0, 1])
    let labels: [TokenID] = [1, 2, 1, 4, 2, 1, 2, 1]
    let windows = labels.map { [Self.prediction($0, .masked, rank: 9, loss: 5)] }
    let unigram = try #require(
      MaskedReport(windows: windows, baseline: UnigramBaseline(evaluatedText: counts, unasked: [])).unigram)
    #expect(unigram.origin == .text)
    #expect(unigram.accuracy == 0.5)
    #expect(abs(unigram.loss - (log(2) / 2 + 3 * log(8.0 / 3) / 8 + log(8) / 8)) < 1e-12)
    #expect(abs(unigram.loss - counts.entropy) < 1e-12)
  }

  /// `[UNK]` is never asked: where it is half of the text, the baseline is that of the other half. By hand: of 4 + 3 + 1
  /// ordinary tokens 4 are the answer, and p(x) = (c + 1) / (8 + 3).
  @Test func unknownTokensAreNoneOfTheBaseline() throws {
    let counts = UnigramCounts(counts: [0, 800, 4, 3, 1])
    let labels: [TokenID] = [2, 3, 2, 4, 3, 2, 3, 2]
    let windows = labels.map { [Self.prediction($0, .masked, rank: 9, loss: 5)] }
    let trained = UnigramBaseline(trainingText: counts, unasked: [0, 1])
    let unigram = try #require(MaskedReport(windows: windows, baseline: trained).unigram)
    #expect(unigram.accuracy == 0.5)
    let logarithms = [4.0, 3, 4, 1, 3, 4, 3, 4].map { -log(($0 + 1) / 11) }
    #expect(abs(unigram.loss - logarithms.reduce(0, +) / 8) < 1e-12)
    let own = UnigramBaseline(evaluatedText: counts, unasked: [0, 1])
    let entropy = log(2) / 2 + 3 * log(8.0 / 3) / 8 + log(8) / 8
    let loss = try #require(MaskedReport(windows: windows, baseline: own).unigram).loss
    #expect(abs(loss - entropy) < 1e-12)
    #expect(abs(counts.without([0, 1]).entropy - entropy) < 1e-12)
    #expect(trained.band(of: 4) == 0)
  }

  @Test func ofEquallyFrequentTokensTheFirstIsTheAnswer() {
    let baseline = UnigramBaseline(trainingText: UnigramCounts(counts: [1, 5, 2, 5]), unasked: [])
    #expect((0..<4 as Range<TokenID>).map(baseline.answers) == [false, true, false, false])
  }

  // MARK: Intervals

  /// Windows of `length` predictions, of which window w has `hits[w]` right.
  private func windows(hits: [Int], length: Int) -> [[MaskedPrediction]] {
    hits.map { hits in
      (0..<length).map { Self.prediction(1, .masked, rank: $0 < hits ? 0 : 7, loss: 1) }
    }
  }

  private func width(_ interval: ClosedRange<Double>) -> Double { interval.upperBound - interval.lowerBound }

  private static let scattered = [3, 9, 5, 0, 7, 2, 10, 4, 6, 1, 8, 5]

  @Test(arguments: [[0, 10], [5, 4, 3], [9, 9, 10, 8], scattered])
  func theIntervalHoldsTheAccuracy(hits: [Int]) {
    let windows = windows(hits: hits, length: 10)
    let report = MaskedReport(windows: windows, baseline: nil)
    #expect(report.accuracyInterval.contains(report.all.accuracy))
    #expect(report.top5Interval.contains(report.all.top5Accuracy))
    #expect(MaskedReport(windows: windows, baseline: nil) == report)
  }

  @Test func theIntervalShrinksWithMoreWindows() {
    let widths = [1, 4, 16].map { copies in
      let hits = Array(repeating: Self.scattered, count: copies).flatMap { $0 }
      return width(MaskedReport(windows: windows(hits: hits, length: 10), baseline: nil).accuracyInterval)
    }
    // By half each time, give or take what 1,000 resamples scatter.
    #expect(widths[0] > 0)
    #expect((0.4...0.6).contains(widths[1] / widths[0]))
    #expect((0.4...0.6).contains(widths[2] / widths[1]))
  }

  /// Of two windows, half of all resamples take one of them twice: resampled predictions would give about 0.4...0.6.
  @Test func windowsAreResampledAndNotPredictions() {
    let report = MaskedReport(windows: windows(hits: [0, 100], length: 100), baseline: nil)
    #expect(report.accuracyInterval == 0...1)
  }

  @Test(arguments: [(0, 0.0), (4, 0.4), (10, 1.0)])
  func equalWindowsLeaveNoDoubt(hits: Int, accuracy: Double) {
    let hits = [Int](repeating: hits, count: 6)
    let report = MaskedReport(windows: windows(hits: hits, length: 10), baseline: nil)
    #expect(report.accuracyInterval == accuracy...accuracy)
  }

  /// One window in eight is right: the right windows of a resample are binomially distributed, and of 1,000 resamples the
  /// 25th from either end lies where the distribution has 2.5 % beyond it.
  @Test func theIntervalIsTheMiddle95Percent() {
    let hits = (0..<64).map { $0 % 8 == 0 ? 1 : 0 }
    let interval = MaskedReport(windows: windows(hits: hits, length: 1), baseline: nil).accuracyInterval
    // Mean 8, deviation sqrt(64 * 1/8 * 7/8) = 2.65: 2.5 % lie below 3 or 4, 2.5 % above 13 or 14.
    #expect((2.0 / 64...4.0 / 64).contains(interval.lowerBound))
    #expect((13.0 / 64...15.0 / 64).contains(interval.upperBound))
  }

  @Test func topFiveHasAnIntervalOfItsOwn() {
    let windows = (0..<30).map { [Self.prediction(1, .masked, rank: $0 % 2 == 0 ? 0 : 4, loss: 1)] }
    let report = MaskedReport(windows: windows, baseline: nil)
    #expect(report.top5Interval == 1...1)
    #expect(report.accuracyInterval.upperBound < 0.8 && report.accuracyInterval.lowerBound > 0.2)
  }

  // MARK: Warnings

  /// What is said of 40 windows of ten predictions, beside a baseline that is right half the time.
  private func warnings(right: Int, windowCount: Int = 40) -> [String] {
    let window = (0..<10).map { index in
      Self.prediction(index < 5 ? 1 : 2, .masked, rank: index < right ? 0 : 9, loss: 1)
    }
    let baseline = UnigramBaseline(trainingText: UnigramCounts(counts: [0, 2, 1]), unasked: [])
    return MaskedReport(windows: Array(repeating: window, count: windowCount), baseline: baseline).warnings
  }

  @Test(
    arguments: [
      (10, "look for text that is in the training data"), (5, "is not above the unigram baseline of 50.00 %"),
      (3, "is not above the unigram baseline of 50.00 %"),
    ])
  func oddAccuraciesAreNamed(right: Int, warning: String) throws {
    let warnings = warnings(right: right)
    try #require(warnings.count == 1)
    #expect(warnings[0].contains(warning))
  }

  @Test func whatIsUnremarkableGivesNoWarning() {
    #expect(warnings(right: 7).isEmpty)
    #expect(warnings(right: 7, windowCount: 20).isEmpty)
    #expect(warnings(right: 7, windowCount: 19).map { $0.hasPrefix("19 windows are too few") } == [true])
    #expect(warnings(right: 7, windowCount: 1).map { $0.hasPrefix("1 window is too few") } == [true])
  }
}

@Suite struct MaskedSignatureTests {
  private static let tokenizer = Digest(of: "tokenizer")
  private static let data = Digest(of: "data")

  private func signature(
    length: Int = 128, seed: UInt64 = 7, tokenizer: Digest = tokenizer, data: Digest = data,
    split: Split? = .validation, sampledWindows: Int? = nil, count: Int = 18_233,
    precision: String = "bfloat16",
    masking: (inout MaskingConfiguration) -> Void = { _ in }
  ) -> String {
    var configuration = MaskingConfiguration()
    masking(&configuration)
    let scheme = EvaluationScheme(masking: configuration, windowLength: length, seed: seed)
    let signature = MaskedSignature(
      scheme: scheme, tokenizer: tokenizer, data: data, split: split, sampledWindows: sampledWindows,
      count: count,
      precision: precision)
    return "\(signature)"
  }

  /// The digests' first digits come from `printf tokenizer | sha256sum` and `printf data | sha256sum`.
  @Test func everyFieldInItsPlace() {
    #expect(
      signature()
        == "acc|rate:15|scheme:80-10-10|unit:token|length:128|seed:7|tokenizer:5f97e377|data:3a6eb079"
        + "|split:validation|windows:all|n:18233|precision:bfloat16|cloze:0.1")
    #expect(EvaluationScheme(windowLength: 128).seed == 7)
  }

  @Test func aTextHasNoSplit() {
    #expect(signature(split: nil) == signature().replacing("|split:validation", with: ""))
  }

  @Test func aChangeOfAnyFieldChangesItAlone() {
    let changes: [(found: String, from: String, to: String)] = [
      (signature { $0.selectionRate = 0.4 }, "rate:15", "rate:40"),
      (signature { $0.selectionRate = 0.125 }, "rate:15", "rate:12.5"),
      (signature { $0.randomRate = 0 }, "scheme:80-10-10", "scheme:80-0-20"),
      (signature { ($0.maskRate, $0.randomRate) = (1, 0) }, "scheme:80-10-10", "scheme:100-0-0"),
      (signature { $0.maskRate = 0.9 }, "scheme:80-10-10", "scheme:90-10-0"),
      (signature { $0.strategy = .wholeWord }, "unit:token", "unit:wholeWord"),
      (signature { $0.strategy = .sentence }, "unit:token", "unit:sentence"),
      (signature { $0.strategy = .span }, "unit:token", "unit:span-p20-max10"),
      (signature(length: 64), "length:128", "length:64"),
      (signature(seed: 8), "seed:7", "seed:8"),
      (
        signature(tokenizer: Self.data), "tokenizer:\(Self.tokenizer.short)", "tokenizer:\(Self.data.short)"
      ),
      (signature(data: Self.tokenizer), "data:\(Self.data.short)", "data:\(Self.tokenizer.short)"),
      (signature(split: .train), "split:validation", "split:train"),
      (signature(sampledWindows: 128), "windows:all", "windows:128"),
      (signature(count: 18_234), "n:18233", "n:18234"),
      (signature(precision: "float32"), "precision:bfloat16", "precision:float32"),
      // A rate that differs in its seventh digit asks other questions.
      (signature { $0.selectionRate = 0.150_000_1 }, "rate:15", "rate:15.00001"),
      (signature { $0.selectionRate = 0.150_000_01 }, "rate:15", "rate:15.000001"),
    ]
    for (found, from, to) in changes {
      #expect(found == signature().replacing("|\(from)|", with: "|\(to)|"))
      #expect(found != signature(), "\(to)")
    }
  }

  /// A span's parameters belong to the masks of spans, and to no other.
  @Test func spansNameTheirParameters() {
    let spans = signature { ($0.strategy, $0.spanProbability, $0.maximumSpanLength) = (.span, 0.5, 3) }
    #expect(spans.contains("|unit:span-p50-max3|"))
    #expect(signature { ($0.spanProbability, $0.maximumSpanLength) = (0.5, 3) } == signature())
  }
}
