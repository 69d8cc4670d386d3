internal import ClozeCore
package import ClozeText

/// A pair as token ids, without special tokens.
package struct EncodedPair: Sendable, Equatable {
  package var source: [TokenID]
  package var target: [TokenID]

  package init(source: [TokenID], target: [TokenID]) {
    self.source = source
    self.target = target
  }
}

/// The pairs of a file that a translator can learn from, and the lines of the others.
///
/// A side without tokens teaches nothing, and a truncated target would teach the decoder to stop inside a sentence. So
/// such pairs are counted, and left out of training and of all figures.
package struct PairSelection: Sendable {
  package let pairs: [TranslationPair]
  /// The tokens of each pair in `pairs`.
  package let encoded: [EncodedPair]
  /// The number of each pair among the pairs of the file.
  package let numbers: [Int]
  /// Lines of pairs with a source or target of more than `maximumLength` positions.
  package private(set) var tooLong: [Int] = []
  package private(set) var sourcesWithoutTokens: [Int] = []
  package private(set) var targetsWithoutTokens: [Int] = []

  /// - Parameter maximumLength: the most positions of one side, special tokens included.
  /// - Throws: `TranslationError.noneFits`
  package init(_ file: TranslationPairs, tokenizer: Tokenizer, maximumLength: Int) throws {
    precondition(maximumLength > 2, "PairSelection: maximumLength \(maximumLength)")
    var encoder = TokenEncoder(tokenizer)
    var (pairs, encoded, numbers): ([TranslationPair], [EncodedPair], [Int]) = ([], [], [])
    for (number, (pair, line)) in zip(file.pairs, file.lines).enumerated() {
      let ids = EncodedPair(source: encoder.encode(pair.source), target: encoder.encode(pair.target))
      if ids.source.isEmpty {
        sourcesWithoutTokens.append(line)
      } else if ids.target.isEmpty {
        targetsWithoutTokens.append(line)
      } else if ids.source.count + 2 > maximumLength || ids.target.count + 1 > maximumLength {
        tooLong.append(line)
      } else {
        pairs.append(pair)
        encoded.append(ids)
        numbers.append(number)
      }
    }
    guard !pairs.isEmpty else { throw TranslationError.noneFits(maximumLength: maximumLength) }
    (self.pairs, self.encoded, self.numbers) = (pairs, encoded, numbers)
  }

  private init(_ pairs: [TranslationPair], _ encoded: [EncodedPair], _ numbers: [Int]) {
    (self.pairs, self.encoded, self.numbers) = (pairs, encoded, numbers)
  }

  /// `count` of the pairs, drawn over all of them; all if there are not more.
  package func sample(_ count: Int, seed: UInt64) -> PairSelection {
    let places = StratifiedSample.draw(count, of: pairs.count, seed: seed)
    return PairSelection(
      places.map { pairs[$0] }, places.map { encoded[$0] }, places.map { numbers[$0] })
  }
}
