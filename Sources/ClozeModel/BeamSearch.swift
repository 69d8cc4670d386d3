package import ClozeCompute
package import ClozeCore
internal import Foundation

/// A translation as token ids, without start and end token.
package struct Hypothesis: Sendable, Equatable {
  package let tokens: [Int32]
  /// The sum of the logarithmic probabilities of the tokens and of the end token.
  package let logProbability: Double
  /// The score that ranks hypotheses: logProbability / length^penalty + reward · length.
  package let score: Double
  /// Whether it ends with the end token, and not at the length limit.
  package let isWhole: Bool
}

/// The settings of the search.
package struct BeamConfiguration: Codable, Sendable, Equatable {
  /// Hypotheses kept at each step; 1 is greedy search.
  package var beamSize = 5
  /// The exponent on the length in a hypothesis's score; 0 prefers short translations, more than 1 long ones.
  package var lengthPenalty = 1.0
  /// What the score gains for each token, the end token included, so that translations do not come out too short; 0
  /// leaves it out. With a length penalty of 0 the score is log p + reward · length.
  ///
  /// Source: the word reward of He et al. 2016, "Improved neural machine translation with SMT features";
  /// Murray and Chiang 2018, arXiv:1808.10006.
  package var lengthReward = 0.0
  /// No sequence of so many tokens comes twice in a translation; 0 allows all. Defined as `no_repeat_ngram_size` of
  /// `transformers`.
  package var noRepeatNGram = 0
  /// Draws one translation of each source in place of a search, whose beam is then 1; nil searches.
  package var sampling: SamplingConfiguration?
  /// The least number of tokens of a translation: the likeliest sentence is often the empty one.
  package var minimumLength = 1
  /// A translation has at most this many tokens for each token of the source …
  package var maximumLengthRatio = 2.0
  /// … plus this many.
  package var maximumExtraLength = 16

  package init(
    beamSize: Int = 5, lengthPenalty: Double = 1.0, minimumLength: Int = 1, lengthReward: Double = 0,
    noRepeatNGram: Int = 0, sampling: SamplingConfiguration? = nil
  ) {
    (self.beamSize, self.lengthPenalty, self.minimumLength) = (beamSize, lengthPenalty, minimumLength)
    (self.lengthReward, self.noRepeatNGram, self.sampling) = (lengthReward, noRepeatNGram, sampling)
  }
}

/// Beam search over a translation model, many sources at once, with cached keys and values.
///
/// The live hypotheses of all sources are rows of the same products. A source whose search has ended frees its rows.
///
/// Source: Sutskever, Vinyals and Le 2014, section 3.2, arXiv:1409.3215; the length normalisation is that of Wu et al.
/// 2016, section 7, arXiv:1609.08144, with a plain power of the length.
///
/// With `BeamConfiguration.sampling` the one hypothesis of a source continues with a token that is drawn instead of the
/// likeliest one (ancestral sampling). A draw is a function of the seed, the number of the source and the position, so it
/// is the same in any batch and on any worker.
package struct BeamSearch: Sendable {
  private let model: TranslationModel
  private let start: Int32
  private let end: Int32
  private let excluded: Set<Int32>
  private let configuration: BeamConfiguration

  /// - Parameters:
  ///   - start: the first token of every target.
  ///   - end: the last token of every target.
  ///   - specials: tokens that are never chosen; `end` may be among them and still ends a translation.
  package init(
    _ model: TranslationModel, start: Int32, end: Int32, specials: [Int32], configuration: BeamConfiguration
  ) {
    self.model = model
    self.start = start
    self.end = end
    var configuration = configuration
    if configuration.sampling != nil { configuration.beamSize = 1 }
    self.configuration = configuration
    excluded = Set(specials).subtracting([end])
  }

  /// The search of one source.
  private struct Search {
    let source: Int
    let maximumLength: Int
    /// The draws of the source, one at each position.
    let random: CounterRandom
    var live: [(tokens: [Int32], logProbability: Double)]
    var finished: [Hypothesis] = []
  }

  /// The best translations of each source, as many as the beam size: ended ones first, best first, then those at the
  /// length limit.
  ///
  /// - Parameters:
  ///   - sources: token ids with start and end token; none is empty.
  ///   - numbers: for each source the number that selects its draws, if translations are sampled; nil for its index.
  package func translate(_ tape: Tape, sources: [[Int32]], numbers: [Int]? = nil) -> [[Hypothesis]] {
    guard !sources.isEmpty else { return [] }
    tape.begin()
    let input = EncoderInput(sequences: sources, rowMultiple: 16)
    let memories = model.decoder.memories(tape, encoded: model.encoder(tape, input))
    var searches = sources.indices.map { source in
      Search(
        source: source, maximumLength: maximumLength(source: sources[source].count),
        random: CounterRandom(
          seed: configuration.sampling?.seed ?? 0, purpose: .sampling, index: numbers?[source] ?? source),
        live: [([start], 0)])
    }
    let longest = searches.map(\.maximumLength).max() ?? 0
    let pasts = model.decoder.layers.map {
      $0.mixer.branch.makePast(
        tape, rowCount: sources.count, rowCapacity: longest,
        maximumRowCount: sources.count * configuration.beamSize)
    }
    var results = [[Hypothesis]](repeating: [], count: sources.count)

    var position = 0
    while !searches.isEmpty {
      let candidates = tape.scoped {
        let hidden = model.decoder.step(
          tape, tokens: searches.flatMap { $0.live.map { $0.tokens[$0.tokens.count - 1] } },
          position: position,
          memories: memories, spans: spans(searches, input.sequences), pasts: pasts)
        return continuations(tape, hidden, searches, position: position)
      }
      position += 1
      var parents: [Int] = []
      var row = 0
      var continuing: [Search] = []
      for search in searches {
        let rows = row..<row + search.live.count
        row = rows.upperBound
        let (next, origins) = advance(search, candidates[rows], position: position)
        if isDone(next, position: position) {
          // A hypothesis at the length limit is not a whole sentence, so it ranks after those that have ended.
          let cutOff = next.live.map { hypothesis($0.tokens, $0.logProbability) }
          results[search.source] = Array(
            (ranked(next.finished) + ranked(cutOff)).prefix(configuration.beamSize))
        } else {
          parents += origins.map { rows.lowerBound + $0 }
          continuing.append(next)
        }
      }
      searches = continuing
      for past in pasts { past.reorder(parents) }
    }
    return results
  }

  /// For each live hypothesis the tokens that may continue it: the likeliest ones, best first, or one that is drawn.
  /// - Parameter hidden: a row [D] for each hypothesis, and rows of padding.
  private func continuations(
    _ tape: Tape, _ hidden: Tensor, _ searches: [Search], position: Int
  ) -> [[ScoredClass]] {
    let excluded = position < configuration.minimumLength ? excluded.union([end]) : excluded
    let blocked =
      configuration.noRepeatNGram == 0
      ? []
      : searches.flatMap { search in
        search.live.map { NGramBlocking.blocked(after: $0.tokens, size: configuration.noRepeatNGram) }
      }
    guard let sampling = configuration.sampling else {
      return model.decoder.head.likeliest(
        tape, hidden, rowCount: searches.reduce(0) { $0 + $1.live.count }, count: 2 * configuration.beamSize,
        excluded: excluded, blocked: blocked)
    }
    let uniforms = searches.flatMap { search in search.live.map { _ in search.random.uniform(at: position) } }
    return model.decoder.head.sample(
      tape, hidden, uniforms: uniforms, sampling: sampling, excluded: excluded, blocked: blocked
    ).map { $0.map { [$0] } ?? [] }
  }

  /// The most tokens of a translation of so many source tokens.
  private func maximumLength(source count: Int) -> Int {
    let limit =
      Int(Double(count) * configuration.maximumLengthRatio) + configuration.maximumExtraLength
    return min(max(limit, configuration.minimumLength), model.decoder.positionCount - 1)
  }

  /// The most bytes that a source of `count` tokens adds to a search: its largest layer in the encoder, or afterwards
  /// its keys and values in the decoder with what the longest possible hypotheses leave there.
  package func memory(source count: Int) -> Int {
    let sizes = model.configuration
    let precision = model.store.precision
    let inner =
      sizes.layerBlocks.contains { $0.mixer == .gatedMLP }
      ? 5 : sizes.layerBlocks.contains { $0.feedForward.isGated } ? 3 : 2
    let layer =
      max(inner * sizes.feedForwardSize + 5 * sizes.hiddenSize, 8 * sizes.hiddenSize) * precision.size
    let layers = model.decoder.layers
    let source = layers.count * KeyValueCache.bytesPerToken(width: sizes.hiddenSize, type: precision)
    let past = layers.map { $0.block.mixer.pastBytes(sizes, precision) }
    let row = past.reduce(0) { $0 + $1.token * maximumLength(source: count) + $1.row }
    return max(
      count * layer,
      count * (source + sizes.hiddenSize * precision.size) + configuration.beamSize * row)
  }

  /// The rows of a search attend to its source.
  private func spans(_ searches: [Search], _ sequences: Sequences) -> [AttentionSpan] {
    var row = 0
    return searches.map { search in
      defer { row += search.live.count }
      return AttentionSpan(queries: row..<row + search.live.count, keys: sequences[search.source])
    }
  }

  /// The best continuations of the hypotheses of a search, each with the hypothesis that it continues.
  private func advance(
    _ search: Search, _ candidates: ArraySlice<[ScoredClass]>, position: Int
  ) -> (Search, parents: [Int]) {
    var options: [(parent: Int, token: Int32, logProbability: Double)] = []
    for (parent, (hypothesis, scored)) in zip(search.live, candidates).enumerated() {
      for candidate in scored {
        options.append(
          (parent, candidate.index, hypothesis.logProbability + Double(candidate.logProbability)))
      }
    }
    options.sort { ($0.logProbability, $1.parent, $1.token) > ($1.logProbability, $0.parent, $0.token) }
    var next = search
    next.live = []
    var parents: [Int] = []
    for (rank, option) in options.enumerated() {
      if option.token == end {
        // A hypothesis that ends outside the beam would displace better ones.
        if rank < configuration.beamSize {
          next.finished.append(
            hypothesis(search.live[option.parent].tokens, option.logProbability, ended: true))
        }
      } else if next.live.count < configuration.beamSize {
        next.live.append((search.live[option.parent].tokens + [option.token], option.logProbability))
        parents.append(option.parent)
      }
    }
    return (next, parents)
  }

  /// - Parameter tokens: with the start token, without the end token.
  private func hypothesis(_ tokens: [Int32], _ logProbability: Double, ended: Bool = false) -> Hypothesis {
    let length = max(1, tokens.count - 1 + (ended ? 1 : 0))
    return Hypothesis(
      tokens: Array(tokens.dropFirst()), logProbability: logProbability,
      score: logProbability / pow(Double(length), configuration.lengthPenalty)
        + configuration.lengthReward * Double(length), isWhole: ended)
  }

  private func ranked(_ hypotheses: [Hypothesis]) -> [Hypothesis] {
    hypotheses.sorted { $0.score > $1.score }
  }

  /// Whether there are enough finished hypotheses and no live one scores higher, or the length limit is reached.
  ///
  /// Source: the default of `transformers`' beam search (`early_stopping=False`).
  private func isDone(_ search: Search, position: Int) -> Bool {
    guard let best = search.live.first, position < search.maximumLength else { return true }
    guard search.finished.count >= configuration.beamSize else { return false }
    let worst = search.finished.map(\.score).sorted(by: >)[configuration.beamSize - 1]
    // A live hypothesis is scored over the tokens that it has. Continued, it could score higher if nearly every further
    // token had probability 1; waiting for that would take every search to its length limit. Of a reward it can still
    // gain all that there is up to the limit (Huang, Zhao and Ma 2017, arXiv:1809.00069).
    let attainable =
      best.logProbability / pow(Double(position), configuration.lengthPenalty)
      + configuration.lengthReward * Double(search.maximumLength)
    return attainable <= worst || configuration.beamSize == 1
  }
}
