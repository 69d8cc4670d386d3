package import ClozeCore
package import ClozeData
internal import ClozeEvaluation
package import ClozeTraining
package import Foundation

/// Tells synthetic pairs from real ones, to keep those that are most like real ones.
///
/// It is a classifier of two texts, source and target, with the labels `real` and `synthetic`: the discriminator of a
/// generative adversarial network, whose generator is the reverse model. The generator learns from the probabilities that
/// the classifiers give, by policy gradient, in a run of its own (`Rewards`).
///
/// Pairs are divided into folds by their targets, and the pairs of a fold are scored by a classifier that was trained on the
/// other folds. So no classifier has seen the target of a pair that it scores, which it could recognise without reading
/// the source.
///
/// Source: Goodfellow et al. 2014, arXiv:1406.2661; for translation Wu et al. 2018, arXiv:1704.06933, and Yang et al. 2018,
/// arXiv:1703.04887.
package struct Discriminator: Sendable {
  /// What the classifiers say of pairs that they have not seen.
  package struct Scores: Sendable {
    /// Of each synthetic pair the probability of `real`.
    package let probabilities: [Double]
    /// The share of pairs with the right label, of real and of synthetic ones, averaged.
    package let accuracy: Double
    /// The mean probability of `real` of the real and of the synthetic pairs.
    package let meanReal: Double
    package let meanSynthetic: Double
  }

  private static let (real, synthetic) = ("real", "synthetic")
  /// One of so many training pairs chooses the checkpoint.
  private static let validationStride = 10
  /// Of each kind in each fold.
  private static let leastPairs = 20

  private let rows: [SyntheticRow]
  private let realPairs: [TranslationPair]
  private let settings: LabelConfiguration
  private let model: URL
  package let folds: PairFolds
  private let keep: Double

  /// - Parameter path: of the synthetic pairs, for messages.
  /// - Throws: `SyntheticError.tooFewToTellApart`
  package init(
    synthetic: SyntheticPairs, path: String, real: [TranslationPair], settings: LabelConfiguration,
    model: URL,
    folds: Int, keep: Double
  ) throws {
    rows = synthetic.rows
    realPairs = real
    self.folds = PairFolds(count: folds, seed: settings.seed)
    (self.settings, self.model, self.keep) = (settings, model, keep)
    for fold in 0..<folds {
      let counts = [realPairs, rows.map(\.pair)].map { $0.count { self.fold(of: $0) == fold } }
      guard counts.allSatisfy({ $0 >= Self.leastPairs }) else {
        throw SyntheticError.tooFewToTellApart(
          path: path, real: realPairs.count, synthetic: rows.count, folds: folds)
      }
    }
  }

  private func fold(of pair: TranslationPair) -> Int { folds.fold(of: pair) }

  /// Trains a classifier for each fold, in a run folder of its own, and scores the pairs of the fold.
  ///
  /// - Returns: nil if it was interrupted.
  /// - Throws: `LabelError`, `FinetuneError`, `CheckpointError`, `FileError`
  package func run(
    in folder: URL, resume: ResumeMode, isInterrupted: @escaping () -> Bool,
    report: @escaping (ProgressMessage) -> Void
  ) throws -> Scores? {
    var probabilities = [Double](repeating: 0, count: rows.count)
    var real: [Double] = []
    for fold in 0..<folds.count {
      let run = try TrainingRun(
        task(without: fold), output: folder.appendingPathComponent("fold-\(fold + 1)"), resume: resume)
      report(.line("fold \(fold + 1) of \(folds.count): \(run.task.sampleText)"))
      let outcome = try run.run(isInterrupted: isInterrupted, report: { report($0.message) })
      guard outcome.reason != .interrupted else { return nil }
      let best = try RunFolder.model(at: folder.appendingPathComponent("fold-\(fold + 1)")) { _ in }
      let labeller = try Labeller(best, kind: .classification, precision: settings.compute.precision)
      let held = rows.indices.filter { self.fold(of: rows[$0].pair) == fold }
      for (index, probability) in zip(held, try score(held.map { rows[$0].pair }, labeller)) {
        probabilities[index] = probability
      }
      real += try score(realPairs.filter { self.fold(of: $0) == fold }, labeller)
    }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
    let right = [real.map { $0 > 0.5 ? 1.0 : 0 }, probabilities.map { $0 > 0.5 ? 0.0 : 1 }]
    return Scores(
      probabilities: probabilities, accuracy: mean(right.map(mean)), meanReal: mean(real),
      meanSynthetic: mean(probabilities))
  }

  /// Opens a classifier's run, so that settings which it refuses leave nothing.
  ///
  /// - Parameter folder: where the runs will be.
  /// - Throws: what `run` throws before it trains
  package func check(in folder: URL) throws {
    _ = try TrainingRun(
      task(without: 0), output: folder.appendingPathComponent("fold-1"), resume: .ifPresent, plansOnly: true)
  }

  /// As many real as synthetic pairs of all folds but one, drawn over all of them.
  private func task(without fold: Int) throws -> LabelTask {
    func samples(_ pairs: [TranslationPair], _ label: String, count: Int? = nil) -> [LabelledSample] {
      let seen = pairs.filter { self.fold(of: $0) != fold }
      return StratifiedSample.draw(count ?? seen.count, of: seen.count, seed: UInt64(settings.seed)).map {
        LabelledSample(texts: [seen[$0].source, seen[$0].target], labels: [label])
      }
    }
    let made = rows.map(\.pair)
    let count = [realPairs, made].map { $0.count { self.fold(of: $0) != fold } }.min() ?? 0
    let kinds = [
      samples(realPairs, Self.real, count: count), samples(made, Self.synthetic, count: count),
    ]
    func part(isValidation: Bool) -> LabelledFile {
      let samples = kinds.flatMap { kind in
        kind.indices.filter { ($0 % Self.validationStride == 0) == isValidation }.map { kind[$0] }
      }
      return LabelledFile(.classification, samples, path: isValidation ? "held-out pairs" : "pairs")
    }
    return try LabelTask(
      configuration: settings, start: .pretrained(model), training: part(isValidation: false),
      validation: part(isValidation: true))
  }

  /// The probability of `real` of each pair.
  private func score(_ pairs: [TranslationPair], _ labeller: Labeller) throws -> [Double] {
    let tapes = WorkerGroup(count: settings.compute.workers).tapes(for: labeller.model.store)
    guard let place = labeller.model.labels.firstIndex(of: Self.real) else { return [] }
    return try labeller.label(pairs.map { LabelledSample(texts: [$0.source, $0.target]) }, tapes: tapes).map {
      $0.probabilities[0][place]
    }
  }

  /// For each synthetic pair its row, whose score is the probability of `real`, or the reason why it is left out.
  ///
  /// The share is that of each fold, since the probabilities of two classifiers cannot be compared. Of equal pairs the
  /// first is kept.
  package func rows(_ scores: Scores) -> [Result<SyntheticRow, PairFault>] {
    var results = [Result<SyntheticRow, PairFault>](repeating: .failure(.unlikely), count: rows.count)
    for fold in 0..<folds.count {
      let held = rows.indices.filter { self.fold(of: rows[$0].pair) == fold }.sorted {
        (scores.probabilities[$1], $0) < (scores.probabilities[$0], $1)
      }
      for index in held.prefix(Int((keep * Double(held.count)).rounded(.up))) {
        results[index] = .success(SyntheticRow(rows[index].pair, score: scores.probabilities[index]))
      }
    }
    return results
  }
}
