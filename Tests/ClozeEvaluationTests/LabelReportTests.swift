import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeText
import Testing

/// What a report makes of labels and probabilities.
@Suite struct LabelReportTests {
  private func tokenizer() throws -> Tokenizer {
    Tokenizer(vocabulary: try Vocabulary(tokens: SpecialTokens.texts + ["a", "b"]), normalizer: .cased)
  }

  /// Logarithmic probabilities that choose label `chosen` of two.
  private func row(_ chosen: Int) -> [Float] { chosen == 0 ? [-0.1, -2.4] : [-2.4, -0.1] }

  private func report(
    _ kind: LabelKind, _ samples: [LabelledSample], labels: [String], _ rows: [[[Float]]]
  ) throws -> LabelReport {
    let encoded = try EncodedFile(
      LabelledFile(kind, samples), labels: labels, tokenizer: tokenizer(), maximumLength: 16)
    return LabelReport(encoded, labels: labels, logProbabilities: rows)
  }

  @Test func unknownLabelsCountAsWrong() throws {
    let samples = ["x", "x", "y", "z"].map { LabelledSample(texts: ["a"], labels: [$0]) }
    let report = try report(
      .classification, samples, labels: ["x", "y"], [[row(0)], [row(0)], [row(1)], [row(1)]])
    #expect(report.classes == ["x", "y", "z"])
    #expect(report.accuracy == 0.75)
    // x 1, y 2/3, z 0
    #expect(abs(report.f1 - 5.0 / 9) < 1e-12)
    #expect(abs(report.loss - 0.1) < 1e-6)
    #expect(report.baseline.label == "x")
    #expect(report.baseline.accuracy == 0.5)
    // Of x only: 2/3, of the others 0.
    #expect(abs(report.baseline.f1 - 2.0 / 9) < 1e-12)
  }

  @Test func entitiesOfSentencesInParts() throws {
    // Twenty words of one piece each do not fit into 16 positions.
    let tags = (0..<20).map { ["B-P", "I-P", "O"][$0 % 3] }
    let sample = LabelledSample(texts: Array(repeating: "a", count: 20), labels: tags)
    let labels = ["B-P", "I-P", "O"]
    let encoded = try EncodedFile(
      LabelledFile(.tagging, [sample]), labels: labels, tokenizer: tokenizer(), maximumLength: 16)
    #expect(encoded.parts.map(\.classified.count) == [14, 6])
    let rows = encoded.parts.map {
      $0.labels.map { label in (0..<3).map { $0 == Int(label) ? 0 : -9 } as [Float] }
    }
    let report = LabelReport(encoded, labels: labels, logProbabilities: rows)
    #expect(report.f1 == 1)
    #expect(report.entities?.types["P"]?.actual == 7)
    #expect(report.baseline.label == "B-P")
    #expect(report.warnings.contains { $0.contains("too few") })
  }

  @Test func intervalsHoldTheScoreAndNarrow() throws {
    func width(_ count: Int) throws -> Double {
      let samples = (0..<count).map { LabelledSample(texts: ["a"], labels: [$0 % 2 == 0 ? "x" : "y"]) }
      let rows = (0..<count).map { [row($0 % 5 == 0 ? 0 : $0 % 2)] }
      let report = try report(.classification, samples, labels: ["x", "y"], rows)
      let interval = report.intervals().accuracy
      #expect(interval.contains(report.accuracy))
      return interval.upperBound - interval.lowerBound
    }
    #expect(try width(400) < 0.6 * width(100))
  }

  @Test func damagedWeightsAreNamed() throws {
    let samples = ["x", "y"].map { LabelledSample(texts: ["a"], labels: [$0]) }
    let report = try report(
      .classification, samples, labels: ["x", "y"], [[[.nan, .nan]], [[.nan, .nan]]])
    #expect(report.warnings.contains { $0.contains("not finite") })
  }

  @Test func tagsOfWordClassesWantAccuracy() throws {
    let sample = LabelledSample(texts: ["a", "b"], labels: ["NOUN", "VERB"])
    let report = try report(.tagging, [sample], labels: ["NOUN", "VERB"], [[row(0), row(1)]])
    #expect(report.accuracy == 1)
    #expect(report.warnings.contains { $0.contains("'NOUN' is no tag of an entity") })
  }
}
