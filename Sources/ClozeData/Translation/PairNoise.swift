internal import ClozeCore
package import ClozeText

/// Changes of the sources of labelled pairs in training. Targets stay, so the decoder learns to write a whole sentence from a
/// damaged one.
///
/// Source: Lample et al. 2018, section 2.3, arXiv:1711.00043, with a distance of 3 and a rate of 0.1.
package struct SourceNoise: Codable, Sendable, Equatable {
  /// Words change places within this distance; 0 for none.
  package var shuffleDistance = 0
  /// The share of words that are deleted, in 0 ..< 1.
  package var deletionRate = 0.0

  package init(shuffleDistance: Int = 0, deletionRate: Double = 0) {
    (self.shuffleDistance, self.deletionRate) = (shuffleDistance, deletionRate)
  }

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "noise") throws {
    let require = SettingsCheck(section)
    try require(shuffleDistance, in: 0...100, "shuffleDistance")
    try require(rate: deletionRate, "deletionRate")
  }
}

/// How often training splits the words of labelled pairs into other pieces, see `PieceSampler`.
package struct PieceDropout: Codable, Sendable, Equatable {
  /// The rate for sources, in 0 ..< 1.
  package var source = 0.0
  /// The rate for targets, in 0 ..< 1.
  package var target = 0.0

  package init(source: Double = 0, target: Double = 0) { (self.source, self.target) = (source, target) }

  /// - Throws: `ConfigurationError`
  package func validate(section: String = "pieceDropout") throws {
    let require = SettingsCheck(section)
    try require(rate: source, "source")
    try require(rate: target, "target")
  }
}

/// Changes labelled pairs for training, in each epoch anew: words are split into other pieces, then words of the source are
/// shuffled and deleted.
///
/// A changed pair is a function of the seed, the epoch and the pair's number, so it is the same in any batch, on any worker and
/// after any interruption. Micro-batches are planned by the lengths of the unchanged pairs, so the plan of an epoch is the same
/// with and without changes, and a micro-batch may have some more positions than its limit. A side whose pieces would be longer
/// than the longest allowed side keeps its own.
package struct PairNoise: Sendable {
  private let noise: SourceNoise
  private let pieceDropout: PieceDropout
  private let sampler: PieceSampler
  private let vocabulary: Vocabulary
  private let maximumLength: Int
  private let seed: UInt64

  /// - Parameter maximumLength: the most positions of one side, special tokens included.
  package init(
    _ noise: SourceNoise, _ pieceDropout: PieceDropout, tokenizer: Tokenizer, maximumLength: Int, seed: UInt64
  ) {
    self.noise = noise
    self.pieceDropout = pieceDropout
    sampler = PieceSampler(tokenizer)
    vocabulary = tokenizer.vocabulary
    self.maximumLength = maximumLength
    self.seed = seed
  }

  /// - Parameter number: the pair's number among the pairs of training.
  package func changed(_ pair: EncodedPair, epoch: Int, number: Int) -> EncodedPair {
    var random = CounterRandom(seed: seed, purpose: .pieceDropout, epoch: epoch, index: number)
    // [CLS] and [SEP] around the source; one of them beside what the decoder reads and what it predicts.
    var source = split(pair.source, rate: pieceDropout.source, room: maximumLength - 2, random: &random)
    let target = split(pair.target, rate: pieceDropout.target, room: maximumLength - 1, random: &random)
    var changes = CounterRandom(seed: seed, purpose: .pairNoise, epoch: epoch, index: number)
    source = damaged(source, random: &changes)
    return EncodedPair(source: source, target: target)
  }

  private func split(_ tokens: [TokenID], rate: Double, room: Int, random: inout CounterRandom) -> [TokenID] {
    let pieces = sampler.split(tokens, rate: rate, random: &random)
    return pieces.count <= room ? pieces : tokens
  }

  /// Special tokens, such as the mark of a language, keep their places. At least one word is left.
  private func damaged(_ tokens: [TokenID], random: inout CounterRandom) -> [TokenID] {
    guard noise != SourceNoise() else { return tokens }
    var words = vocabulary.words(tokens)
    let movable = words.indices.filter { index in
      let token = tokens[words[index].lowerBound]
      return !vocabulary.isSpecial[Int(token)] || token == vocabulary.specials.unknown
    }
    guard !movable.isEmpty else { return tokens }
    let shuffled = random.shuffled(movable.map { words[$0] }, distance: noise.shuffleDistance)
    for (place, word) in zip(movable, shuffled) { words[place] = word }
    guard noise.deletionRate > 0 else { return words.flatMap { tokens[$0] } }
    var deleted = Set(movable.filter { _ in random.uniform() < noise.deletionRate })
    if deleted.count == movable.count { deleted.remove(movable[random.below(movable.count)]) }
    return words.indices.filter { !deleted.contains($0) }.flatMap { tokens[words[$0]] }
  }
}

extension CounterRandom {
  /// The elements in an order in which each is at most `distance` places from its own: sorted by their places plus a draw from
  /// [0, distance + 1) each. At a distance of 0 nothing is drawn.
  ///
  /// Source: Lample et al. 2018, section 2.3, arXiv:1711.00043.
  mutating func shuffled<Element>(_ elements: [Element], distance: Int) -> [Element] {
    guard distance > 0 else { return elements }
    let keys = elements.indices.map { Double($0) + uniform() * Double(distance + 1) }
    return elements.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }.map { elements[$0] }
  }
}
