internal import ClozeCore

/// What decides the place of an encoded sample in a micro-batch.
package protocol BatchSample: Sendable {
  /// The keys for sorting, the first before the second.
  var lengths: SampleLengths { get }
  /// The positions of the sample in a micro-batch, special tokens included.
  var positionCount: Int { get }
}

package struct SampleLengths: Comparable, Sendable {
  let first: Int
  let second: Int

  package static func < (left: SampleLengths, right: SampleLengths) -> Bool {
    (left.first, left.second) < (right.first, right.second)
  }
}

/// Divides encoded samples into micro-batches of similar length.
///
/// A micro-batch has at most `tokensPerMicrobatch` positions, unless a single sample has more. There is no padding, but
/// attention is cheapest for sentences of equal length. So the samples of an epoch are shuffled and then sorted by
/// length, which leaves samples of equal length in random order. They are dealt to pools of at most `samplesPerPool`:
/// of as many neighbours as there are pools, each pool gets one. Pools are divided into micro-batches, which are
/// shuffled. All of it is a function of the seed and the epoch.
///
/// All pools are divided at the same neighbours, by their lengths alone. So every epoch has the same number of
/// micro-batches, and the epoch of micro-batch n of a run is a division.
package struct LengthBatches<Sample: BatchSample>: Sendable {
  package let samples: [Sample]
  package let tokensPerMicrobatch: Int
  /// The number of micro-batches of an epoch of training.
  package let microbatchesPerEpoch: Int

  /// The first index of each length among the sorted samples, and the length of each sample.
  private let lengthStarts: [Int]
  private let lengthNumbers: [Int]
  private let poolCount: Int
  /// Micro-batch i of each pool has one sample from each of these groups of `poolCount` neighbours.
  private let cuts: [Range<Int>]
  private let seed: UInt64

  /// - Parameters:
  ///   - tokensPerMicrobatch: the most positions of a micro-batch.
  ///   - samplesPerPool: with larger pools, samples in a micro-batch are closer in length and less mixed between
  ///     epochs.
  package init(
    _ samples: [Sample], tokensPerMicrobatch: Int, seed: UInt64, samplesPerPool: Int = 8192
  ) {
    precondition(!samples.isEmpty, "LengthBatches: no samples")
    precondition(tokensPerMicrobatch > 0, "LengthBatches: tokensPerMicrobatch \(tokensPerMicrobatch)")
    self.samples = samples
    self.tokensPerMicrobatch = tokensPerMicrobatch
    self.seed = seed

    let order = LengthBatches.sorted(samples)
    var (starts, numbers) = ([Int](), [Int](repeating: 0, count: samples.count))
    for (rank, sample) in order.enumerated() {
      if rank == 0 || samples[order[rank - 1]].lengths != samples[sample].lengths { starts.append(rank) }
      numbers[sample] = starts.count - 1
    }
    (lengthStarts, lengthNumbers) = (starts, numbers)
    let poolCount = (samples.count + samplesPerPool - 1) / samplesPerPool
    let groups = stride(from: 0, to: samples.count, by: poolCount).map {
      order[$0..<min($0 + poolCount, samples.count)].reduce(0) { max($0, samples[$1].positionCount) }
    }
    cuts = LengthBatches.cut(groups, size: tokensPerMicrobatch)
    self.poolCount = poolCount
    // The last group may be a micro-batch by itself, and have no sample for some pools.
    let missing = groups.count * poolCount - samples.count
    microbatchesPerEpoch = cuts.count * poolCount - (cuts.last?.count == 1 ? missing : 0)
  }

  /// The micro-batches of an epoch of training, as indices into `samples`; every sample is in one of them.
  package func plan(epoch: Int) -> [[Int]] {
    var random = CounterRandom(seed: seed, purpose: .order, epoch: epoch)
    var order = Array(samples.indices)
    random.shuffle(&order)
    let sorted = sorted(order)
    var pools = [[Int]](repeating: [], count: poolCount)
    var batches: [[Int]] = []
    for groups in cuts {
      for group in groups {
        var dealt = Array(pools.indices)
        // With one pool there is nothing to draw.
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
    let sorted = sorted(Array(samples.indices))
    return LengthBatches.cut(sorted.map { samples[$0].positionCount }, size: tokensPerMicrobatch).map {
      Array(sorted[$0])
    }
  }

  /// All samples by length; samples of equal length keep their order.
  private func sorted(_ order: [Int]) -> [Int] {
    var places = lengthStarts
    var sorted = order
    for sample in order {
      sorted[places[lengthNumbers[sample]]] = sample
      places[lengthNumbers[sample]] += 1
    }
    return sorted
  }

  private static func sorted(_ samples: [Sample]) -> [Int] {
    samples.indices.sorted { (samples[$0].lengths, $0) < (samples[$1].lengths, $1) }
  }

  /// Divides neighbours into runs of at most `size` positions; a single sample may have more.
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
