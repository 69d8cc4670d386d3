internal import ClozeCore
internal import ClozeText

/// A random sample of blocks of a split, and the n-grams that cover their tokens.
///
/// A frame is divided into blocks of equal length (the last is shorter), and blocks are drawn without replacement, so
/// every token has the same probability. An n-gram is within one document and one frame, so 49 of 65,536 positions, at
/// the border of a frame, are covered by fewer n-grams.
struct BlockSample {
  struct Block {
    let frame: Int
    /// Positions in the frame.
    let range: Range<Int>
    /// In the order of their first position in the frame.
    var grams: [(start: Int, count: Int, hash: UInt64)] = []
  }

  private(set) var blocks: [Block] = []
  /// The number of blocks from which the sample was drawn.
  let population: Int

  /// - Parameter frames: the frames to draw from, ascending.
  /// - Throws: `ShardError`, `FileError`
  init(
    _ dataset: TokenDataset, frames: [Int], hash: NGramHash, blockTokens: Int, blockCount: Int,
    seed: UInt64
  ) throws {
    let starts = frames.reduce(into: [0]) {
      $0.append($0[$0.count - 1] + (dataset.tokenCount(ofFrame: $1) + blockTokens - 1) / blockTokens)
    }
    population = starts[frames.count]
    let order = Permutation(
      count: population,
      random: CounterRandom(
        seed: seed, purpose: .survey, index: dataset.split == .train ? 1 : 2))
    for number in (0..<min(blockCount, population)).map({ order[$0] }).sorted() {
      let place = starts.lastIndex(notAfter: number)
      let frame = try dataset.frame(frames[place])
      let first = (number - starts[place]) * blockTokens
      var block = Block(frame: frames[place], range: first..<min(first + blockTokens, frame.tokens.count))
      for piece in frame.pieces where piece.overlaps(block.range) {
        let isShort = piece.count < hash.length
        let from = isShort ? 0 : max(0, block.range.lowerBound - hash.length + 1 - piece.lowerBound)
        let to = isShort ? 1 : block.range.upperBound - piece.lowerBound
        frame.tokens.withUnsafeBufferPointer { tokens in
          hash.forEach(in: UnsafeBufferPointer(rebasing: tokens[piece]), starts: from..<to) {
            block.grams.append((piece.lowerBound + $0, $1, $2))
          }
        }
      }
      blocks.append(block)
    }
  }

  var gramCount: Int { blocks.reduce(0) { $0 + $1.grams.count } }

  /// The share of tokens that are in an n-gram with at least this count.
  func share(_ counts: NGramCounts, atLeast least: Int) -> SampledShare {
    SampledShare(
      blocks.map { block in
        var found = 0
        // n-grams overlap; tokens before this position are decided.
        var settled = block.range.lowerBound
        for gram in block.grams where counts[gram.hash] >= least {
          let end = min(gram.start + gram.count, block.range.upperBound)
          found += max(0, end - max(gram.start, settled))
          settled = max(settled, end)
        }
        return (block.range.count, found)
      }, of: population)
  }

  /// The n-gram with the highest count; of equal ones the first.
  func mostFrequent(_ counts: NGramCounts) -> (frame: Int, range: Range<Int>, count: Int)? {
    var most: (frame: Int, range: Range<Int>, count: Int)?
    for block in blocks {
      for gram in block.grams where counts[gram.hash] > most?.count ?? 0 {
        most = (block.frame, gram.start..<gram.start + gram.count, counts[gram.hash])
      }
    }
    return most
  }
}
