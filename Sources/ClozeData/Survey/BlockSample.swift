internal import ClozeCore
internal import ClozeText

/// Blocks of a split, drawn at random, and the n-grams that cover their tokens.
///
/// A frame is cut into blocks of equal length, the last one being shorter, and so many of all blocks are drawn without
/// replacement: every token has the same chance. An n-gram lies within one document and one frame, so that 49 places
/// at a frame's border have fewer that cover them, of 65,536.
struct BlockSample {
  struct Block {
    let frame: Int
    /// Places in the frame.
    let range: Range<Int>
    /// In order of where they begin, in the frame.
    var grams: [(start: Int, count: Int, hash: UInt64)] = []
  }

  private(set) var blocks: [Block] = []
  /// The blocks that they were drawn from.
  let population: Int

  /// - Parameter frames: those to draw from, ascending.
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

  /// The share of tokens that lie in an n-gram which was counted at least so often.
  func share(_ counts: NGramCounts, atLeast least: Int) -> SampledShare {
    SampledShare(
      blocks.map { block in
        var found = 0
        // n-grams overlap: tokens before this place are settled.
        var settled = block.range.lowerBound
        for gram in block.grams where counts[gram.hash] >= least {
          let end = min(gram.start + gram.count, block.range.upperBound)
          found += max(0, end - max(gram.start, settled))
          settled = max(settled, end)
        }
        return (block.range.count, found)
      }, of: population)
  }

  /// The n-gram that was counted most often, the first of equals.
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
