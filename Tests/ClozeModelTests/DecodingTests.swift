import ClozeCompute
import ClozeCore
import ClozeModel
import ClozeTestSupport
import Foundation
import Testing

/// Sampling, n-gram blocking and the length reward.
@Suite struct DecodingTests {
  private let start: Int32 = 2
  private let end: Int32 = 3

  private func search(_ model: TranslationModel, _ configuration: BeamConfiguration) -> BeamSearch {
    BeamSearch(model, start: start, end: end, specials: [0, 1, start, end], configuration: configuration)
  }

  /// A translator that prefers few tokens, so that it repeats them.
  private func makeModel(endBias: Float = 0) -> TranslationModel {
    let model = SmallModels.translation(seed: 5)
    for parameter in model.store.parameters where parameter.path.hasSuffix("head.outputBias") {
      model.store.values(of: parameter)[Int(end)] = endBias
      for token in 10..<13 { model.store.values(of: parameter)[token] = 4 }
    }
    return model
  }

  private func hasRepetition(_ tokens: [Int32], of size: Int) -> Bool {
    guard tokens.count >= size else { return false }
    let sequences = (0...tokens.count - size).map { Array(tokens[$0..<$0 + size]) }
    return Set(sequences).count < sequences.count
  }

  // MARK: N-gram blocking

  /// Without blocking these translations repeat themselves, with it none does. What is not a repetition stays allowed: of
  /// longer n-grams fewer are blocked.
  @Test(arguments: [1, 3], [nil, SamplingConfiguration(temperature: 0.7)])
  func blockedNGramsDoNotRepeat(beamSize: Int, sampling: SamplingConfiguration?) {
    let model = makeModel(endBias: -20)
    let sources = SmallModels.sequences([9, 3, 6], seed: 4)
    func tokens(_ size: Int) -> [[Int32]] {
      let configuration = BeamConfiguration(beamSize: beamSize, noRepeatNGram: size, sampling: sampling)
      return search(model, configuration).translate(Tape(store: model.store), sources: sources).flatMap {
        $0.map(\.tokens)
      }
    }
    let free = tokens(0)
    for size in 1...4 {
      #expect(free.contains { hasRepetition($0, of: size) })
      let blocked = tokens(size)
      #expect(blocked.allSatisfy { $0.count > 10 && !hasRepetition($0, of: size) })
      if size > 1 { #expect(blocked.contains { hasRepetition($0, of: size - 1) }) }
    }
    #expect(tokens(100) == free)
  }

  // MARK: The length reward

  /// Where a search without reward prefers short sentences, one with a reward finds longer ones, and with a reward above
  /// every price it goes to the limit.
  @Test func aRewardLengthens() {
    let model = makeModel(endBias: 5)
    let sources = SmallModels.sequences([7, 2, 5], seed: 4)
    let lengths = [0, 1.5, 50].map { reward in
      search(model, BeamConfiguration(lengthPenalty: 0, minimumLength: 0, lengthReward: reward)).translate(
        Tape(store: model.store), sources: sources
      ).map { $0[0].tokens.count }.reduce(0, +)
    }
    #expect(lengths[0] < lengths[1] && lengths[1] < lengths[2])
  }

  // MARK: Sampling

  /// The first tokens of many draws have the frequencies of the model's probabilities: Pearson's chi-square against its
  /// 99.9 % quantile, with the rarest tokens in one cell.
  @Test(arguments: [
    SamplingConfiguration(seed: 1), SamplingConfiguration(temperature: 0.5, seed: 2),
    SamplingConfiguration(temperature: 2, topK: 4, seed: 3), SamplingConfiguration(topK: 1, seed: 4),
  ])
  func frequenciesAreProbabilities(sampling: SamplingConfiguration) {
    let model = makeModel()
    let source = SmallModels.sequences([6], seed: 7)[0]
    let tape = Tape(store: model.store)
    tape.begin()
    let logits = model.logits(
      tape, source: EncoderInput(sequences: [source]), target: EncoderInput(sequences: [[start]])
    ).values().map(Double.init)
    var allowed = logits.indices.filter { ![0, 1, Int(start), Int(end)].contains($0) }
    if sampling.topK > 0 {
      allowed = Array(allowed.sorted { logits[$0] > logits[$1] }.prefix(sampling.topK))
    }
    let probabilities = ReferenceKernels.softmax(allowed.map { logits[$0] / sampling.temperature })

    let (batches, size) = (100, 40)
    let search = search(model, BeamConfiguration(sampling: sampling))
    var counts: [Int32: Int] = [:]
    for batch in 0..<batches {
      let found = search.translate(
        tape, sources: [[Int32]](repeating: source, count: size),
        numbers: Array(batch * size..<(batch + 1) * size))
      for hypotheses in found {
        #expect(hypotheses.count == 1)
        counts[hypotheses[0].tokens[0], default: 0] += 1
      }
    }
    #expect(counts.keys.allSatisfy { allowed.contains(Int($0)) })
    let total = Double(batches * size)
    var (statistic, cells) = (0.0, 0)
    var rest = (expected: 0.0, found: 0.0)
    for (token, probability) in zip(allowed, probabilities) {
      let (expected, found) = (probability * total, Double(counts[Int32(token)] ?? 0))
      if expected < 10 {
        rest = (rest.expected + expected, rest.found + found)
      } else {
        statistic += (found - expected) * (found - expected) / expected
        cells += 1
      }
    }
    if rest.expected > 0 {
      statistic += (rest.found - rest.expected) * (rest.found - rest.expected) / rest.expected
      cells += 1
    }
    // Wilson and Hilferty's approximation of the quantile.
    let degrees = Double(max(1, cells - 1))
    let limit = degrees * pow(1 - 2 / (9 * degrees) + 3.0902 * (2 / (9 * degrees)).squareRoot(), 3)
    #expect(statistic < limit, "\(statistic) of at most \(limit) with \(cells) cells")
  }

  /// The probability of a drawn translation is the one that the whole forward pass gives, whatever the temperature.
  @Test func theProbabilityIsTheModels() {
    let model = makeModel(endBias: 3)
    let sources = SmallModels.sequences([7, 1, 3, 9], seed: 4)
    let found = search(model, BeamConfiguration(sampling: SamplingConfiguration(temperature: 0.6, seed: 5)))
      .translate(Tape(store: model.store), sources: sources)
    #expect(found.contains { $0[0].isWhole })
    for (source, hypotheses) in zip(sources, found) {
      let target = [start] + hypotheses[0].tokens
      let tape = Tape(store: model.store)
      tape.begin()
      let logits = model.logits(
        tape, source: EncoderInput(sequences: [source]), target: EncoderInput(sequences: [target])
      ).values()
      let labels = hypotheses[0].tokens + (hypotheses[0].isWhole ? [end] : [])
      let expected = labels.enumerated().reduce(0.0) { sum, label in
        let row = ReferenceKernels.softmax(
          logits[label.offset * 50..<(label.offset + 1) * 50].map(Double.init))
        return sum + log(row[Int(label.element)])
      }
      #expect(abs(hypotheses[0].logProbability - expected) < 1e-3)
    }
  }

  /// A draw depends on the seed and on the number of the source, and on nothing that stands beside it.
  @Test func drawsFollowFromSeedAndNumber() {
    let model = makeModel(endBias: 2)
    let sources = SmallModels.sequences([7, 1, 3, 9, 2, 7], seed: 8)
    func draw(_ numbers: [Int], seed: UInt64 = 0) -> [[Int32]] {
      search(model, BeamConfiguration(sampling: SamplingConfiguration(seed: seed))).translate(
        Tape(store: model.store), sources: numbers.map { sources[$0] }, numbers: numbers
      ).map { $0[0].tokens }
    }
    let together = draw([0, 1, 2, 3, 4, 5])
    #expect((0..<6).flatMap { draw([$0]) } == together)
    #expect(draw([5, 2, 0]) == [together[5], together[2], together[0]])
    #expect(draw([0, 1, 2, 3, 4, 5], seed: 1) != together)
    let same = [[Int32]](repeating: sources[0], count: 4)
    let found = search(model, BeamConfiguration(sampling: SamplingConfiguration())).translate(
      Tape(store: model.store), sources: same)
    #expect(Set(found.map { $0[0].tokens }).count > 1)
  }
}
