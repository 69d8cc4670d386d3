import ClozeStudies
import Foundation
import Testing

/// What every proposer keeps, and how good each is. `docs/search.md` has the figures of all seeds and trials.
@Suite struct ProposerTests {
  /// Losses for any point, so that a study of any space can be played; every seventh trial fails.
  private static func observe(_ point: SearchPoint, _ trial: Int) -> SearchObservation {
    var loss = 0.0
    for (key, value) in point.values.sorted(by: { $0.key < $1.key }) {
      switch value {
      case .number(let number): loss += abs(log(number + 1e-6)) / Double(key.utf8.count)
      case .choice(let position): loss += Double(position)
      case .sequence(let positions): loss += Double(positions.reduce(0, +)) / Double(positions.count + 1)
      }
    }
    return SearchObservation(point: point, loss: trial % 7 == 3 ? nil : loss)
  }

  /// Any point proposed is one of the space, and depends on nothing but the arguments: what is read again from a journal, with
  /// a proposer made anew, gives the same.
  @Test(arguments: ProposerKind.allCases) func proposalsAreFunctionsOfTheJournal(kind: ProposerKind) throws {
    let space = SearchSpaceTests.mixed
    let proposer = kind.proposer(space: space, seed: 4)
    var observations: [SearchObservation] = []
    var pending: [SearchPoint] = []
    for trial in 0..<16 {
      let point = proposer.propose(trial: trial, observations: observations, pending: pending)
      #expect(SearchSpaceTests.holds(point, in: space))
      #expect(!pending.contains(point) && !observations.contains { $0.point == point })
      let journal = try JSONDecoder().decode(
        [SearchObservation].self, from: JSONEncoder().encode(observations))
      let again = kind.proposer(space: space, seed: 4)
        .propose(trial: trial, observations: journal, pending: pending)
      #expect(again == point)
      pending.append(point)
      if pending.count > 3 { observations.append(Self.observe(pending.removeFirst(), trial)) }
    }
  }

  @Test func theFunctionsAreThoseOfTheReference() throws {
    let anchors = try SearchAnchors.read()
    for (name, checks) in anchors.checks {
      let function = try #require(anchors.functions[name])
      let problem = SearchProblem.named(name, function)
      #expect(!checks.isEmpty)
      for check in checks {
        let values = check.point.map { key, setting -> (String, SearchValue) in
          switch setting {
          case .number(let number): return (key, .number(number))
          case .name(let text):
            let choices = function.categoricals?.first { $0.name == key }?.choices ?? []
            return (key, .choice(choices.firstIndex(of: text) ?? -1))
          }
        }
        let point = SearchPoint(values: Dictionary(uniqueKeysWithValues: values))
        #expect(abs(problem.loss(point) - check.value) < 1e-9)
      }
    }
  }

  /// After 20 trials the median of a few seeds is better than that of each of Optuna's samplers.
  @Test(arguments: ["branin", "hartmann6", "mixed10"]) func bayesianAgainstOptuna(name: String) throws {
    let anchors = try SearchAnchors.read()
    let problem = SearchProblem.named(name, try #require(anchors.functions[name]))
    let reached = median(problem.best(.bayesian, seeds: 5, after: [20])[0])
    let samplers = try #require(anchors.best[name])
    #expect(samplers.count == 5)
    for (sampler, figures) in samplers { #expect(reached < figures.median[0], "\(sampler)") }
  }

  /// After 50 trials the median of 20 seeds is better than that of random search.
  @Test(arguments: ["branin", "hartmann6", "mixed10"], [ProposerKind.greedy, .reinforcement, .evolution])
  func betterThanRandom(name: String, kind: ProposerKind) throws {
    let problem = SearchProblem.named(name, try #require(SearchAnchors.read().functions[name]))
    let control = median(problem.best(.random, seeds: 20, after: [50])[0])
    #expect(median(problem.best(kind, seeds: 20, after: [50])[0]) < control)
  }

  /// Real translators: 604 systems from Somali to English, of which the best has 11.23 BLEU. Means of 20 repeats.
  @Test func greedyOnTranslators() throws {
    let problem = try SearchProblem.table("so-en")
    let means = problem.best(.greedy, seeds: 20, after: [20, 50, 100])
      .map { -$0.reduce(0, +) / Double($0.count) }
    #expect(means[0] >= 10.95)
    #expect(means[1] >= 11.18)
    #expect(means[2] >= 11.22)
  }
}
