import ClozeCore
import ClozeStudies
import Testing

@Suite struct SearchScheduleTests {
  private func schedule(_ trials: Int, control: Double = 0.3, seeds: Int = 2, rungs: Int = 3, factor: Int = 3)
    -> SearchSchedule
  {
    var settings = SearchConfiguration.Rungs()
    (settings.count, settings.factor) = (rungs, factor)
    return SearchSchedule(trials: trials, control: control, seeds: seeds, rungs: settings)
  }

  @Test func rungs() {
    #expect(schedule(9).steps(total: 900) == [100, 300, 900])
    #expect(schedule(9).steps(total: 1000) == [111, 333, 1000])
    #expect(schedule(9, rungs: 1).steps(total: 900) == [900])
    #expect(schedule(9, factor: 2).steps(total: 100) == [25, 50, 100])
    // Every rung but the last is a multiple of the first, where a run validates.
    for total in 9..<200 {
      let steps = schedule(9).steps(total: total)
      #expect(steps.last == total && steps == steps.sorted())
      #expect(steps.dropLast().allSatisfy { $0 % steps[0] == 0 })
    }
  }

  /// 9 trials to 1/9, 3 on to 1/3, 1 on to the end: 1 + 3 · 2/9 + 2/3 runs.
  @Test func cost() {
    #expect(abs(schedule(9, control: 0, seeds: 0).cost - 7.0 / 3) < 1e-12)
    #expect(abs(schedule(9, control: 0, seeds: 2).cost - 13.0 / 3) < 1e-12)
    #expect(schedule(9, control: 0, seeds: 0, rungs: 1).cost == 9)
    #expect([0, 1, 2].map { schedule(9).count(of: 9, at: $0) } == [9, 3, 1])
    #expect([0, 1, 2].map { schedule(9).count(of: 5, at: $0) } == [5, 1, 1])
  }

  /// Every trial once, in order, the arms in brackets of one size, so that they can be compared.
  @Test(arguments: [0.0, 0.1, 0.3, 0.5]) func everyTrialOnce(control: Double) throws {
    for trials in 1..<80 {
      let schedule = schedule(trials, control: control)
      #expect(schedule.brackets.flatMap(\.trials) == Array(3..<3 + trials))
      let controls = schedule.brackets.filter { $0.arm == .control }
      let count = controls.reduce(0) { $0 + $1.trials.count }
      #expect(Set(controls.map(\.trials.count)).count <= 1)
      #expect(abs(Double(count) - control * Double(trials)) <= 5, "\(count) of \(trials)")
      if let size = controls.first?.trials.count {
        let others = schedule.brackets.filter { $0.arm == .proposer }
        #expect(others.dropLast().allSatisfy { $0.trials.count == size })
      }
    }
  }
}
