package import ClozeCore
internal import Foundation

/// Decides for each document whether it is new and which split it belongs to, by a hash of its text alone: of equal
/// documents the first is kept and all would go to the same split, so that no validation text is trained on.
///
/// It holds 128 bits of each distinct document's SHA-256, with the table around them at most 64 bytes a document.
/// That two different documents meet in 128 bits has, for a thousand million documents, a probability of about 10⁻²¹.
package struct DocumentFilter: ~Copyable {
  private let seed: UInt64
  private let validationRate: Double
  private var seen: Set<Key> = []
  private var corpus = DigestBuilder()
  private var hasher = DigestBuilder()

  package private(set) var documents = 0
  package private(set) var duplicates = 0

  private struct Key: Hashable {
    var high: UInt64
    var low: UInt64
  }

  /// - Parameter validationRate: the share of documents that go to the validation split, in 0...1.
  package init(seed: UInt64, validationRate: Double) {
    self.seed = seed
    self.validationRate = validationRate
  }

  /// The split of a document; nil for one that was seen before.
  package mutating func split(of document: Document) -> Split? {
    document.text.withUnsafeBufferPointer { split(of: $0) }
  }

  /// The split of a document's text; nil for one that was seen before.
  mutating func split(of text: UnsafeBufferPointer<UInt8>) -> Split? {
    hasher.update(UnsafeRawBufferPointer(text))
    let digest = hasher.finish()
    corpus.update(digest)
    documents += 1
    let key = Key(high: digest.words[0], low: digest.words[1])
    guard seen.insert(key).inserted else {
      duplicates += 1
      return nil
    }
    var random = CounterRandom(seed: seed, purpose: .validationSplit, index: Int(bitPattern: UInt(key.high)))
    return random.uniform() < validationRate ? .validation : .train
  }

  /// The identity of the corpus: SHA-256 of the hexadecimal SHA-256 of every document, duplicates too, in order.
  package consuming func finish() -> Digest { corpus.finalize() }
}
