internal import ClozeCore
package import ClozeText

/// Encoded pairs, and how they are put into micro-batches.
///
/// A micro-batch holds at most `tokensPerMicrobatch` positions of both sides together, except where a single pair has
/// more. There is no padding, but attention costs least among sentences of equal length; so the pairs of an epoch are
/// shuffled, taken in pools of `pairsPerPool`, sorted by length within a pool, cut into micro-batches, and these are
/// shuffled. All of it is a function of the seed and the epoch.
package struct TranslationBatches: Sendable {
  package let pairs: [EncodedPair]
  package let tokensPerMicrobatch: Int

  private let specials: SpecialTokens
  private let seed: UInt64
  private static let pairsPerPool = 8192

  /// - Parameter tokensPerMicrobatch: positions of both sides.
  package init(_ pairs: [EncodedPair], specials: SpecialTokens, tokensPerMicrobatch: Int, seed: UInt64) {
    precondition(tokensPerMicrobatch > 0, "TranslationBatches: tokensPerMicrobatch \(tokensPerMicrobatch)")
    self.pairs = pairs
    self.specials = specials
    self.tokensPerMicrobatch = tokensPerMicrobatch
    self.seed = seed
  }

  /// The micro-batches of an epoch of training, as indices into `pairs`; every pair is in one of them.
  package func plan(epoch: Int) -> [[Int]] {
    var random = CounterRandom(seed: seed, purpose: .order, epoch: epoch)
    var order = Array(pairs.indices)
    random.shuffle(&order)
    var batches: [[Int]] = []
    for start in stride(from: 0, to: order.count, by: TranslationBatches.pairsPerPool) {
      let pool = order[start..<min(order.count, start + TranslationBatches.pairsPerPool)]
      batches += cut(sorted(Array(pool)))
    }
    random.shuffle(&batches)
    return batches
  }

  /// The micro-batches of an evaluation: always the same, shortest first.
  package var evaluationPlan: [[Int]] { cut(sorted(Array(pairs.indices))) }

  /// The micro-batch of these pairs.
  package func batch(_ indices: [Int]) -> TranslationBatch {
    TranslationBatch(indices.lazy.map { pairs[$0] }, specials: specials)
  }

  /// By length, pairs of equal lengths in the order in which they come.
  private func sorted(_ indices: [Int]) -> [Int] {
    indices.enumerated().sorted { left, right in
      let (a, b) = (pairs[left.element], pairs[right.element])
      return (a.target.count, a.source.count, left.offset) < (b.target.count, b.source.count, right.offset)
    }.map(\.element)
  }

  private func cut(_ indices: [Int]) -> [[Int]] {
    var batches: [[Int]] = []
    var room = 0
    for index in indices {
      let count = pairs[index].positionCount
      if count > room || batches.isEmpty {
        batches.append([])
        room = tokensPerMicrobatch
      }
      batches[batches.count - 1].append(index)
      room -= count
    }
    return batches
  }
}
