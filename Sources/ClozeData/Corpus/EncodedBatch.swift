internal import ClozeCore
internal import ClozeText

/// The tokens of some documents, one after another.
struct EncodedBatch: Sendable {
  private(set) var tokens: [TokenID] = []
  /// Document i has the tokens ends[i] ..< ends[i + 1].
  private(set) var ends = [0]
  /// The encoder's counts of each document.
  private(set) var counts: [TokenCounts] = []
  /// The loss of all documents together.
  private(set) var loss = TextLoss()

  init(_ documents: DocumentBatch, with encoder: inout TokenEncoder) {
    // English has about four bytes for each token.
    tokens.reserveCapacity(documents.byteCount / 3)
    documents.visitTexts { text, _ in
      let before = encoder.counts
      encoder.encode(text, into: &tokens)
      ends.append(tokens.count)
      counts.append(encoder.counts - before)
    }
    loss = encoder.takeLoss()
  }
}

/// A pool of encoders with their caches, as many as workers use at once.
final class EncoderPool: Sendable {
  private let tokenizer: Tokenizer
  private let idle = Guarded<[TokenEncoder]>([])

  init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  func withEncoder<Result>(_ body: (inout TokenEncoder) -> Result) -> Result {
    var encoder = idle.withLock { $0.popLast() } ?? TokenEncoder(tokenizer)
    let result = body(&encoder)
    put(encoder)
    return result
  }

  private func put(_ encoder: consuming TokenEncoder) {
    idle.withLock { [encoder] in $0.append(encoder) }
  }
}
