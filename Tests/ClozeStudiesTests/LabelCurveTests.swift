import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeStudies
import ClozeTestSupport
import ClozeText
import ClozeTraining
import Foundation
import Testing

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Small label curves from beginning to end.
@Suite struct LabelCurveTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let words = ["the", "dog", "cat", "sees", "bird", "house", "tree", "water"]

  private static func sentence(_ number: Int) -> [String] {
    RandomValues.tokens(4, below: words.count, seed: number).map { words[Int($0)] }
  }

  private func translation() -> TranslationSubject {
    let pairs = (0..<60).map { number in
      let tokens = Self.sentence(number)
      return TranslationPair(
        source: tokens.joined(separator: " "), target: tokens.reversed().joined(separator: " "))
    }
    var settings = FinetuneConfiguration()
    settings.decoder.layerCount = 1
    settings.batch.maximumLength = 32
    settings.batch.tokensPerMicrobatch = 64
    settings.batch.microbatches = 2
    settings.stop.steps = 4
    settings.validation.pairs = 6
    settings.cadence.validationSteps = 2
    settings.compute.workers = 1
    return TranslationSubject(
      PairRows(
        settings: settings, model: Fixtures.url("bert"), training: TranslationPairs(Array(pairs[..<40])),
        validation: TranslationPairs(Array(pairs[40..<48]))), test: TranslationPairs(Array(pairs[48...])))
  }

  private func classification() -> LabelSubject {
    let samples = (0..<60).map { number in
      let words = Self.sentence(number)
      return LabelledSample(
        texts: [words.joined(separator: " ")], labels: [words.contains("dog") ? "dog" : "none"])
    }
    var settings = LabelConfiguration()
    settings.batch.maximumLength = 32
    settings.batch.tokensPerMicrobatch = 64
    settings.stop.steps = 4
    settings.cadence.validationSteps = 2
    settings.compute.workers = 1
    func file(_ range: Range<Int>) -> LabelledFile { LabelledFile(.classification, Array(samples[range])) }
    return LabelSubject(
      LabelRows(
        settings: settings, model: Fixtures.url("bert"), training: file(0..<40), validation: file(40..<48)),
      test: file(48..<60))
  }

  private func study<Subject: CurveSubject>(
    _ subject: Subject, _ name: String, sizes: String = "8,all", resume: ResumeMode = .ifPresent
  ) throws -> LabelCurveStudy<Subject> {
    try LabelCurveStudy(
      subject, sizes: sizes, seedCount: 2, trialCount: 2, output: folder.file(name), resume: resume)
  }

  private func check(_ subject: some CurveSubject, _ name: String) throws {
    let study = try study(subject, name)
    var ended: [CurveRunScore] = []
    let runs = try #require(
      try study.run(
        isInterrupted: { false },
        report: {
          if case .ended(let score, _, let done, let count) = $0 {
            ended.append(score)
            #expect(done == ended.count && count == study.runCount)
          }
        }))
    #expect(ended.count == study.runCount)
    #expect(study.runCount == 2 * 2 * 3)
    // Both arms had the same trials and seeds.
    for point in runs.points {
      #expect(point.trials.map(\.run.trial) == Array(CurveTrial.all.prefix(2)))
      #expect(point.seeds.map(\.run.seed) == [1, 2])
      #expect(Set(point.seeds.map(\.run.trial.rateFactor)).count == 1)
      #expect(point.seeds[0].validationScore == point.trials.map(\.validationScore).max())
    }
    #expect(runs.points.map(\.size) == [8, 8, 40, 40])
    let report = LabelCurveReport(runs, workers: 1)
    #expect(report.sizes.map(\.rows) == [8, 40])
    for size in report.sizes {
      for arm in [size.pretrained, size.scratch] {
        #expect(arm.intervals[0].low <= arm.scores[0] && arm.scores[0] <= arm.intervals[0].high)
        let mean = arm.scoresBySeed.reduce(0, +) / 2
        #expect(abs(mean - arm.scores[0]) < 1e-9)
      }
      #expect(abs(size.difference - (size.pretrained.scores[0] - size.scratch.scores[0])) < 1e-9)
      #expect(size.isGain == (size.differenceInterval.low > 0))
    }
    try report.write(to: folder.file(name))
    let svg = try Data(contentsOf: folder.file("\(name)/curve.svg"))
    #expect(XMLParser(data: svg).parse())
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.file("\(name)/curve.json")))
    #expect(((json as? [String: Any])?["sizes"] as? [Any])?.count == 2)
    // Scores are all that is kept of a run.
    let run = folder.file("\(name)/runs/\(ended[0].run.folderName)")
    #expect(RunFolder(run).checkpointSteps.isEmpty)
  }

  @Test func aTranslationCurve() throws { try check(translation(), "translation") }

  @Test func aClassificationCurve() throws { try check(classification(), "classification") }

  /// The curve of a study that is interrupted within a run, and between two, is that of one that never was.
  @Test(arguments: [2, 5, 11]) func anInterruptionLeavesNoTrace(step: Int) throws {
    let subject = classification()
    func run(_ name: String, until last: Int?) throws -> LabelCurveRuns? {
      var steps = 0
      return try study(subject, name).run(
        isInterrupted: {
          steps += 1
          return steps == last
        }, report: { _ in })
    }
    let straight = try #require(try run("straight", until: nil))
    #expect(try run("broken", until: step) == nil)
    let resumed = try #require(try run("broken", until: nil))
    for (a, b) in zip(straight.points, resumed.points) {
      #expect(a.seeds.map(\.statistics) == b.seeds.map(\.statistics))
      #expect(a.trials.map(\.validations) == b.trials.map(\.validations))
    }
  }

  /// A score of other rows, and a description that is torn.
  @Test func whatIsDamagedIsNamed() throws {
    let subject = classification()
    let runs = try #require(
      try study(subject, "study", sizes: "8").run(isInterrupted: { false }, report: { _ in }))
    let file = folder.file("study/runs/\(runs.points[0].seeds[0].run.folderName)/score.json")
    var score = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    var rows = try #require(score["statistics"] as? [[Double]])
    rows[3].removeLast()
    score["statistics"] = rows
    try JSONSerialization.data(withJSONObject: score).write(to: file)
    #expect(
      failureMessage {
        _ = try study(subject, "study", sizes: "8").run(isInterrupted: { false }, report: { _ in })
      }.contains("score.json: is not the score of a run"))
    try folder.write("{", to: "study/study.json")
    #expect(
      failureMessage { _ = try study(subject, "study", sizes: "8") }.contains("study.json: does not say"))
  }

  /// More sizes may be added to a study; other rows or settings make another one.
  @Test func aStudyResumesWithWhatItWasStartedWith() throws {
    let subject = classification()
    _ = try study(subject, "study", sizes: "8").run(isInterrupted: { false }, report: { _ in })
    var begun = 0
    _ = try study(subject, "study", sizes: "8,16", resume: .required).run(
      isInterrupted: { false },
      report: { if case .begun = $0 { begun += 1 } })
    #expect(begun == 6)
    #expect(
      failureMessage { _ = try study(subject, "study", resume: .never) }.contains("already holds a study"))
    #expect(
      failureMessage { _ = try study(subject, "none", resume: .required) }.contains("no study to resume"))
    #expect(
      failureMessage { _ = try study(translation(), "study", resume: .required) }.contains(
        "was not started with this"))
    #expect(!FileManager.default.fileExists(atPath: folder.file("none").path))
  }

  @Test(arguments: [
    ("8,abc", "'abc' is no number of rows"), ("", "'' is no number"), ("8,all,9", "'all' is no number"),
    ("20,8", "8 comes after 20"), ("8,40,all", "40 comes after 40"), ("0", "'0' is no number"),
    ("8,1000", "1,000 is more than the 40 rows of samples"),
  ]) func wrongSizes(sizes: String, message: String) {
    #expect(failureMessage { _ = try study(classification(), "wrong", sizes: sizes) }.contains(message))
  }

  @Test func aPlanTrainsNothing() throws {
    let plan = try LabelCurveStudy(
      classification(), sizes: "8,all", seedCount: 3, trialCount: 2, output: folder.file("plan"),
      resume: .never,
      plansOnly: true)
    #expect(plan.runCount == 2 * 2 * 4)
    #expect(try #require(try plan.estimatedSeconds()) > 0)
    #expect(!FileManager.default.fileExists(atPath: folder.file("plan").path))
  }

  /// The score of a report is the score of its statistics.
  @Test func statisticsAddUpToTheScore() throws {
    let samples = ["a", "b", "a", "c", "b", "a"].map { LabelledSample(texts: ["w"], labels: [$0]) }
    let predictions = [0, 1, 1, 0, 1, 0]
    let file = LabelledFile(.classification, samples)
    let report = LabelReport(
      try EncodedFile(
        file, labels: ["a", "b"], tokenizer: Tokenizer(Fixtures.url("tokenizer-uncased")), maximumLength: 8),
      labels: ["a", "b"],
      logProbabilities: predictions.map { [[$0 == 0 ? -0.1 : -3, $0 == 1 ? -0.1 : -3]] })
    let rows = report.statistics(classes: ["a", "b", "c"])
    let sums = (0..<9).map { place in rows.reduce(0) { $0 + $1[place] } }
    #expect(LabelReport.f1(.classification, statistics: sums) == report.f1)
    #expect(report.f1 > 0.3 && report.f1 < 0.9)
  }
}
