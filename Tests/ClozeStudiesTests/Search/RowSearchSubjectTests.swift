import ClozeCore
import ClozeData
import ClozeStudies
import ClozeTestSupport
import ClozeTraining
import Foundation
import Testing

@Suite struct RowSearchSubjectTests {
  private static func config(_ name: String) -> URL {
    URL(fileURLWithPath: #filePath).appendingPathComponent("../../../../configs/\(name)").standardized
  }

  private let pairs = (0..<20).map { TranslationPair(source: "the dog \($0)", target: "dog the \($0)") }

  private func subject(_ settings: FinetuneConfiguration) throws -> RowSearchSubject<PairRows> {
    var settings = settings
    settings.batch.maximumLength = 32
    return try RowSearchSubject(
      PairRows(
        settings: settings, model: Fixtures.url("bert"), training: TranslationPairs(Array(pairs[..<15])),
        validation: TranslationPairs(Array(pairs[15...]))))
  }

  /// Its space has settings that a run takes, and none that a study refuses.
  @Test func theCommentedFileIsAStudy() throws {
    let settings = try SearchConfiguration.load(file: Self.config("search-finetune.yaml"), overrides: [])
    #expect(settings.task == .translation)
    let subject = try subject(.base(settings.base))
    #expect(subject.score == SearchScore(name: "chrF", prefersLarger: true))
    let folder = try TemporaryFolder()
    let study = try SearchStudy(
      subject, settings: settings, output: folder.file("study"), resume: .never, plansOnly: true)
    #expect(try study.schedule { 60 }.trialCount > 0)
    // What was written down as a default of a study.
    let defaults = try SearchConfiguration.load(file: Self.config("search.yaml"), overrides: [])
    var expected = SearchConfiguration()
    (expected.base, expected.space) = (defaults.base, defaults.space)
    #expect(defaults == expected)
  }

  /// A decoder layer has the same parameters each time.
  @Test func parametersAreThoseOfTheModel() throws {
    let settings = FinetuneConfiguration()
    let subject = try subject(settings)
    let counts = try [1, 2, 3].map { layers in
      try subject.parameterCount(subject.base.with(["decoder.layerCount=\(layers)"]))
    }
    #expect(counts[0] > 0 && counts[1] - counts[0] > 0)
    #expect(counts[2] - counts[1] == counts[1] - counts[0])
    #expect(
      try subject.parameterCount(subject.base.with(["labelSmoothing=0.2", "decoder.layerCount=2"]))
        == counts[1])
  }

  @Test func aLargerScoreIsASmallerLoss() {
    #expect(SearchScore(name: "BLEU", prefersLarger: true).value(ofLoss: -14.5) == 14.5)
    #expect(SearchScore.loss.value(ofLoss: 3.25) == 3.25)
  }
}
