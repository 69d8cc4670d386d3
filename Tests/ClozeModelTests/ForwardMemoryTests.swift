import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Testing

/// What a pass without a recording holds at once.
@Suite struct ForwardMemoryTests {
  private func configuration(layers: Int) -> EncoderConfiguration {
    var configuration = SmallModels.configuration()
    configuration.layerCount = layers
    return configuration
  }

  /// The second of two equal passes: the first finds out how much is needed, and its chunks end in gaps.
  private func peak(_ tape: Tape, _ pass: () -> Void) -> Int {
    for _ in 0..<2 {
      tape.begin()
      pass()
    }
    return tape.arena.peak
  }

  /// A deep encoder holds what a shallow one does: a layer, and what goes into it.
  @Test(arguments: Machine.precisions)
  func theEncoderHoldsOneLayer(precision: ElementType) {
    let input = EncoderInput(sequences: SmallModels.sequences([Int](repeating: 32, count: 40)))
    let peaks = [1, 2, 9].map { layers in
      let model = MaskedLanguageModel(
        configuration: configuration(layers: layers), precision: precision, seed: 1)
      let tape = Tape(store: model.store)
      return peak(tape) { _ = model.crossEntropy(tape, input, predicted: [3, 5], labels: [7, 8]) }
    }
    #expect(peaks[1] == peaks[0] && peaks[2] == peaks[0])
    // In: D; queries, keys and values: 3D; context, projection, sum, out: D each. The feed-forward layer has F for D twice.
    let row = max(8 * 24, 5 * 24 + 2 * 40) * precision.size
    #expect(peaks[0] < input.tokens.count * row + 200_000)
  }

  /// The same for the losses of translations, in both halves.
  @Test(arguments: Machine.precisions)
  func aTranslatorHoldsOneLayer(precision: ElementType) {
    let sequences = SmallModels.sequences([Int](repeating: 32, count: 40))
    let input = EncoderInput(sequences: sequences)
    let peaks = [1, 2, 9].map { layers in
      let model = TranslationModel(
        configuration: configuration(layers: layers), decoder: DecoderConfiguration(layerCount: layers),
        precision: precision, seed: 1)
      let tape = Tape(store: model.store)
      return peak(tape) {
        _ = model.crossEntropy(tape, source: input, target: input, labels: input.tokens)
      }
    }
    #expect(peaks[1] == peaks[0] && peaks[2] == peaks[0])
  }

  /// `keep` moves a layer's output without changing it, even over itself.
  @Test(arguments: Machine.precisions)
  func outputsAreMovedWhole(precision: ElementType) {
    let model = SmallModels.maskedLanguage(precision)
    let tape = Tape(store: model.store)
    tape.begin()
    let mark = tape.mark
    _ = tape.makeTensor(rows: 1, columns: 40)
    let values = RandomValues.signed(50_000, seed: 1).map(ReferenceKernels.bfloat16)
    let kept = tape.keep(tape.makeTensor(rows: 50, columns: 1000, values: values), since: mark)
    #expect(kept.values() == values)
    #expect((50_000 * precision.size..<50_000 * precision.size + 64).contains(tape.arena.inUse))
    // A recorded pass needs everything for its way back.
    tape.begin(lane: GradientLane(model.store))
    let start = tape.mark
    let first = tape.makeTensor(rows: 50, columns: 1000, values: values)
    #expect(tape.keep(first, since: start) === first)
  }

  /// A search takes no more than it says before: with hypotheses that reach their limit, and with those that end.
  @Test(arguments: [1, 2, 5], Machine.precisions)
  func aSearchTakesWhatItSays(beamSize: Int, precision: ElementType) {
    for endBias in [Float(-100), 1] {
      let model = SmallModels.translation(precision, layerCount: 3, seed: 5)
      for parameter in model.store.parameters where parameter.path.hasSuffix("head.outputBias") {
        model.store.values(of: parameter)[3] = endBias
      }
      let search = BeamSearch(
        model, start: 2, end: 3, specials: [0, 1, 2, 3],
        configuration: BeamConfiguration(beamSize: beamSize))
      for count in [1, 8, 30] {
        let sources = SmallModels.sequences([Int](repeating: 30, count: count), seed: count)
        let tape = Tape(store: model.store)
        let found = (0..<2).map { _ in search.translate(tape, sources: sources) }
        #expect(found[0] == found[1])
        let stated = count * search.memory(source: 30)
        // A step of the decoder, and the row that a cache has over.
        #expect(tape.arena.peak <= stated + 60_000 + count * beamSize * 1000)
        #expect(tape.arena.peak > stated / 2)
      }
    }
  }
}
