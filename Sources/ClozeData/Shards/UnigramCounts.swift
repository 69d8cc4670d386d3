internal import Foundation

/// How often each token occurs in the train split: the unigram baseline, and the bands of rare and frequent tokens.
package struct UnigramCounts: Sendable, Equatable {
  /// By token id.
  package let counts: [UInt64]
  package let total: UInt64

  package init(counts: [UInt64]) {
    self.counts = counts
    total = counts.reduce(0, +)
  }

  /// H = -Σ p ln p with p = count / total, in nats a token; 0 without tokens. It is the loss of a model that knows
  /// how frequent each token is and nothing else.
  package var entropy: Double {
    guard total > 0 else { return 0 }
    let total = Double(total)
    return counts.reduce(0.0) { sum, count in
      guard count > 0 else { return sum }
      let p = Double(count) / total
      return sum - p * log(p)
    }
  }

  /// The most frequent token (the first of equals), which is what the unigram baseline always predicts; nil without
  /// tokens.
  package var mostFrequent: Int? {
    guard total > 0 else { return nil }
    return counts.indices.max { counts[$0] < counts[$1] || (counts[$0] == counts[$1] && $0 > $1) }
  }
}
