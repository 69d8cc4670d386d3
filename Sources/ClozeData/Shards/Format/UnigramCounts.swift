internal import ClozeCore
package import ClozeText
package import Foundation

/// The counts of all tokens in the train split, for the unigram baseline and for bands of rare and frequent tokens.
package struct UnigramCounts: Sendable, Equatable {
  /// By token id.
  package let counts: [UInt64]
  package let total: UInt64

  package init(counts: [UInt64]) {
    self.counts = counts
    total = counts.reduce(0, +)
  }

  /// The counts of what a decoder predicts: the tokens of the targets, and an end after each.
  package init(targetsOf pairs: [EncodedPair], end: TokenID, vocabularySize: Int) {
    var counts = [UInt64](repeating: 0, count: vocabularySize)
    for pair in pairs {
      for token in pair.target { counts[Int(token)] += 1 }
      counts[Int(end)] += 1
    }
    self.init(counts: counts)
  }

  /// Reads `unigrams.bin` and compares it with the index.
  /// - Throws: `ShardError`, `FileError`
  init(reading url: URL, index: DataIndex) throws {
    let data = try Data(file: url)
    guard data.count == 8 * index.vocabularySize else {
      throw ShardError.wrongFileSize(path: url.path, stated: 8 * index.vocabularySize, found: data.count)
    }
    guard Digest(of: data) == index.unigrams else { throw ShardError.wrongFileDigest(path: url.path) }
    guard let read = UnigramCounts(encoded: data, vocabularySize: index.vocabularySize) else {
      throw ShardError.wrongUnigrams(path: url.path, reason: "has counts that no corpus has")
    }
    guard read.total == UInt64(index.train.tokens) else {
      throw ShardError.wrongUnigrams(
        path: url.path, reason: "counts \(read.total) tokens where the train split has \(index.train.tokens)")
    }
    self = read
  }

  /// The counts of a data folder's train split without special tokens, which are never selected.
  /// - Throws: `ShardError`, `TokenizerError`, `VocabularyError`, `FileError`
  package static func ofOrdinaryTokens(in folder: URL, index: DataIndex) throws -> UnigramCounts {
    try UnigramCounts(reading: DataFolder(folder).unigrams, index: index)
      .without(Tokenizer(folder).vocabulary.specials.ids)
  }

  /// Reads the bytes of `unigrams.bin`; nil if their number is wrong, or a count is impossible.
  init?(encoded data: Data, vocabularySize: Int) {
    guard data.count == 8 * vocabularySize else { return nil }
    let numbers = data.withUnsafeBytes { bytes in
      (0..<vocabularySize).map {
        UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self))
      }
    }
    var sum: UInt64 = 0
    for number in numbers {
      let (next, overflows) = sum.addingReportingOverflow(number)
      guard !overflows else { return nil }
      sum = next
    }
    (counts, total) = (numbers, sum)
  }

  /// The bytes of `unigrams.bin`.
  var encoded: Data { counts.map(\.littleEndian).withUnsafeBytes { Data($0) } }

  /// The counts with 0 for these tokens.
  package func without(_ ids: [TokenID]) -> UnigramCounts {
    var counts = counts
    for id in ids { counts[Int(id)] = 0 }
    return UnigramCounts(counts: counts)
  }

  /// H = -Σ p ln p with p = count / total, in nats per token; 0 without tokens. It is the loss of a model that knows
  /// the frequency of each token and nothing else.
  package var entropy: Double { entropy(labelSmoothing: 0) }

  /// The least loss of such a model with label smoothing s, in nats: the entropy of (1 - s) p + s / V for V tokens.
  package func entropy(labelSmoothing: Double) -> Double {
    guard total > 0 else { return 0 }
    let total = Double(total)
    return counts.reduce(0.0) { sum, count in
      let p = (1 - labelSmoothing) * Double(count) / total + labelSmoothing / Double(counts.count)
      return p > 0 ? sum - p * log(p) : sum
    }
  }

  /// The most frequent token (of equally frequent ones the first), which the unigram baseline always predicts; nil
  /// without tokens.
  package var mostFrequent: Int? {
    guard total > 0 else { return nil }
    return counts.indices.max { counts[$0] < counts[$1] || (counts[$0] == counts[$1] && $0 > $1) }
  }
}
