import ClozeStudies
import Foundation
import Testing

/// Shares of functions whose shares are known in closed form.
@Suite struct SettingImportanceTests {
  private static func ranges(_ keys: [String], _ bounds: ClosedRange<Double>) -> [SearchDimension] {
    keys.map {
      SearchDimension(
        key: $0,
        domain: .range(
          lower: bounds.lowerBound, upper: bounds.upperBound, isLogarithmic: false, multiple: nil))
    }
  }

  /// Ishigami and Homma 1990 with a = 7, b = 0.1. First order: 0.3139, 0.4424, 0; total: 0.5576, 0.4424, 0.2437.
  @Test func ishigami() throws {
    let space = SearchSpace(dimensions: Self.ranges(["x", "y", "z"], -Double.pi ... .pi))
    let indices = try #require(
      SobolIndices(space, samples: 20_000) { point in
        let (x, y, z) = (point.number("x"), point.number("y"), point.number("z"))
        return sin(x) + 7 * sin(y) * sin(y) + 0.1 * pow(z, 4) * sin(x)
      })
    for (found, exact) in zip(indices.alone, [0.3139, 0.4424, 0]) { #expect(abs(found - exact) < 0.02) }
    for (found, exact) in zip(indices.total, [0.5576, 0.4424, 0.2437]) { #expect(abs(found - exact) < 0.02) }
  }

  /// A number in a condition, and a choice. With c = 0 (half of the draws) the loss is 12 u, else 0: the mean given c has the variance
  /// 9, the mean given u, 6 u, has 3, and the variance of all is 24 - 9 = 15.
  @Test func aCondition() throws {
    let space = SearchSpace(
      dimensions: [
        SearchDimension(key: "c", domain: .choice(["on", "off"])),
        SearchDimension(
          key: "u", domain: .range(lower: 0, upper: 1, isLogarithmic: false, multiple: nil),
          condition: SearchCondition(key: "c", test: .choices([0]))),
      ])
    let indices = try #require(
      SobolIndices(space, samples: 20_000) { $0.position("c") == 0 ? 12 * $0.number("u") : 0 })
    #expect(abs(indices.alone[0] - 9.0 / 15) < 0.02)
    #expect(abs(indices.alone[1] - 3.0 / 15) < 0.02)
    #expect(abs(indices.total[1] - 6.0 / 15) < 0.02)
  }

  @Test func aConstantHasNoShares() {
    let space = SearchSpace(dimensions: Self.ranges(["x"], 0...1))
    #expect(SobolIndices(space, samples: 10) { _ in 3 } == nil)
  }

  /// 40 trials of a x + b y + 0 z: shares a² / (a² + b²) and so on.
  @Test func trialsOfAnAdditiveFunction() {
    let space = SearchSpace(dimensions: Self.ranges(["x", "y", "z"], 0...1))
    let proposer = ProposerKind.random.proposer(space: space, seed: 1)
    let observations = (0..<40).map { trial -> SearchObservation in
      let point = proposer.propose(trial: trial, observations: [], pending: [])
      let loss = 5 + 2 * point.number("x") + point.number("y")
      return SearchObservation(point: point, loss: trial == 7 ? nil : loss)
    }
    let importance = SettingImportance(space, observations)
    #expect(importance.withheld == nil)
    #expect(importance.predicted > 0.95)
    #expect(importance.settings.map(\.key) == ["x", "y", "z"])
    for (setting, exact) in zip(importance.settings, [0.8, 0.2, 0]) {
      #expect(abs(setting.alone - exact) < 0.08)
      #expect(abs(setting.total - exact) < 0.08)
    }
  }

  /// Losses that have nothing to do with the settings.
  @Test func noiseIsWithheld() {
    let space = SearchSpace(dimensions: Self.ranges(["x", "y", "z"], 0...1))
    let proposer = ProposerKind.random.proposer(space: space, seed: 1)
    let observations = (0..<40).map { trial in
      SearchObservation(
        point: proposer.propose(trial: trial, observations: [], pending: []),
        loss: Double(trial * 7919 % 101))
    }
    let importance = SettingImportance(space, observations)
    #expect(importance.settings.isEmpty)
    #expect(importance.summary.first?.contains("is withheld") == true)
    let few = SettingImportance(space, Array(observations.prefix(9)))
    #expect(few.withheld == .fewTrials(9, needed: 10))
  }
}
