import ClozeCore
import ClozeData
import ClozeEvaluation
import ClozeText
import ClozeTraining
import Testing

@Suite struct EpochPlansTests {
  private func batches(pairsPerPool: Int) throws -> LengthBatches<EncodedPair> {
    let letters = "abcdefghij".map(String.init)
    let tokenizer = Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + letters), normalizer: .cased)
    let pairs = (0..<50).map { number in
      TranslationPair(
        source: (0...number % 9).map { letters[$0] }.joined(separator: " "),
        target: (0...number % 5).map { letters[$0] }.joined(separator: " "))
    }
    let usable = try PairSelection(TranslationPairs(pairs), tokenizer: tokenizer, maximumLength: 20)
    return LengthBatches(
      usable.encoded, tokensPerMicrobatch: 40, seed: 1,
      samplesPerPool: pairsPerPool)
  }

  /// A run that resumes in epoch 1,000 plans that epoch and none before it, and gets the micro-batches that a run has which
  /// came there from the first.
  @Test(arguments: [10, 8192])
  func resumingPlansOneEpoch(pairsPerPool: Int) throws {
    let batches = try batches(pairsPerPool: pairsPerPool)
    let perEpoch = batches.microbatchesPerEpoch
    let whole = EpochPlans(batches)
    let all = (0..<1002 * perEpoch).map { whole.samples($0) }
    #expect(whole.plannedCount == 1002)
    let resumed = EpochPlans(batches)
    let start = 1000 * perEpoch + 3
    #expect(
      (start..<start + perEpoch - 3).map { resumed.samples($0) } == Array(all[start..<start + perEpoch - 3]))
    #expect(resumed.plannedCount == 1)
    #expect(resumed.samples(1001 * perEpoch) == all[1001 * perEpoch])
    #expect(resumed.plannedCount == 2)
    // A worker that is still in the epoch before asks for nothing anew.
    #expect(resumed.samples(start) == all[start])
    #expect(resumed.plannedCount == 2)
  }
}
