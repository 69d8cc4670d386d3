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
  private var corpusBuilder = DigestBuilder()
  private var hasher = DigestBuilder()

  package private(set) var documents = 0
  package private(set) var duplicates = 0

  private struct Key: Hashable {
    var high: UInt64
    var low: UInt64

    // SHA-256 has mixed them well enough for one word to stand for both.
    func hash(into hasher: inout Hasher) { hasher.combine(low) }
  }

  /// - Parameter validationRate: the share of documents that go to the validation split, in 0...1.
  package init(seed: UInt64, validationRate: Double) {
    self.seed = seed
    self.validationRate = validationRate
  }

  /// Makes room for so many documents.
  mutating func reserveCapacity(_ count: Int) { seen.reserveCapacity(count) }

  /// The split of a document; nil for one that was seen before.
  package mutating func split(of document: Document) -> Split? {
    document.text.withUnsafeBufferPointer { split(of: digest(of: $0)) }
  }

  /// The digest of a document's text.
  mutating func digest(of text: UnsafeBufferPointer<UInt8>) -> Digest {
    hasher.update(UnsafeRawBufferPointer(text))
    return hasher.finish()
  }

  /// The split of a document by its digest; nil for one that was seen before.
  mutating func split(of digest: Digest) -> Split? {
    guard insert(digest) else { return nil }
    var random = CounterRandom(
      seed: seed, purpose: .validationSplit, index: Int(bitPattern: UInt(digest.words[0])))
    return random.uniform() < validationRate ? .validation : .train
  }

  /// Counts a document.
  /// - Returns: whether it is new.
  @discardableResult
  mutating func insert(_ digest: Digest) -> Bool {
    corpusBuilder.update(digest)
    documents += 1
    let isNew = seen.insert(Key(high: digest.words[0], low: digest.words[1])).inserted
    if !isNew { duplicates += 1 }
    return isNew
  }

  /// The identity of the corpus so far: SHA-256 of the hexadecimal SHA-256 of every document, duplicates too, in order.
  package var corpus: Digest { corpusBuilder.digestSoFar }
}
