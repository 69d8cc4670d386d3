import ClozeCompute
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// Decoding token by token with cached keys and values, against the whole target computed at once.
@Suite struct BeamSearchTests {
  private let start: Int32 = 2
  private let end: Int32 = 3

  private func search(
    _ model: TranslationModel, beamSize: Int, penalty: Double = 1, reward: Double = 0, ratio: Double = 2
  ) -> BeamSearch {
    var configuration = BeamConfiguration(beamSize: beamSize, lengthPenalty: penalty, lengthReward: reward)
    // What these are compared with may be empty.
    configuration.minimumLength = 0
    configuration.maximumExtraLength = 2
    configuration.maximumLengthRatio = ratio
    return BeamSearch(
      model, start: start, end: end, specials: [0, 1, start, end], configuration: configuration)
  }

  /// log softmax of the logits after each token of `target`, all at once.
  private func logProbabilities(_ model: TranslationModel, _ source: [Int32], _ target: [Int32]) -> [[Double]]
  {
    let tape = Tape(store: model.store)
    tape.begin()
    let logits = model.logits(
      tape, source: EncoderInput(sequences: [source]), target: EncoderInput(sequences: [target])
    ).values()
    return target.indices.map { row in
      ReferenceKernels.softmax(logits[row * 50..<(row + 1) * 50].map(Double.init)).map { log($0) }
    }
  }

  /// Sharpens the output, so that hypotheses differ clearly and some end early.
  private func makeModel(_ precision: ElementType = .float32, blocks: String = "attention")
    -> TranslationModel
  {
    let model = SmallModels.translation(precision, blocks: blocks, seed: 5)
    for parameter in model.store.parameters where parameter.path.hasSuffix("head.outputBias") {
      model.store.values(of: parameter)[Int(end)] = 1
    }
    return model
  }

  /// The probability that the search gives is the one that the whole forward pass gives: steps, caches, states, their
  /// reordering and the rows of other sources leave no trace.
  @Test(
    arguments: [1, 2, 5],
    [
      (ElementType.float32, 1e-4, "attention"), (.bfloat16, 1e-3, "attention"), (.float32, 1e-4, "recurrent"),
      (.bfloat16, 1e-3, "recurrent"), (.float32, 1e-4, "recurrent/geglu, localAttention/none"),
    ].filter { Machine.precisions.contains($0.0) })
  func stepsEqualTheWhole(
    beamSize: Int, mode: (precision: ElementType, tolerance: Double, blocks: String)
  ) {
    expectStepsEqualTheWhole(
      makeModel(mode.precision, blocks: mode.blocks), beamSize: beamSize, tolerance: mode.tolerance)
  }

  /// A decoder with rotary positions turns the key of a new token by its own position.
  @Test func stepsOfARotaryDecoder() {
    let model = TranslationModel(
      configuration: SmallModels.modernConfiguration(), decoder: DecoderConfiguration(layerCount: 2),
      precision: .float32, seed: 5)
    for parameter in model.store.parameters where parameter.path.hasSuffix("head.outputBias") {
      model.store.values(of: parameter)[Int(end)] = 1
    }
    expectStepsEqualTheWhole(model, beamSize: 2, tolerance: 1e-4)
  }

  private func expectStepsEqualTheWhole(_ model: TranslationModel, beamSize: Int, tolerance: Double) {
    let sources = SmallModels.sequences([7, 1, 3, 9], seed: 4)
    let results = search(model, beamSize: beamSize).translate(Tape(store: model.store), sources: sources)
    #expect(results.count == sources.count)
    // The random recurrent decoders end no sentence whose likeliest tokens they follow.
    #expect(
      Set(results.flatMap { $0.map(\.tokens.count) }).count > 1
        || beamSize == 1 && model.decoderConfiguration.blocks.description.hasPrefix("recurrent"))
    for (source, hypotheses) in zip(sources, results) {
      #expect(!hypotheses.isEmpty && hypotheses.count <= beamSize)
      for hypothesis in hypotheses {
        let rows = logProbabilities(model, source, [start] + hypothesis.tokens)
        let words = zip(rows, hypothesis.tokens).reduce(0) { $0 + $1.0[Int($1.1)] }
        let ended = words + rows[rows.count - 1][Int(end)]
        // Whether it ended or was cut off is not said.
        let error = min(abs(hypothesis.logProbability - ended), abs(hypothesis.logProbability - words))
        #expect(error < tolerance * Double(rows.count))
      }
      #expect(
        zip(hypotheses, hypotheses.dropFirst()).allSatisfy {
          $0.isWhole == $1.isWhole ? $0.score >= $1.score : $0.isWhole
        })
      #expect(Set(hypotheses.map(\.tokens)).count == hypotheses.count)
    }
  }

  /// A beam of one takes the likeliest token each time.
  @Test(arguments: [[7], [1, 4], [2, 2, 8]])
  func greedySearch(lengths: [Int]) {
    let model = makeModel()
    let sources = SmallModels.sequences(lengths, seed: 6)
    let found = search(model, beamSize: 1).translate(Tape(store: model.store), sources: sources)
    for (source, hypotheses) in zip(sources, found) {
      var target = [start]
      while target.count <= 2 * source.count + 2 {
        var last = logProbabilities(model, source, target)[target.count - 1]
        for token in [0, 1, Int(start)] { last[token] = -.infinity }
        guard let best = last.indices.max(by: { last[$0] < last[$1] }), best != Int(end) else { break }
        target.append(Int32(best))
      }
      #expect(hypotheses.first?.tokens == Array(target.dropFirst()))
    }
  }

  /// A beam that holds every prefix finds the best of all translations of up to two tokens.
  @Test(arguments: [0, 1, 2.0], [0, 0.7, 8])
  func wideBeamIsExhaustive(penalty: Double, reward: Double) {
    let model = makeModel()
    let source = SmallModels.sequences([5], seed: 7)[0]
    var all: [(tokens: [Int32], score: Double)] = []
    func visit(_ tokens: [Int32], _ logProbability: Double) {
      let last = logProbabilities(model, source, [start] + tokens)[tokens.count]
      let ended = logProbability + last[Int(end)]
      all.append((tokens, ended / pow(Double(tokens.count + 1), penalty) + reward * Double(tokens.count + 1)))
      guard tokens.count < 1 else { return }
      for token in (Int32(0)..<50) where ![0, 1, start, end].contains(token) {
        visit(tokens + [token], logProbability + last[Int(token)])
      }
    }
    visit([], 0)
    let found = search(model, beamSize: 50, penalty: penalty, reward: reward, ratio: 0).translate(
      Tape(store: model.store), sources: [source])
    let ended = found[0].filter { $0.tokens.count < 2 }
    let expected = all.sorted { $0.score > $1.score }
    #expect(ended.first?.tokens == expected.first?.tokens)
    #expect(abs((ended.first?.score ?? 0) - expected[0].score) < 1e-4)
  }

  /// Sources are translated as if each came alone.
  @Test(arguments: [1, 3])
  func sourcesDoNotMeet(beamSize: Int) {
    let model = makeModel()
    let sources = SmallModels.sequences([7, 1, 3, 9, 2], seed: 8)
    let beam = search(model, beamSize: beamSize)
    let together = beam.translate(Tape(store: model.store), sources: sources)
    let alone = sources.flatMap { beam.translate(Tape(store: model.store), sources: [$0]) }
    #expect(together.map { $0.map(\.tokens) } == alone.map { $0.map(\.tokens) })
  }

  /// No translation is longer than the positions that the decoder has.
  @Test func longSourcesEnd() {
    let model = makeModel()
    let sources = SmallModels.sequences([32], seed: 9)
    let found = search(model, beamSize: 2, ratio: 10).translate(Tape(store: model.store), sources: sources)
    #expect(found[0].allSatisfy { $0.tokens.count < 32 })
    #expect(search(model, beamSize: 2).translate(Tape(store: model.store), sources: []).isEmpty)
  }

  /// Where the end is the likeliest first token, a search for the likeliest sentence finds the empty one. With a least
  /// length it takes the likeliest other tokens, and their probabilities are what the model gives them.
  @Test(arguments: [1, 4]) func aTranslationHasTokens(beamSize: Int) throws {
    let model = SmallModels.translation(seed: 5)
    for parameter in model.store.parameters where parameter.path.hasSuffix("head.outputBias") {
      model.store.values(of: parameter)[Int(end)] = 40
    }
    let sources = SmallModels.sequences([7, 2], seed: 4)
    func best(_ minimumLength: Int) -> [Hypothesis] {
      let configuration = BeamConfiguration(beamSize: beamSize, minimumLength: minimumLength)
      return BeamSearch(
        model, start: start, end: end, specials: [0, 1, start, end], configuration: configuration
      ).translate(Tape(store: model.store), sources: sources).map { $0[0] }
    }
    #expect(best(0).allSatisfy { $0.tokens.isEmpty && $0.isWhole })
    for count in [1, 3] {
      for (source, hypothesis) in zip(sources, best(count)) {
        #expect(hypothesis.tokens.count == count && hypothesis.isWhole)
        let rows = logProbabilities(model, source, [start] + hypothesis.tokens)
        let words = zip(rows, hypothesis.tokens).reduce(0) { $0 + $1.0[Int($1.1)] }
        #expect(abs(hypothesis.logProbability - words - rows[count][Int(end)]) < 1e-3)
        if beamSize == 1 {
          let allowed = rows[0].indices.filter { ![0, 1, Int(start), Int(end)].contains($0) }
          #expect(Int(hypothesis.tokens[0]) == allowed.max { rows[0][$0] < rows[0][$1] })
        }
      }
    }
  }
}
