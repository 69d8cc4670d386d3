import ClozeCore
import ClozeModel
import ClozeStudies
import ClozeTestSupport
import Foundation
import FoundationXML
import Testing

/// The page of a study whose losses are a known function of three settings.
@Suite struct StudyPageTests {
  private static let space = SearchSpace(dimensions: [
    SearchDimension(
      key: "optimizer.rate", domain: .range(lower: 1e-4, upper: 1e-1, isLogarithmic: true, multiple: nil)),
    SearchDimension(key: "model.size", domain: .levels([64, 128, 256])),
    SearchDimension(key: "model.kind", domain: .choice(["a < b", "\"c\" & d"])),
  ])

  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// 36 trials, the third part of them random search, after three runs of the base.
  private func result(trials: Int = 36) throws -> SearchResult {
    var rungs = SearchConfiguration.Rungs()
    rungs.count = 1
    let schedule = SearchSchedule(trials: trials, control: 0.33, seeds: 3, rungs: rungs)
    let journal = try SearchJournal(folder.url)
    try journal.append(.started(.init(identities: [:], trials: trials)))
    func add(_ number: Int, _ arm: SearchArm, _ point: SearchPoint, _ loss: Double) throws {
      try journal.append(
        .proposed(.init(trial: number, arm: arm, point: point, settings: ["model.kind=a < b"], seed: 1)))
      try journal.append(.measured(.init(trial: number, rung: 0, step: 9, loss: loss)))
    }
    for seed in 1...3 { try add(seed, .base, SearchPoint(), 4 + 0.01 * Double(seed)) }
    let random = ProposerKind.random.proposer(space: Self.space, seed: 1)
    for bracket in schedule.brackets {
      for number in bracket.trials {
        let point = random.propose(trial: number, observations: [], pending: [])
        let rate = log10(point.number("optimizer.rate")) + 2
        let loss =
          3 + rate * rate - 0.2 * Double(point.position("model.size")) + 0.5
          * Double(point.position("model.kind"))
        try add(number, bracket.arm, point, loss)
      }
    }
    return SearchResult(journal: journal, schedule: schedule, proposer: .greedy)
  }

  private func page(_ result: SearchResult, network: [Block] = []) -> String {
    let importance = SettingImportance(Self.space, result.observations)
    return StudyPage(
      result, space: Self.space, importance: importance, proposer: .greedy, network: network
    ).html
  }

  private func elements(_ page: String, _ name: String) throws -> Int {
    final class Counter: NSObject, XMLParserDelegate {
      var counts: [String: Int] = [:]
      func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
      ) { counts[name, default: 0] += 1 }
    }
    let (counter, parser) = (Counter(), XMLParser(data: Data(page.utf8)))
    parser.delegate = counter
    try #require(parser.parse(), "\(String(describing: parser.parserError))")
    return counter.counts[name] ?? 0
  }

  @Test func allParts() throws {
    let blocks = try BlockPattern("attention, recurrent").blocks(layerCount: 4, path: "")
    let page = self.page(try result(), network: blocks)
    // Best so far, importance, pairs and network.
    #expect(try elements(page, "svg") == 4)
    #expect(page.contains("a &lt; b") && !page.contains("a < b"))
    #expect(page.contains("&quot;c&quot; &amp; d"))
    // 3 pairs with a dot for each of 36 trials, and the values of each setting alone: 12, 3 and 2.
    #expect(try elements(page, "circle") == 3 * 36 + 12 + 3 + 2)
  }

  /// Too few trials say nothing of the settings, and a study from a model has no network.
  @Test func whatCannotBeSaidIsLeftOut() throws {
    let page = self.page(try result(trials: 6))
    #expect(try elements(page, "svg") == 1)
    #expect(page.contains("needs 10 trials with a loss; there are 6"))
  }
}
