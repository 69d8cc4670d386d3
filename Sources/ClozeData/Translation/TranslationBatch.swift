package import ClozeCore
package import ClozeText

/// S pairs one after another, without padding: Ns positions of sources and Nt of targets.
///
/// The encoder reads `[CLS] x [SEP]`. The decoder reads `[CLS] y` and predicts `y [SEP]`, one token ahead.
package struct TranslationBatch: Sendable, Equatable {
  /// `[Ns]`
  package private(set) var sourceIDs: [TokenID] = []
  /// The position of each source token in its sentence: `[Ns]`.
  package private(set) var sourcePositions: [Int32] = []
  /// The first position of each source, and Ns at the end: `[S + 1]`.
  package private(set) var sourceOffsets: [Int] = [0]
  /// The ids that the decoder reads: `[Nt]`.
  package private(set) var targetIDs: [TokenID] = []
  /// `[Nt]`
  package private(set) var targetPositions: [Int32] = []
  /// `[S + 1]`
  package private(set) var targetOffsets: [Int] = [0]
  /// The ids that the decoder has to predict: `[Nt]`.
  package private(set) var labels: [TokenID] = []

  /// S
  package var pairCount: Int { sourceOffsets.count - 1 }

  /// - Parameters:
  ///   - dropout: the rates at which `sourceIDs` and `targetIDs` are hidden; `labels` never are.
  ///   - random: draws what is hidden.
  package init(
    _ pairs: some Sequence<EncodedPair>, specials: SpecialTokens, dropout: WordDropout = WordDropout(),
    random: CounterRandom = CounterRandom(seed: 0, purpose: .wordDropout)
  ) {
    var random = random
    func drop(_ tokens: [TokenID], _ rate: Double) -> [TokenID] {
      WordDropout.drop(tokens, rate: rate, mask: specials.mask, random: &random)
    }
    for pair in pairs {
      sourceIDs += [specials.classification] + drop(pair.source, dropout.source) + [specials.separator]
      sourcePositions += 0..<Int32(pair.source.count + 2)
      sourceOffsets.append(sourceIDs.count)
      targetIDs += [specials.classification] + drop(pair.target, dropout.target)
      labels += pair.target + [specials.separator]
      targetPositions += 0..<Int32(pair.target.count + 1)
      targetOffsets.append(targetIDs.count)
    }
  }
}

extension EncodedPair: BatchSample {
  package var lengths: SampleLengths { SampleLengths(first: target.count, second: source.count) }

  /// The positions of both sides together, special tokens included.
  package var positionCount: Int { source.count + 2 + target.count + 1 }
}
