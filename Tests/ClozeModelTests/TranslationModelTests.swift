import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Testing

@Suite struct TranslationModelTests {
  private func logits(_ model: TranslationModel, _ sources: [[Int32]], _ targets: [[Int32]]) -> [Float] {
    let tape = Tape(store: model.store)
    tape.begin()
    return model.logits(
      tape, source: EncoderInput(sequences: sources), target: EncoderInput(sequences: targets)
    ).values()
  }

  /// A pair's logits do not depend on the pairs beside it.
  @Test(arguments: Machine.precisions, [[4, 1, 9], [2, 2, 2]])
  func pairsDoNotSeeEachOther(precision: ElementType, lengths: [Int]) {
    let model = SmallModels.translation(precision)
    let sources = SmallModels.sequences(lengths, seed: 1)
    let targets = SmallModels.sequences([6, 3, 5], seed: 2)
    let apart = zip(sources, targets).flatMap { logits(model, [$0], [$1]) }
    #expect(greatestDifference(logits(model, sources, targets), apart) < 1e-5)
  }

  /// A target token changes the logits at its own place and after, in its own pair only.
  @Test(arguments: [0, 3, 5])
  func targetsAreCausal(place: Int) {
    let model = SmallModels.translation()
    let sources = SmallModels.sequences([4, 1], seed: 1)
    let targets = SmallModels.sequences([6, 3], seed: 2)
    var changed = targets
    changed[0][place] = (changed[0][place] + 1) % 50
    let (before, after) = (logits(model, sources, targets), logits(model, sources, changed))
    let rows = (0..<9).filter { before[$0 * 50..<($0 + 1) * 50] != after[$0 * 50..<($0 + 1) * 50] }
    #expect(rows == Array(place..<6))
  }

  /// A source token changes all of its target's logits and no others.
  @Test(arguments: [0, 3])
  func sourcesReachTheirTargets(place: Int) {
    let model = SmallModels.translation()
    let sources = SmallModels.sequences([4, 1], seed: 1)
    let targets = SmallModels.sequences([6, 3], seed: 2)
    var changed = sources
    changed[0][place] = (changed[0][place] + 1) % 50
    let (before, after) = (logits(model, sources, targets), logits(model, changed, targets))
    let rows = (0..<9).filter { before[$0 * 50..<($0 + 1) * 50] != after[$0 * 50..<($0 + 1) * 50] }
    #expect(rows == Array(0..<6))
  }
}
