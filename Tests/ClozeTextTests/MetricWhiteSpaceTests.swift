import ClozeTestSupport
import ClozeText
import Foundation
import Testing

private struct MetricGroups: Decodable {
  struct Group: Decodable {
    let name: String
    let hypotheses: [String]
    let references: [[String]]
    let bleu13a: Double
    let bleuZh: Double
    let chrF: Double
    let chrFPlusPlus: Double
  }

  let groups: [Group]
}

/// White space, format characters, line separators and controls, one at a time at every place and many at random, in
/// hypotheses and references: the scores of sacreBLEU 2.6.0.
@Suite struct MetricWhiteSpaceTests {
  @Test func everyGroupEqualsTheReference() throws {
    let fixture = try JSONDecoder().decode(
      MetricGroups.self, from: Data(contentsOf: Fixtures.url("metrics-white-space.json")))
    #expect(fixture.groups.count == 297)
    for group in fixture.groups {
      let (hypotheses, references) = (group.hypotheses, group.references)
      let scores = [
        ("13a", BLEU(.western).score(hypotheses, references: references), group.bleu13a),
        ("zh", BLEU(.chinese).score(hypotheses, references: references), group.bleuZh),
        ("chrF", ChrF().score(hypotheses, references: references), group.chrF),
        ("chrF++", ChrF.plusPlus.score(hypotheses, references: references), group.chrFPlusPlus),
      ]
      for (name, found, expected) in scores {
        #expect(abs(found.value - expected) < 1e-4, "\(group.name) \(name)")
      }
    }
  }
}
