internal import ClozeCore
package import ClozeText

/// S pairs one after another, without padding: Ns positions of sources and Nt of targets.
///
/// The encoder sees `[CLS] x [SEP]`; the decoder sees `[CLS] y` and is to say `y [SEP]`, one token ahead.
package struct TranslationBatch: Sendable, Equatable {
  /// `[Ns]`
  package private(set) var sourceIDs: [TokenID] = []
  /// Each source token's place in its sentence: `[Ns]`.
  package private(set) var sourcePositions: [Int32] = []
  /// Where each source begins, and at last Ns: `[S + 1]`.
  package private(set) var sourceOffsets: [Int] = [0]
  /// What the decoder sees: `[Nt]`.
  package private(set) var targetIDs: [TokenID] = []
  /// `[Nt]`
  package private(set) var targetPositions: [Int32] = []
  /// `[S + 1]`
  package private(set) var targetOffsets: [Int] = [0]
  /// What the decoder is to say: `[Nt]`.
  package private(set) var labels: [TokenID] = []

  /// S
  package var pairCount: Int { sourceOffsets.count - 1 }

  package init(_ pairs: some Sequence<EncodedPair>, specials: SpecialTokens) {
    for pair in pairs {
      sourceIDs += [specials.classification] + pair.source + [specials.separator]
      sourcePositions += 0..<Int32(pair.source.count + 2)
      sourceOffsets.append(sourceIDs.count)
      targetIDs += [specials.classification] + pair.target
      labels += pair.target + [specials.separator]
      targetPositions += 0..<Int32(pair.target.count + 1)
      targetOffsets.append(targetIDs.count)
    }
  }
}

extension EncodedPair: BatchSample {
  package var lengths: SampleLengths { SampleLengths(first: target.count, second: source.count) }

  /// Positions that the pair takes in a batch, both sides together, special tokens included.
  package var positionCount: Int { source.count + 2 + target.count + 1 }
}
