internal import ClozeCore
package import ClozeText

/// What a bounded look at a data folder's tokens finds that dropping equal documents does not: boilerplate and
/// near-duplicates, held-out text that is also trained on, and text that spells special tokens.
///
/// A token is repeated where it lies in 50 tokens in a row, of one document, that occur at another place of the train split
/// too; the places may overlap, so a row of sixty dashes repeats itself. A document shorter than that counts as a whole.
/// The share is estimated from a random sample of blocks (`BlockSample`), each of whose n-grams is looked for in the
/// train split, in one pass over it: of a split with up to `Limits.trainTokens` tokens in all of it, so that the estimate
/// is without bias; of a larger one in as many of its frames, drawn at random, so that the share is that of a text
/// so long and too low for the whole. Memory is that of the sample's n-grams, some 15 MB, and of the dataset's frames.
///
/// Source: Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better", sections 4.1 and 5, which looks
/// for the same in all of a corpus with a suffix array. arXiv:2107.06499
package struct TextSurvey: Sendable {
  /// How much is looked at.
  package struct Limits: Sendable {
    /// n.
    package var gramLength = 50
    package var blockTokens = 128
    /// Blocks sampled from each split.
    package var blocks = 1024
    /// Tokens of the train split that are read, up to the end of a frame.
    package var trainTokens = 1 << 25

    package init() {}
  }

  /// The share of the train split's tokens that are repeated in it.
  package let repeated: SampledShare
  /// The share of the validation split's tokens that lie in n-grams of the train split.
  package let overlap: SampledShare
  /// The n-gram of the sample that the train split has most often, where it has one more than once.
  package let mostFrequent: (tokens: [TokenID], count: Int)?
  /// How often the train text that was read spells a special token, such as `[MASK]`, in ordinary pieces; as the
  /// tokenizer sees it, so that `[ MASK ]` is one. Those in `unspelledSpecials` are not counted.
  package let literalSpecials: Int
  /// The special tokens whose letters the vocabulary lacks: unknown tokens take their place in the text, where they may
  /// be anything.
  package let unspelledSpecials: [String]
  /// Tokens of the train split that were read.
  package let trainTokens: Int
  package let gramLength: Int

  /// - Parameters:
  ///   - seed: decides the sample.
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
    // A sampled n-gram of the train split is met at its own place as well.
    repeated = sampled.share(counts, atLeast: 2)
    overlap = held.share(counts, atLeast: 1)
    mostFrequent = try sampled.mostFrequent(counts).flatMap { most in
      most.count < 2 ? nil : (Array(try training.frame(most.frame).tokens[most.range]), most.count)
    }
  }
}

/// The pieces that spell special tokens in a text. A bracket is a word by itself, so whatever stands around them, they are
/// always these.
private struct LiteralSpecials {
  private let spellings: [[TokenID]]
  /// Those that the vocabulary cannot spell.
  let missing: [String]

  init(_ tokenizer: Tokenizer) {
    let unknown = tokenizer.vocabulary.specials.unknown
    let all = SpecialTokens.texts.map { ($0, tokenizer.encode($0)) }
    spellings = all.map(\.1).filter { !$0.contains(unknown) }
    missing = all.filter { $0.1.contains(unknown) }.map(\.0)
  }

  func count(in tokens: UnsafeBufferPointer<TokenID>) -> Int {
    // All begin with the bracket.
    guard let bracket = spellings.first?.first else { return 0 }
    return tokens.indices.reduce(0) { sum, start in
      guard tokens[start] == bracket else { return sum }
      return spellings.contains { tokens[start...].starts(with: $0) } ? sum + 1 : sum
    }
  }
}
