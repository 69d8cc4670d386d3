internal import ClozeCore
internal import Foundation

/// What a study found, and how sure that is.
package struct SearchResult: Sendable {
  /// In the order of their numbers.
  package let trials: [SearchTrial]
  private let schedule: SearchSchedule
  private let proposer: ProposerKind
  package let score: SearchScore

  package init(
    journal: SearchJournal, schedule: SearchSchedule, proposer: ProposerKind, score: SearchScore = .loss
  ) {
    trials = journal.trials.values.sorted { $0.number < $1.number }
    (self.schedule, self.proposer, self.score) = (schedule, proposer, score)
  }

  var lastRung: Int { schedule.rungCount - 1 }

  /// The trials of an arm, as they were compared.
  func brackets(_ arm: SearchArm) -> [Range<Int>] { schedule.brackets.filter { $0.arm == arm }.map(\.trials) }

  /// The trial with the lowest loss at the last rung, of equal ones the first. The base counts with the seed of all trials.
  package var best: SearchTrial? { SearchResult.best(of: trials, rung: lastRung) }

  static func best(of trials: some Sequence<SearchTrial>, rung: Int) -> SearchTrial? {
    let reached = trials.filter {
      $0.losses[rung] != nil && $0.failure == nil && ($0.arm != .base || $0.number == 1)
    }
    return reached.min { ($0.losses[rung] ?? 0, $0.number) < ($1.losses[rung] ?? 0, $1.number) }
  }

  /// The trials that came to the last rung, the best first.
  package var finished: [SearchTrial] {
    trials.filter { $0.losses[lastRung] != nil && $0.failure == nil }.sorted {
      ($0.losses[lastRung] ?? 0, $0.number) < ($1.losses[lastRung] ?? 0, $1.number)
    }
  }

  /// What the trials of both arms tell of the settings that were varied.
  package var observations: [SearchObservation] {
    SearchObservation.all(trials.filter { $0.arm != .base }, rungCount: schedule.rungCount)
  }

  /// A table for people: the names of its columns, and the best trials that came to the last rung.
  package func rows(_ count: Int, _ proposer: ProposerKind) -> [[String]] {
    [["trial", "from", score.name, "settings"]]
      + finished.prefix(count).map { trial in
        [
          "\(trial.number)", trial.arm.name(proposer), text(trial.last?.loss ?? 0),
          trial.settings.isEmpty ? "seed=\(trial.seed)" : trial.settings.joined(separator: " "),
        ]
      }
  }

  /// The losses of the base with several seeds.
  package struct Noise: Sendable, Equatable {
    package let mean: Double
    /// The standard deviation between seeds; nil of a single one, and of equal losses, which tell nothing of it: runs that have learnt
    /// nothing may have the same accuracy.
    package let deviation: Double?
    package let count: Int

    package init?(_ losses: [Double]) {
      guard !losses.isEmpty else { return nil }
      (mean, count) = (losses.reduce(0, +) / Double(losses.count), losses.count)
      let mean = mean
      let squares = losses.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
      // The mean of equal numbers may differ from them in the last bit.
      deviation =
        losses.contains { $0 != losses[0] } ? (squares / Double(losses.count - 1)).squareRoot() : nil
    }

    /// How far apart a run and the mean of `others` runs of equally good settings are, at most, 19 times of 20.
    func limit(others: Int) -> Double? {
      deviation.map { $0 * (1 + 1 / Double(others)).squareRoot() * Noise.student(count - 1) }
    }

    /// The 97.5 % quantile of Student's distribution.
    private static func student(_ freedom: Int) -> Double {
      let quantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228]
      guard freedom > quantiles.count else { return quantiles[freedom - 1] }
      // Cornish and Fisher's expansion, good to 0.001 from 10 on.
      let (z, n) = (1.959964, Double(freedom))
      return z + (z * z * z + z) / (4 * n) + (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * n * n)
    }
  }

  package var noise: Noise? { Noise(trials.filter { $0.arm == .base }.compactMap { $0.losses[lastRung] }) }
}

// MARK: Verdict

extension SearchResult {
  /// What can be said of the result, a sentence each.
  package var verdict: [String] {
    guard let best, let loss = best.losses[lastRung] else {
      return ["No trial came to its end; the reasons are in \(SearchJournal.fileName)."]
    }
    var sentences: [String] = []
    if best.arm == .base {
      sentences.append("No trial is better than the settings of base, which are the best.")
    } else if let noise {
      sentences.append(
        "The best \(score.name) is \(text(loss)), that of base \(text(noise.mean))"
          + (noise.count > 1 ? " (mean of \(noise.count) seeds)" : "") + ": "
          + judgement(noise.mean - loss, noise.limit(others: noise.count), than: "base"))
    }
    if let comparison = comparison { sentences.append(comparison) }
    if noise?.deviation == nil {
      sentences.append(
        noise?.count ?? 0 > 1
          ? "The seeds of base have one and the same \(score.name), so the noise is not known; with longer runs, or more rows, it may be."
          : "The noise was not measured; with seeds of 2 or more it is, and differences can be judged.")
    }
    return sentences
  }

  /// The proposer beside random search after as many brackets of the same size.
  private var comparison: String? {
    guard proposer != .random else { return nil }
    let pairs = zip(
      schedule.brackets.filter { $0.arm == .proposer }, schedule.brackets.filter { $0.arm == .control }
    ).prefix { $0.trials.count == $1.trials.count }
    let count = pairs.reduce(0) { $0 + $1.0.trials.count }
    func best(_ numbers: [Range<Int>]) -> Double? {
      SearchResult.best(
        of: trials.filter { trial in numbers.contains { $0.contains(trial.number) } }, rung: lastRung)?
        .losses[lastRung]
    }
    guard count > 0 else {
      return
        "There was no random search of equal budget to compare \(proposer.rawValue) with; raise control or trials."
    }
    guard let found = best(pairs.map(\.0.trials)), let random = best(pairs.map(\.1.trials)) else {
      return nil
    }
    return
      "After \(Figure.count(count)) trials each, \(proposer.rawValue) has \(text(found)) and random search \(text(random)): "
      + judgement(random - found, noise?.limit(others: 1), than: "random")
  }

  /// - Parameter gain: how much lower the loss is.
  private func judgement(_ gain: Double, _ limit: Double?, than other: String) -> String {
    guard let limit else {
      let word = (gain >= 0) == score.prefersLarger ? "higher" : "lower"
      return "\(difference(abs(gain))) \(word), with unknown noise."
    }
    let noise = "(\(difference(limit)) between runs that are equally good)"
    if gain > limit { return "better than \(other) beyond the noise \(noise)." }
    if gain < -limit { return "worse than \(other) beyond the noise \(noise)." }
    return "no better than \(other) within the noise \(noise)."
  }

  /// The score of a loss.
  private func text(_ loss: Double) -> String { difference(score.value(ofLoss: loss)) }

  private func difference(_ value: Double) -> String { Figure.decimal(value, 4) }
}

extension SearchObservation {
  /// What a proposer is told of trials: for each its loss at the end, or what is to be expected there.
  ///
  /// A trial that stopped at a rung has its loss there, less what those that went on gained: the median over them, for each of
  /// the rungs above. So trials that stopped early and late can be compared, and those of one rung stay in their order.
  static func all(_ trials: some Sequence<SearchTrial>, rungCount: Int) -> [SearchObservation] {
    let gains = (0..<max(rungCount - 1, 0)).map { rung in
      let gains = trials.compactMap { trial -> Double? in
        guard let before = trial.losses[rung], let after = trial.losses[rung + 1] else { return nil }
        return before - after
      }.sorted()
      return gains.isEmpty ? 0 : gains[gains.count / 2]
    }
    return trials.map { trial in
      SearchObservation(
        point: trial.point, loss: trial.last.map { $0.loss - gains.dropFirst($0.rung).reduce(0, +) })
    }
  }
}
