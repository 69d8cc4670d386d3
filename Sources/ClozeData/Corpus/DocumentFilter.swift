package import ClozeCore
internal import Foundation

/// Decides by a hash of its text whether a document is new, and to which split it belongs. Of equal documents the first
/// is kept. Since equal texts have one split, no validation document is trained on.
///
/// It stores 128 bits of the SHA-256 of each distinct document, at most 64 bytes a document with the table. The
/// probability that two of a thousand million documents agree in 128 bits is about 10⁻²¹.
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

    // One word of a SHA-256 is hash enough.
    func hash(into hasher: inout Hasher) { hasher.combine(low) }
  }

  /// - Parameter validationRate: the share of documents that go to the validation split, in 0...1.
  package init(seed: UInt64, validationRate: Double) {
    self.seed = seed
    self.validationRate = validationRate
  }

  /// Reserves room for `count` documents.
  mutating func reserveCapacity(_ count: Int) { seen.reserveCapacity(count) }

  /// The split of a document; nil for a duplicate.
  package mutating func split(of document: Document) -> Split? {
    document.text.withUnsafeBufferPointer { split(of: digest(of: $0)) }
  }

  /// The digest of a document's text.
  mutating func digest(of text: UnsafeBufferPointer<UInt8>) -> Digest {
    hasher.update(UnsafeRawBufferPointer(text))
    return hasher.finish()
  }

  /// The split of a document by its digest; nil for a duplicate.
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

  /// The identity of the corpus so far: SHA-256 of the hexadecimal SHA-256 of every document in order, with duplicates.
  package var corpus: Digest { corpusBuilder.digestSoFar }
}
