internal import ClozeCore

/// A batch of documents for a worker: their texts are one after another in one buffer.
struct DocumentBatch: Sendable {
  /// The digests of all documents that were read for it, in order, with duplicates.
  var digests: [Digest] = []
  /// Bytes of the texts of all documents that were read for it.
  var readBytes = 0
  /// The position of the corpus after the batch.
  var end = CorpusPosition()
  private(set) var splits: [Split] = []
  private var bytes: [UInt8] = []
  /// Document i has the bytes ends[i] ..< ends[i + 1].
  private var ends = [0]

  var count: Int { splits.count }
  var isEmpty: Bool { splits.isEmpty }
  var byteCount: Int { bytes.count }

  mutating func reserveCapacity(bytes count: Int) { bytes.reserveCapacity(count) }

  mutating func append(_ text: UnsafeBufferPointer<UInt8>, split: Split) {
    bytes.append(contentsOf: text)
    ends.append(bytes.count)
    splits.append(split)
  }

  func byteCount(of document: Int) -> Int { ends[document + 1] - ends[document] }

  /// Calls `body` with the text of each document, in order.
  func visitTexts(_ body: (_ text: UnsafeBufferPointer<UInt8>, _ split: Split) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      for document in splits.indices {
        body(UnsafeBufferPointer(rebasing: bytes[ends[document]..<ends[document + 1]]), splits[document])
      }
    }
  }
}
