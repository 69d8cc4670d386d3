internal import ClozeCore
package import ClozeText

/// Encoded pairs, and how they are put into micro-batches.
///
/// A micro-batch holds at most `tokensPerMicrobatch` positions of both sides together, except where a single pair has
/// more. There is no padding, but attention costs least among sentences of equal length; so the pairs of an epoch are
/// shuffled and sorted by length, which leaves only pairs of equal lengths shuffled, and dealt to pools of at most
/// `pairsPerPool`: of as many neighbours as there are pools, each pool gets one. Pools are cut into micro-batches, and these
/// are shuffled. All of it is a function of the seed and the epoch.
///
/// Where a pool is cut depends on the lengths alone, since every pool is cut at the same neighbours: so every epoch has the
/// same number of micro-batches, and the epoch of micro-batch n of a run is a division.
package struct TranslationBatches: Sendable {
  package let pairs: [EncodedPair]
  package let tokensPerMicrobatch: Int
  /// Micro-batches of an epoch of training, the same in each.
  package let microbatchesPerEpoch: Int

  /// Where the pairs of each length begin among all pairs sorted by length, and which of these lengths each pair has.
  private let lengthStarts: [Int]
  private let lengthNumbers: [Int]
  private let poolCount: Int
  /// Micro-batch i of each pool has one pair of each of these groups of `poolCount` neighbours.
  private let cuts: [Range<Int>]
  private let specials: SpecialTokens
  private let seed: UInt64

  /// - Parameters:
  ///   - tokensPerMicrobatch: positions of both sides.
  ///   - pairsPerPool: the fewer, the more of equal length a micro-batch holds, and the less often it is another mixture.
  package init(
    _ pairs: [EncodedPair], specials: SpecialTokens, tokensPerMicrobatch: Int, seed: UInt64,
    pairsPerPool: Int = 8192
  ) {
    precondition(!pairs.isEmpty, "TranslationBatches: no pairs")
    precondition(tokensPerMicrobatch > 0, "TranslationBatches: tokensPerMicrobatch \(tokensPerMicrobatch)")
    self.pairs = pairs
    self.specials = specials
    self.tokensPerMicrobatch = tokensPerMicrobatch
    self.seed = seed

    let (kept, sorted) = (pairs, TranslationBatches.sorted(pairs))
    var (starts, numbers) = ([Int](), [Int](repeating: 0, count: kept.count))
    for (rank, pair) in sorted.enumerated() {
      if rank == 0 || kept[sorted[rank - 1]].lengths != kept[pair].lengths { starts.append(rank) }
      numbers[pair] = starts.count - 1
    }
    (lengthStarts, lengthNumbers) = (starts, numbers)
    let poolCount = (kept.count + pairsPerPool - 1) / pairsPerPool
    let groups = stride(from: 0, to: kept.count, by: poolCount).map {
      sorted[$0..<min($0 + poolCount, kept.count)].reduce(0) { max($0, kept[$1].positionCount) }
    }
    cuts = TranslationBatches.cut(groups, size: tokensPerMicrobatch)
    self.poolCount = poolCount
    // The last group may have no pair for some pools, and be a micro-batch by itself.
    let missing = groups.count * poolCount - kept.count
    microbatchesPerEpoch = cuts.count * poolCount - (cuts.last?.count == 1 ? missing : 0)
  }

  /// The micro-batches of an epoch of training, as indices into `pairs`; every pair is in one of them.
  package func plan(epoch: Int) -> [[Int]] {
    var random = CounterRandom(seed: seed, purpose: .order, epoch: epoch)
    var order = Array(pairs.indices)
    random.shuffle(&order)
    let sorted = sorted(order)
    var pools = [[Int]](repeating: [], count: poolCount)
    var batches: [[Int]] = []
    for groups in cuts {
      for group in groups {
        var dealt = Array(pools.indices)
        // Of one pool nothing is drawn.
        random.shuffle(&dealt, first: poolCount - 1)
        for (pool, rank) in zip(dealt, group * poolCount..<min((group + 1) * poolCount, sorted.count)) {
          pools[pool].append(sorted[rank])
        }
      }
      batches += pools.filter { !$0.isEmpty }
      for pool in pools.indices { pools[pool].removeAll() }
    }
    random.shuffle(&batches)
    return batches
  }

  /// The micro-batches of an evaluation: always the same, shortest first.
  package var evaluationPlan: [[Int]] {
    let sorted = sorted(Array(pairs.indices))
    return TranslationBatches.cut(sorted.map { pairs[$0].positionCount }, size: tokensPerMicrobatch).map {
      Array(sorted[$0])
    }
  }

  /// The micro-batch of these pairs.
  package func batch(_ indices: [Int]) -> TranslationBatch {
    TranslationBatch(indices.lazy.map { pairs[$0] }, specials: specials)
  }

  /// All pairs by length, those of equal lengths in the order in which they come.
  private func sorted(_ order: [Int]) -> [Int] {
    var places = lengthStarts
    var sorted = order
    for pair in order {
      sorted[places[lengthNumbers[pair]]] = pair
      places[lengthNumbers[pair]] += 1
    }
    return sorted
  }

  private static func sorted(_ pairs: [EncodedPair]) -> [Int] {
    pairs.indices.sorted { (pairs[$0].lengths, $0) < (pairs[$1].lengths, $1) }
  }

  /// Runs of neighbours that have at most `size` positions together; a single one may have more.
  private static func cut(_ positionCounts: [Int], size: Int) -> [Range<Int>] {
    var (runs, start, room) = ([Range<Int>](), 0, size)
    for (index, count) in positionCounts.enumerated() {
      if count > room, index > start {
        runs.append(start..<index)
        (start, room) = (index, size)
      }
      room -= count
    }
    if start < positionCounts.count { runs.append(start..<positionCounts.count) }
    return runs
  }
}

extension EncodedPair {
  /// What pairs are sorted by.
  fileprivate var lengths: PairLengths { PairLengths(target: target.count, source: source.count) }
}

private struct PairLengths: Comparable {
  let target: Int
  let source: Int

  static func < (left: PairLengths, right: PairLengths) -> Bool {
    (left.target, left.source) < (right.target, right.source)
  }
}
