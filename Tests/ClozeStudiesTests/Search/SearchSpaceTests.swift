import ClozeCore
import ClozeStudies
import Foundation
import Testing

/// What every point of a space keeps.
@Suite struct SearchSpaceTests {
  /// Each kind of setting, and two with conditions, one of which depends on the other.
  static let mixed = SearchSpace(dimensions: [
    SearchDimension(
      key: "rate", domain: .range(lower: 1e-5, upper: 1e-1, isLogarithmic: true, multiple: nil)),
    SearchDimension(key: "width", domain: .range(lower: 64, upper: 500, isLogarithmic: true, multiple: 64)),
    SearchDimension(key: "layers", domain: .range(lower: 1, upper: 12, isLogarithmic: false, multiple: 1)),
    SearchDimension(key: "batch", domain: .levels([16, 64, 256])),
    SearchDimension(key: "optimizer", domain: .choice(["adam", "sgd", "none"])),
    SearchDimension(
      key: "momentum", domain: .range(lower: 0, upper: 1, isLogarithmic: false, multiple: nil),
      condition: SearchCondition(key: "optimizer", test: .choices([1]))),
    SearchDimension(
      key: "nesterov", domain: .choice(["yes", "no"]),
      condition: SearchCondition(key: "momentum", test: .range(0.5...1))),
    SearchDimension(key: "blocks", domain: .sequence(choices: ["a", "b", "c"], lengths: 1...4)),
  ])

  /// Whether a point has a value of each setting whose condition holds, and no other.
  static func holds(_ point: SearchPoint, in space: SearchSpace) -> Bool {
    var keys = Set(space.dimensions.map(\.key))
    if point.values["optimizer"] != .choice(1) { keys.remove("momentum") }
    if case .number(let momentum) = point.values["momentum"], momentum >= 0.5 {
    } else {
      keys.remove("nesterov")
    }
    return keys == Set(point.values.keys)
      && space.dimensions.allSatisfy { dimension in
        point.values[dimension.key].map { dimension.domain.contains($0) } ?? true
      }
  }

  @Test func everyDrawIsAPointOfTheSpace() {
    let proposer = ProposerKind.random.proposer(space: Self.mixed, seed: 1)
    let points = (0..<500).map { proposer.propose(trial: $0, observations: [], pending: []) }
    #expect(points.allSatisfy { Self.holds($0, in: Self.mixed) })
    #expect(Set(points.map { $0.values["width"] }).count == 7)
    #expect(Set(points.map { $0.values["layers"] }).count == 12)
    #expect(Set(points.map { $0.values["nesterov"] }).count == 3)
    let rates = points.filter { if case .number(let rate) = $0.values["rate"] { rate < 1e-3 } else { false } }
    #expect(abs(rates.count - 250) < 50)
  }

  /// Both ends of a range of multiples are proposed, although 0.3 / 0.1 is less than 3 and 17 * 0.05 more than 0.85.
  @Test(
    arguments: [
      (0.1, 0.3, 0.1, 3), (0.1, 0.7, 0.1, 7), (0.05, 0.15, 0.05, 3), (0.5, 0.85, 0.05, 8),
      (0.45, 0.9, 0.15, 4), (1, 10, 3, 3),
    ] as [(Double, Double, Double, Int)])
  func theEndsOfMultiples(lower: Double, upper: Double, multiple: Double, count: Int) {
    let domain = SearchDomain.range(lower: lower, upper: upper, isLogarithmic: false, multiple: multiple)
    let space = SearchSpace(dimensions: [SearchDimension(key: "x", domain: domain)])
    for kind in [ProposerKind.random, .evolution] {
      let proposer = kind.proposer(space: space, seed: 1)
      var found: [SearchObservation] = []
      for trial in 0..<60 {
        let point = proposer.propose(trial: trial, observations: found, pending: [])
        found.append(SearchObservation(point: point, loss: Double(trial % 7)))
      }
      let values = Set(found.compactMap { $0.point.values["x"] })
      #expect(values.count == count, "\(kind) \(values)")
      #expect(values.allSatisfy(domain.contains), "\(kind) \(values)")
    }
  }

  @Test func aPointSurvivesItsJSON() throws {
    let proposer = ProposerKind.random.proposer(space: Self.mixed, seed: 2)
    for trial in 0..<50 {
      let observation = SearchObservation(
        point: proposer.propose(trial: trial, observations: [], pending: []), loss: trial == 0 ? nil : 1.5)
      let data = try JSONEncoder().encode(observation)
      #expect(try JSONDecoder().decode(SearchObservation.self, from: data) == observation)
    }
  }

  /// Two settings with three values each, of which the sum must not be 4: eight points.
  @Test func whatIsSeenOrNotAllowedIsNotProposed() {
    let axis = SearchDomain.range(lower: 0, upper: 2, isLogarithmic: false, multiple: 1)
    let space = SearchSpace(
      dimensions: [SearchDimension(key: "a", domain: axis), SearchDimension(key: "b", domain: axis)],
      isAllowed: { $0.values["a"] != .number(2) || $0.values["b"] != .number(2) })
    let proposer = ProposerKind.random.proposer(space: space, seed: 3)
    var points: [SearchPoint] = []
    for trial in 0..<8 { points.append(proposer.propose(trial: trial, observations: [], pending: points)) }
    #expect(Set(points).count == 8)
    #expect(points.allSatisfy(space.isAllowed))
    #expect(points.contains(proposer.propose(trial: 8, observations: [], pending: points)))
  }

  @Test func aDomainWithoutValuesIsNotSound() {
    #expect(!SearchDomain.range(lower: 2, upper: 1, isLogarithmic: false, multiple: nil).isSound)
    #expect(!SearchDomain.range(lower: 0, upper: 1, isLogarithmic: true, multiple: nil).isSound)
    #expect(!SearchDomain.range(lower: 65, upper: 127, isLogarithmic: false, multiple: 64).isSound)
    #expect(!SearchDomain.levels([2, 1]).isSound)
    #expect(!SearchDomain.choice([]).isSound)
    #expect(SearchDomain.range(lower: 1, upper: 1, isLogarithmic: true, multiple: 1).isSound)
  }
}

extension SearchDomain {
  /// Whether it has this value.
  fileprivate func contains(_ value: SearchValue) -> Bool {
    switch (self, value) {
    case (.range(let lower, let upper, _, let multiple), .number(let number)):
      let isMultiple = multiple.map { abs(number / $0 - (number / $0).rounded()) < 1e-9 } ?? true
      return number >= lower && number <= upper && isMultiple
    case (.levels(let levels), .choice(let position)): return levels.indices.contains(position)
    case (.choice(let names), .choice(let position)): return names.indices.contains(position)
    case (.sequence(let choices, let lengths), .sequence(let positions)):
      return lengths.contains(positions.count) && positions.allSatisfy { choices.indices.contains($0) }
    default: return false
    }
  }
}
