/// The order of a study's trials, and the steps at which they are compared: all that is decided before the first one.
///
/// Trials come in brackets. All of a bracket run to the first rung; of those, the best 1 / `factor` run on to the second, and so
/// on (synchronous successive halving, Jamieson and Talwalkar 2016, arXiv:1502.07943). What goes on is decided when all have
/// come to a rung, and not by who came first, so the result does not depend on the speed of the machine.
package struct SearchSchedule: Sendable, Equatable {
  /// Trials that are compared with each other.
  package struct Bracket: Sendable, Equatable {
    package let arm: SearchArm
    /// Their numbers.
    package let trials: Range<Int>
  }

  /// The most trials of a study whose number follows from its minutes.
  package static let mostFitted = 2000

  package let rungCount: Int
  package let factor: Int
  /// Trials 1 to this number are runs of the base.
  package let baseCount: Int
  package let brackets: [Bracket]
  /// Trials of a whole bracket.
  private let bracketSize: Int

  /// - Parameters:
  ///   - trials: of the proposer and the control together.
  ///   - control: the share of the control, which gets whole brackets: the two arms can then be compared after as many of them.
  package init(trials: Int, control: Double, seeds: Int, rungs: SearchConfiguration.Rungs) {
    (rungCount, factor, baseCount) = (rungs.count, rungs.factor, seeds)
    bracketSize = rungs.bracketSize
    let share = Double(trials) * control
    let pairs = max(1, (share / Double(bracketSize)).rounded())
    let size = share < 1 ? bracketSize : max(1, min(bracketSize, Int(share / pairs)))
    let controls = share < 1 ? 0 : Int(pairs) * size
    let totals: [SearchArm: Int] = [.control: controls, .proposer: trials - controls]
    var begun: [SearchArm: Int] = [.control: 0, .proposer: 0]
    var brackets: [Bracket] = []
    var next = seeds + 1
    // Both arms advance together: the next bracket is of the one that has less of its share.
    func done(_ arm: SearchArm) -> Double { Double(begun[arm] ?? 0) / Double(max(totals[arm] ?? 0, 1)) }
    func left(_ arm: SearchArm) -> Int { (totals[arm] ?? 0) - (begun[arm] ?? 0) }
    while let arm = [SearchArm.proposer, .control].filter({ left($0) > 0 }).min(by: { done($0) < done($1) }) {
      let count = min(size, left(arm))
      brackets.append(Bracket(arm: arm, trials: next..<next + count))
      begun[arm, default: 0] += count
      next += count
    }
    self.brackets = brackets
  }

  /// The trials of a bracket with `count` of them that run to a rung.
  package func count(of count: Int, at rung: Int) -> Int {
    max(1, (0..<rung).reduce(count) { count, _ in count / factor })
  }

  /// The trials of a bracket that run to a rung above the first, the best first.
  ///
  /// - Parameters:
  ///   - losses: by number, of the trials that came to the rung before; of equal ones the lower number is the better.
  ///   - count: the trials of the bracket.
  package func promoted(_ losses: [Int: Double], of count: Int, to rung: Int) -> [Int] {
    losses.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.prefix(self.count(of: count, at: rung)).map(
      \.key)
  }

  /// The steps of the rungs of a run with `total` steps; the last is the whole run.
  package func steps(total: Int) -> [Int] {
    let first = max(1, total / bracketSize)
    var steps: [Int] = []
    for rung in 0..<rungCount - 1 {
      let step = (0..<rung).reduce(first) { step, _ in step * factor }
      if step < total { steps.append(step) }
    }
    return steps + [total]
  }

  /// The share of a whole run that ends at a rung; 0 for none.
  package func share(_ rung: Int?) -> Double {
    rung.map { ($0 + 1..<rungCount).reduce(1) { share, _ in share / Double(factor) } } ?? 0
  }

  /// What a bracket of `count` trials costs, in whole runs.
  package func cost(of count: Int) -> Double {
    (0..<rungCount).reduce(0) { cost, rung in
      cost + Double(self.count(of: count, at: rung)) * (share(rung) - share(rung > 0 ? rung - 1 : nil))
    }
  }

  /// What the study costs, in whole runs.
  package var cost: Double {
    brackets.reduce(Double(baseCount)) { $0 + cost(of: $1.trials.count) }
  }

  /// The number of trials of both arms.
  package var trialCount: Int { brackets.reduce(0) { $0 + $1.trials.count } }
}
