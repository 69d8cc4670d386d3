import ClozeData
import ClozeEvaluation
import ClozeTestSupport
import ClozeText
import ClozeTraining
import Foundation
import Testing

/// The probe of whether a decoder reads its source: the loss with the sources of other sentences.
@Suite struct SourceProbeTests {
  @Test func displacedSourcesAreThoseOfOthers() throws {
    let pairs = [[1, 2], [3], [1, 2], [4, 5], [6]].enumerated().map { index, source in
      EncodedPair(source: source, target: [TokenID(10 + index)])
    }
    let displaced = try #require(pairs.withDisplacedSources)
    #expect(displaced.map(\.target) == pairs.map(\.target))
    for (new, old) in zip(displaced, pairs) { #expect(new.source != old.source) }
    // Each source stands for one other, whatever the number of its pairs.
    #expect(Set(displaced.map(\.source)) == Set(pairs.map(\.source)))
    #expect(displaced[0].source == displaced[2].source)
    #expect(Array(pairs[0...0]).withDisplacedSources == nil)
    #expect([pairs[0], pairs[2]].withDisplacedSources == nil)
  }

  private func pairs(_ count: Int, readsSource: Bool) -> TranslationPairs {
    let words = ["the", "dog", "cat", "sees", "bird", "house", "tree", "water"]
    return TranslationPairs(
      (0..<count).map { number in
        let source = RandomValues.tokens(3, below: words.count, seed: number).map { words[Int($0)] }
        let other = RandomValues.tokens(3, below: words.count, seed: 1000 + number).map { words[Int($0)] }
        return TranslationPair(
          source: source.joined(separator: " "),
          target: (readsSource ? source : other).joined(separator: " "))
      })
  }

  /// A decoder that has learnt to copy loses much with other sources, one whose sources say nothing loses nothing, and is
  /// warned of.
  @Test(arguments: [true, false]) func theProbeTellsWhetherTheSourceIsRead(readsSource: Bool) throws {
    let folder = try TemporaryFolder()
    var configuration = FinetuneConfiguration()
    configuration.decoder.layerCount = 1
    configuration.batch.maximumLength = 16
    configuration.batch.tokensPerMicrobatch = 256
    configuration.batch.microbatches = 1
    configuration.model.dropout = 0
    configuration.model.attentionDropout = 0
    configuration.optimizer.learningRate = 4e-3
    configuration.optimizer.schedule.warmupSteps = 10
    configuration.stop.steps = 300
    configuration.cadence.validationSteps = 300
    configuration.cadence.checkpointSteps = 300
    let task = try TranslationTask(
      configuration: configuration, start: .pretrained(Fixtures.url("bert")),
      training: pairs(400, readsSource: readsSource),
      validation: TranslationPairs(Array(pairs(460, readsSource: readsSource).pairs.suffix(60))))
    var last: ValidationReport?
    _ = try TrainingRun(task, output: folder.file("run"), resume: .never).run(
      isInterrupted: { false },
      report: { if case .validated(_, let report) = $0 { last = report } })
    let report = try #require(last)
    let gain = try #require(report.figures["sourceGain"])
    let isWarned = report.warnings.contains { $0.contains("its source so far") }
    #expect(readsSource ? gain > 0.5 : gain < 0.05, "\(gain)")
    #expect(isWarned == !readsSource, "\(report.warnings)")
  }
}
