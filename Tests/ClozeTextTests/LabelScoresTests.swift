import ClozeTestSupport
import ClozeText
import Foundation
import Testing

/// Scores of labels are scikit-learn's and seqeval's, on random labels.
@Suite struct LabelScoresTests {
  struct Cases: Decodable {
    struct Classification: Decodable {
      let classes: [String]
      let truth: [String]
      let predicted: [String]
      let accuracy: Double
      let macroF1: Double
      let confusion: [[Int]]
      let precision: [Double]
      let recall: [Double]
      let f1: [Double]
      let support: [Int]
    }

    struct Row: Decodable {
      let precision: Double
      let recall: Double
      let f1: Double
      let support: Double

      private enum CodingKeys: String, CodingKey {
        case precision, recall, support
        case f1 = "f1-score"
      }
    }

    struct Tagging: Decodable {
      let scheme: String
      let truth: [[String]]
      let predicted: [[String]]
      let precision: Double
      let recall: Double
      let f1: Double
      let support: Int
      let macroF1: Double
      let types: [String: Row]
    }

    let classification: [Classification]
    let tagging: [Tagging]
  }

  private let cases: Cases

  init() throws {
    cases = try JSONDecoder().decode(
      Cases.self, from: Data(contentsOf: Fixtures.url("label-scores.json")))
  }

  private func isNear(_ value: Double, _ expected: Double) -> Bool { abs(value - expected) < 1e-12 }

  @Test func classesAreScoredAsByScikitLearn() throws {
    #expect(cases.classification.count == 60)
    for example in cases.classification {
      let numbers = Dictionary(uniqueKeysWithValues: example.classes.enumerated().map { ($1, $0) })
      var table = ConfusionTable(classes: example.classes.count)
      for (truth, predicted) in zip(example.truth, example.predicted) {
        table.add(truth: try #require(numbers[truth]), predicted: try #require(numbers[predicted]))
      }
      #expect(table.counts == example.confusion.flatMap { $0 })
      #expect(isNear(table.accuracy, example.accuracy))
      #expect(isNear(table.macroF1, example.macroF1))
      for (index, score) in table.scores.enumerated() {
        #expect(isNear(score.precision, example.precision[index]))
        #expect(isNear(score.recall, example.recall[index]))
        #expect(isNear(score.f1, example.f1[index]))
        #expect(score.actual == example.support[index])
      }
    }
  }

  @Test func entitiesAreScoredAsBySeqeval() throws {
    #expect(Set(cases.tagging.map(\.scheme)).count == 6)
    for example in cases.tagging {
      var scores = EntityScores()
      var sum = ClassCounts()
      for (truth, predicted) in zip(example.truth, example.predicted) {
        sum += scores.add(truth: truth, predicted: predicted)
      }
      #expect(sum == scores.all)
      #expect(isNear(scores.all.precision, example.precision), "\(example.truth) \(example.predicted)")
      #expect(isNear(scores.all.recall, example.recall))
      #expect(isNear(scores.all.f1, example.f1))
      #expect(scores.all.actual == example.support)
      #expect(isNear(scores.macroF1, example.macroF1))
      #expect(Set(scores.types.keys) == Set(example.types.keys))
      for (type, counts) in scores.types {
        let row = try #require(example.types[type])
        #expect(isNear(counts.precision, row.precision), "\(type)")
        #expect(isNear(counts.recall, row.recall), "\(type)")
        #expect(isNear(counts.f1, row.f1), "\(type)")
        #expect(Double(counts.actual) == row.support, "\(type)")
      }
    }
  }

  @Test func majorityIsTheShareOfTheMostFrequentClass() throws {
    var table = ConfusionTable(classes: 3)
    #expect(table.majority == nil)
    for truth in [0, 2, 2, 1, 2] { table.add(truth: truth, predicted: 0) }
    let majority = try #require(table.majority)
    #expect(majority.class == 2)
    #expect(majority.share == 0.6)
  }
}
