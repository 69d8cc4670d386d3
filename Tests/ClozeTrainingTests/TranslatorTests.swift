import ClozeCompute
import ClozeEvaluation
import ClozeModel
import ClozeTestSupport
import ClozeText
import ClozeTraining
import Testing

@Suite struct TranslatorTests {
  private let letters = "abcdefghij".map(String.init)

  private func lines(_ lengths: [Int]) -> [String] {
    lengths.enumerated().map { index, length in
      RandomValues.tokens(length, below: 10, seed: index).map { letters[Int($0)] }.joined(separator: " ")
    }
  }

  /// Lines are searched in batches that fit into the memory given, with the same translations as all at once; a line that
  /// needs more than all of it is searched alone.
  @Test(arguments: [1, 5], Machine.precisions)
  func batchesFitIntoTheirMemory(beamSize: Int, precision: ElementType) throws {
    let tokenizer = Tokenizer(
      vocabulary: try Vocabulary(tokens: SpecialTokens.texts + letters), normalizer: .cased)
    var sizes = EncoderConfiguration()
    (sizes.vocabularySize, sizes.layerCount, sizes.hiddenSize) = (tokenizer.vocabulary.count, 2, 32)
    (sizes.headCount, sizes.feedForwardSize, sizes.positionCount) = (2, 64, 128)
    sizes.initializerDeviation = 0.2
    let model = TranslationModel(
      configuration: sizes, decoder: DecoderConfiguration(layerCount: 2), precision: precision, seed: 1)
    let lines = lines([100, 3, 0, 90, 40, 110, 1, 60, 120, 80])

    func translate(_ bytes: Int) throws -> (texts: [[String]], peak: Int) {
      let tapes = [Tape(store: model.store)]
      let translator = Translator(
        model, tokenizer: tokenizer, beam: BeamConfiguration(beamSize: beamSize), batchBytes: bytes)
      // The tape forgets its peak with each batch, and the last one has the longest lines.
      let found = try translator.translate(lines, tapes: tapes)
      return (found.map { $0.map(\.text) }, tapes[0].arena.peak)
    }
    let whole = try translate(1 << 30)
    let search = BeamSearch(
      model, start: 2, end: 3, specials: [], configuration: BeamConfiguration(beamSize: beamSize))
    let two = try translate(2 * search.memory(source: 122))
    let one = try translate(1)
    #expect(two.texts == whole.texts && one.texts == whole.texts)
    #expect(whole.texts[2] == [""])
    #expect(whole.texts.filter { $0.first?.isEmpty == false }.count >= 5)
    #expect(two.peak <= 2 * search.memory(source: 122) + 200_000)
    #expect(one.peak <= search.memory(source: 122) + 200_000)
    #expect(whole.peak > 3 * search.memory(source: 122))
  }
}
