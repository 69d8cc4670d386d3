import ClozeCore
import ClozeStudies
import ClozeTestSupport
import Testing

@Suite struct SearchResultTests {
  /// Equal losses of the base say nothing about the noise.
  @Test func equalSeedsAreNoNoise() {
    #expect(SearchResult.Noise([1.5, 1.5, 1.5])?.deviation == nil)
    // The mean of the three is another number than they are.
    #expect(SearchResult.Noise([0.1, 0.1, 0.1])?.deviation == nil)
    #expect(SearchResult.Noise([1.5, 1.6])?.deviation != nil)
  }

  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// A study of one rung, two trials of each arm.
  private func result(base: [Double], proposer: [Double?], control: [Double?]) throws -> SearchResult {
    var rungs = SearchConfiguration.Rungs()
    rungs.count = 1
    let schedule = SearchSchedule(
      trials: proposer.count + control.count, control: 0.5, seeds: base.count, rungs: rungs)
    let journal = try SearchJournal(folder.url)
    try journal.append(.started(.init(identities: [:], trials: schedule.trialCount)))
    func add(_ number: Int, _ arm: SearchArm, _ loss: Double?) throws {
      try journal.append(
        .proposed(.init(trial: number, arm: arm, point: SearchPoint(), settings: ["a=\(number)"], seed: 1)))
      if let loss {
        try journal.append(.measured(.init(trial: number, rung: 0, step: 9, loss: loss)))
      } else {
        try journal.append(.failed(.init(trial: number, reason: "diverged")))
      }
    }
    for (index, loss) in base.enumerated() { try add(index + 1, .base, loss) }
    var losses: [SearchArm: [Double?]] = [.proposer: proposer, .control: control]
    for bracket in schedule.brackets {
      for number in bracket.trials { try add(number, bracket.arm, losses[bracket.arm]?.removeFirst() ?? nil) }
    }
    return SearchResult(journal: journal, schedule: schedule, proposer: .random)
  }

  /// The standard deviation of 3.0, 3.1, 3.2 is 0.1; between a run and the mean of three it is 0.1 · √(4/3), times Student's
  /// 4.303.
  @Test func theNoiseDecides() throws {
    let close = try result(base: [3.0, 3.1, 3.2], proposer: [2.7, nil], control: [2.9, 3.3])
    #expect(close.noise?.mean == 3.1)
    #expect(abs(try #require(close.noise?.deviation) - 0.1) < 1e-12)
    #expect(close.best?.last?.loss == 2.7)
    #expect(
      close.verdict.first
        == "The best loss is 2.7000, that of base 3.1000 (mean of 3 seeds): no better than base within the noise (0.4969 "
        + "between runs that are equally good).")
    #expect(close.finished.map { $0.last?.loss } == [2.7, 2.9, 3.0, 3.1, 3.2, 3.3])
  }

  @Test func aGainBeyondTheNoise() throws {
    let far = try result(base: [3.0, 3.1, 3.2], proposer: [2.5, nil], control: [2.9, 3.3])
    #expect(try #require(far.verdict.first).contains(": better than base beyond the noise"))
  }

  @Test func theBaseMayBeTheBest() throws {
    let result = try result(base: [2.0], proposer: [2.7, nil], control: [2.9, nil])
    #expect(result.best?.number == 1)
    #expect(result.verdict.first == "No trial is better than the settings of base, which are the best.")
    #expect(result.verdict.last?.hasPrefix("The noise was not measured") == true)
  }

  /// Seed 2 of the base has the lowest loss, but all trials have seed 1.
  @Test func aLuckySeedIsNotTheBest() throws {
    let result = try result(base: [3.0, 2.0], proposer: [2.7, nil], control: [2.9, nil])
    #expect(result.best?.last?.loss == 2.7)
  }

  @Test func nothingFinished() throws {
    let result = try result(base: [], proposer: [nil, nil], control: [nil, nil])
    #expect(result.best == nil)
    #expect(result.verdict == ["No trial came to its end; the reasons are in trials.jsonl."])
  }
}
