import ClozeCore
import ClozeStudies
import ClozeTestSupport
import Foundation
import Testing

/// Successive halving on the learning curves of translators that were really trained: 604 systems from Somali to English, with the
/// perplexity at each checkpoint and the BLEU at the end. Perplexities are compared within a vocabulary alone.
@Suite struct SuccessiveHalvingTests {
  private struct System {
    /// At each checkpoint.
    let perplexities: [Double]
    let bleu: Double
    /// What the run kept.
    var best: Double { perplexities.min() ?? .infinity }
  }

  /// The systems by vocabulary. The curves do not have the number of heads, so systems and curves are joined by the best perplexity
  /// as well, which tells them all apart.
  private static func systems() throws -> [[System]] {
    func rows(_ name: String) throws -> [[String]] {
      try String(contentsOf: Fixtures.url("nmt-tables/\(name).csv"), encoding: .utf8)
        .split(whereSeparator: \.isNewline).dropFirst().map { $0.split(separator: ",").map(String.init) }
    }
    var curves: [[Double]: [[Double]]] = [:]
    for row in try rows("so-en.curves") {
      curves[row.prefix(5).compactMap(Double.init), default: []]
        .append(row[5].split(separator: " ").compactMap { Double($0) })
    }
    var systems: [Double: [System]] = [:]
    for row in try rows("so-en").map({ $0.compactMap(Double.init) }) {
      let key = [row[0] / 1000, row[1], row[2], row[3], row[5]]
      let matching = (curves[key] ?? []).filter { abs(($0.min() ?? 0) - row[8]) <= 1e-4 }
      try #require(matching.count == 1, "\(row)")
      systems[row[0], default: []].append(System(perplexities: matching[0], bleu: row[6]))
    }
    return systems.sorted { $0.key < $1.key }.map(\.value)
  }

  /// The best of some systems that are drawn, and the checkpoints that it took.
  private static func random(_ systems: [System], count: Int, seed: Int) -> (best: System, checkpoints: Int) {
    var random = CounterRandom(seed: UInt64(seed), purpose: .proposal)
    let drawn = systems.shuffled(using: &random).prefix(count)
    let best = drawn.min { $0.best < $1.best } ?? systems[0]
    return (best, drawn.reduce(0) { $0 + $1.perplexities.count })
  }

  /// The best of the brackets that fit into some checkpoints.
  private static func halving(_ systems: [System], checkpoints: Int, seed: Int) -> System? {
    var rungs = SearchConfiguration.Rungs()
    (rungs.count, rungs.factor) = (3, 4)
    let schedule = SearchSchedule(trials: systems.count, control: 0, seeds: 0, rungs: rungs)
    var random = CounterRandom(seed: UInt64(seed), purpose: .proposal)
    let drawn = systems.shuffled(using: &random)
    var (best, left): (System?, Int) = (nil, checkpoints)
    for bracket in schedule.brackets {
      var losses: [Int: Double] = [:]
      for rung in 0..<schedule.rungCount {
        let running =
          rung == 0 ? Array(bracket.trials) : schedule.promoted(losses, of: bracket.trials.count, to: rung)
        losses = [:]
        for number in running {
          let system = drawn[number - 1]
          let steps = schedule.steps(total: system.perplexities.count)
          left -= steps[rung] - (rung > 0 ? steps[rung - 1] : 0)
          guard left >= 0 else { return best }
          losses[number] = system.perplexities.prefix(steps[rung]).min()
          if rung == schedule.rungCount - 1, system.best < best?.best ?? .infinity { best = system }
        }
      }
    }
    return best
  }

  /// With a fifth of the checkpoints, the systems that halving chooses have the BLEU of those that random search chooses among 50,
  /// and their perplexity within 1 %. Means of 20 repeats and six vocabularies.
  @Test func randomSearchsResultAtAFifth() throws {
    let vocabularies = try Self.systems()
    #expect(vocabularies.map(\.count).reduce(0, +) == 604)
    var (bleu, logarithm, count) = (0.0, 0.0, 0.0)
    for systems in vocabularies {
      for seed in 0..<20 {
        let control = Self.random(systems, count: 50, seed: 1100 + seed)
        let found = try #require(
          Self.halving(systems, checkpoints: control.checkpoints / 5, seed: 3100 + seed))
        bleu += found.bleu - control.best.bleu
        logarithm += log(found.best / control.best.best)
        count += 1
      }
    }
    #expect(bleu / count >= 0, "BLEU \(bleu / count)")
    #expect(exp(logarithm / count) < 1.01, "perplexity times \(exp(logarithm / count))")
  }
}
