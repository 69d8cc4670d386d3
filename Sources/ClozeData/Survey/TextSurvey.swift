internal import ClozeCore
package import ClozeText

/// Problems of a data folder's text that dropping equal documents does not find: boilerplate and near-duplicates,
/// validation text that is also in the train split, and the letters of special tokens. Time and memory are bounded.
///
/// A token is repeated if it is in 50 consecutive tokens of one document that also occur at another position of the
/// train split. The positions may overlap, so sixty dashes in a row repeat themselves. A shorter document counts as a
/// whole. The share is estimated from a random sample of blocks (`BlockSample`), whose n-grams are searched in one pass
/// over the train split. A split of up to `Limits.trainTokens` tokens is read as a whole, so the estimate has no bias.
/// Of a larger one as many tokens are read, in random frames, so the share is that of a text of this length and too low
/// for the whole. Memory is that of the sample's n-grams, some 15 MB, and of the dataset's frames.
///
/// Source: Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", sections 4.1 and 5, which
/// searches a whole corpus with a suffix array. arXiv:2107.06499
package struct TextSurvey: Sendable {
  /// The bounds of the survey.
  package struct Limits: Sendable {
    /// n.
    package var gramLength = 50
    package var blockTokens = 128
    /// Blocks sampled from each split.
    package var blocks = 1024
    /// The most tokens of the train split to read, rounded up to a whole frame.
    package var trainTokens = 1 << 25

    package init() {}
  }

  /// The share of the train split's tokens that are repeated in it.
  package let repeated: SampledShare
  /// The share of the validation split's tokens that are in n-grams of the train split.
  package let overlap: SampledShare
  /// The n-gram of the sample that is most frequent in the train split; nil if none occurs twice.
  package let mostFrequent: (tokens: [TokenID], count: Int)?
  /// How often the train text that was read contains the pieces of a special token, such as `[MASK]`. `[ MASK ]` has
  /// the same pieces and counts too. Tokens in `unspelledSpecials` are not counted.
  package let literalSpecials: Int
  /// The special tokens whose letters the vocabulary lacks. In the shards they would be `[UNK]`, so they cannot be
  /// counted.
  package let unspelledSpecials: [String]
  /// The number of tokens of the train split that were read.
  package let trainTokens: Int
  package let gramLength: Int

  /// - Parameters:
  ///   - seed: determines the sample.
  /// - Throws: `ShardError`, `FileError`
  package init(
    training: TokenDataset, validation: TokenDataset, tokenizer: Tokenizer, seed: UInt64,
    limits: Limits = Limits()
  ) throws {
    gramLength = limits.gramLength
    let hash = NGramHash(length: limits.gramLength, vocabularySize: training.vocabularySize)
    let order = Permutation(
      count: training.frameCount, random: CounterRandom(seed: seed, purpose: .survey))
    var frames: [Int] = []
    var tokenCount = 0
    while frames.count < training.frameCount, tokenCount < limits.trainTokens {
      frames.append(order[frames.count])
      tokenCount += training.tokenCount(ofFrame: frames[frames.count - 1])
    }
    frames.sort()
    trainTokens = tokenCount

    func sample(_ dataset: TokenDataset, _ frames: [Int]) throws -> BlockSample {
      try BlockSample(
        dataset, frames: frames, hash: hash, blockTokens: limits.blockTokens, blockCount: limits.blocks,
        seed: seed)
    }
    let sampled = try sample(training, frames)
    let held = try sample(validation, Array(0..<validation.frameCount))
    var counts = NGramCounts(capacity: sampled.gramCount + held.gramCount)
    for block in sampled.blocks + held.blocks {
      for gram in block.grams { counts.insert(gram.hash) }
    }

    let spellings = LiteralSpecials(tokenizer)
    var spelled = 0
    for number in frames {
      let frame = try training.frame(number)
      frame.tokens.withUnsafeBufferPointer { tokens in
        for piece in frame.pieces {
          let document = UnsafeBufferPointer(rebasing: tokens[piece])
          hash.forEach(in: document, starts: 0..<document.count) { counts.count($2) }
          spelled += spellings.count(in: document)
        }
      }
    }
    literalSpecials = spelled
    unspelledSpecials = spellings.missing
    // A sampled n-gram of the train split is also counted at its own position.
    repeated = sampled.share(counts, atLeast: 2)
    overlap = held.share(counts, atLeast: 1)
    mostFrequent = try sampled.mostFrequent(counts).flatMap { most in
      most.count < 2 ? nil : (Array(try training.frame(most.frame).tokens[most.range]), most.count)
    }
  }
}

/// The pieces that the letters of special tokens become in a text. A bracket is a word by itself, so they do not depend
/// on the text around them.
private struct LiteralSpecials {
  private let spellings: [[TokenID]]
  /// The tokens that the vocabulary cannot spell.
  let missing: [String]

  init(_ tokenizer: Tokenizer) {
    let unknown = tokenizer.vocabulary.specials.unknown
    let all = SpecialTokens.texts.map { ($0, tokenizer.encode($0)) }
    spellings = all.map(\.1).filter { !$0.contains(unknown) }
    missing = all.filter { $0.1.contains(unknown) }.map(\.0)
  }

  func count(in tokens: UnsafeBufferPointer<TokenID>) -> Int {
    // All begin with "[".
    guard let bracket = spellings.first?.first else { return 0 }
    return tokens.indices.reduce(0) { sum, start in
      guard tokens[start] == bracket else { return sum }
      return spellings.contains { tokens[start...].starts(with: $0) } ? sum + 1 : sum
    }
  }
}
