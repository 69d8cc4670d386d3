import ClozeCompute
import ClozeEvaluation
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

/// The learning rate's factor over a run, step by step.
@Suite struct ScheduleTests {
  private func schedule(
    _ shape: ScheduleConfiguration.Shape, warmup: Int = 0, decay: Double = 0.2, final: Double = 0
  ) -> ScheduleConfiguration {
    var schedule = ScheduleConfiguration()
    schedule.shape = shape
    schedule.warmupSteps = warmup
    schedule.decayFraction = decay
    schedule.finalRate = final
    return schedule
  }

  private static let fractions = [0, 0.25, 0.5, 0.75, 0.9, 1]

  /// Columns are `fractions`; sqrt(0.5) / 2 = 0.3536 and cos(0.9 π) = -0.9511 are the cosine's.
  @Test(arguments: [
    (ScheduleConfiguration.Shape.linear, 0.0, [1, 0.75, 0.5, 0.25, 0.1, 0]),
    (.linear, 0.2, [1, 0.8, 0.6, 0.4, 0.28, 0.2]),
    (.cosine, 0, [1, 0.853553, 0.5, 0.146447, 0.024472, 0]),
    (.cosine, 0.5, [1, 0.926777, 0.75, 0.573223, 0.512236, 0.5]),
    (.constantThenDecay, 0, [1, 1, 1, 1, 0.5, 0]),
    (.constantThenDecay, 0.1, [1, 1, 1, 1, 0.55, 0.1]),
    (.constantThenSquareRootDecay, 0, [1, 1, 1, 1, 0.292893, 0]),
    (.constantThenSquareRootDecay, 0.1, [1, 1, 1, 1, 0.363604, 0.1]),
  ])
  func shapes(shape: ScheduleConfiguration.Shape, final: Double, expected: [Double]) {
    let schedule = schedule(shape, final: final)
    for (fraction, factor) in zip(Self.fractions, expected) {
      #expect(abs(schedule.factor(step: 5000, fraction: fraction) - factor) < 1e-6, "at \(fraction)")
    }
  }

  @Test(arguments: [(0.5, [1, 1, 1, 0.5, 0.2, 0]), (1.0, [1, 0.75, 0.5, 0.25, 0.1, 0])])
  func theDecayHasItsShareOfTheRun(share: Double, expected: [Double]) {
    let schedule = schedule(.constantThenDecay, decay: share)
    for (fraction, factor) in zip(Self.fractions, expected) {
      #expect(abs(schedule.factor(step: 0, fraction: fraction) - factor) < 1e-12, "at \(fraction)")
    }
  }

  /// A share of 0 is no decay, and no division by it.
  @Test func aConstantRateStaysToTheEnd() {
    let schedule = schedule(.constantThenDecay, decay: 0, final: 0)
    #expect(Self.fractions.allSatisfy { schedule.factor(step: 0, fraction: $0) == 1 })
  }

  /// The first step is taken at a quarter of the rate, not at 0, and the fourth at all of it.
  @Test(arguments: ScheduleConfiguration.Shape.allCases)
  func theRateRisesOverTheWarmup(shape: ScheduleConfiguration.Shape) {
    let warm = schedule(shape, warmup: 4, final: 0.3)
    #expect((0..<6).map { warm.factor(step: $0, fraction: 0) } == [0.25, 0.5, 0.75, 1, 1, 1])
    // The decay is over the rest of the run, from the whole rate at the warm-up's end to the last one; that of a constant
    // rate over a share of the whole run.
    let level = schedule(shape, final: 0.3)
    for step in [4, 10, 37, 39, 40] {
      let done = Double(step) / 40
      let (found, rest) = (
        warm.factor(step: step, fraction: done),
        [.linear, .cosine].contains(shape) ? Double(step - 4) / 36 : done
      )
      #expect(abs(found - level.factor(step: 0, fraction: rest)) < 1e-12, "at \(step)")
    }
    #expect(schedule(shape, warmup: 0).factor(step: 0, fraction: 0) == 1)
  }

  @Test(arguments: ScheduleConfiguration.Shape.allCases)
  func theRateNeverRisesAfterTheWarmup(shape: ScheduleConfiguration.Shape) {
    let schedule = schedule(shape, warmup: 10, final: 0.05)
    let factors = (10...200).map { schedule.factor(step: $0, fraction: Double($0) / 200) }
    #expect(zip(factors, factors.dropFirst()).allSatisfy { $0 >= $1 })
    #expect(factors.allSatisfy { (0.05 - 1e-12...1).contains($0) })
    #expect(abs(factors[factors.count - 1] - 0.05) < 1e-12)
  }

  @Test func wrongSchedules() {
    func message(_ change: (inout ScheduleConfiguration) -> Void) -> String {
      var optimizer = OptimizerConfiguration()
      change(&optimizer.schedule)
      return failureMessage { try optimizer.validate() }
    }
    #expect(message { _ in }.isEmpty)
    #expect(message { $0.warmupSteps = -1 }.contains("optimizer.schedule.warmupSteps: is -1;"))
    #expect(message { $0.decayFraction = 1.5 }.contains("optimizer.schedule.decayFraction: is 1.5;"))
    #expect(message { $0.finalRate = -0.1 }.contains("optimizer.schedule.finalRate: is -0.1;"))
  }
}

/// How much of a run is done, whichever limits it has.
@Suite struct StopTests {
  @Test(
    arguments: [
      (StopConfiguration(steps: 200), 0.25), (StopConfiguration(tokens: 8000), 0.75),
      (StopConfiguration(minutes: 0.5), 0.1), (StopConfiguration(steps: 200, tokens: 8000), 0.75),
      (StopConfiguration(steps: 100, tokens: 60_000, minutes: 1), 0.5),
      (StopConfiguration(steps: 1000, tokens: 60_000, minutes: 0.0625), 0.8),
      (StopConfiguration(), 0),
    ] as [(StopConfiguration, Double)])
  func theNearestLimitCounts(stop: StopConfiguration, fraction: Double) {
    #expect(abs(stop.fraction(steps: 50, tokens: 6000, seconds: 3) - fraction) < 1e-12)
    #expect(stop.fraction(steps: 0, tokens: 0, seconds: 0) == 0)
  }

  @Test(arguments: [
    StopConfiguration(steps: 10), StopConfiguration(tokens: 500), StopConfiguration(minutes: 0.05),
    StopConfiguration(steps: 10, tokens: 1_000_000, minutes: 60),
  ])
  func theEndIsOneAndNoMore(stop: StopConfiguration) {
    #expect(stop.fraction(steps: 9, tokens: 499, seconds: 2.9) < 1)
    #expect(stop.fraction(steps: 10, tokens: 500, seconds: 3) == 1)
    #expect(stop.fraction(steps: 11, tokens: 900, seconds: 100) == 1)
  }

  @Test func aRunNeedsALimit() {
    #expect(failureMessage { try StopConfiguration().validate() }.contains("stop: sets no limit"))
    #expect(failureMessage { try StopConfiguration(tokens: -1).validate() }.contains("negative limit"))
    #expect(failureMessage { try StopConfiguration(minutes: 0.5).validate() }.isEmpty)
  }
}
