internal import ClozeCore
package import ClozeText

/// Why a line of text gives no synthetic pair.
package enum PairFault: String, Codable, Sendable, CaseIterable {
  /// The line has no token.
  case empty
  /// The line has more tokens than the model has positions.
  case tooLong
  /// The line has characters that become `[UNK]`.
  case unknown
  /// The translation has no token.
  case emptyTranslation
  /// The translation reached the length limit of the search without an end.
  case cutOff
  /// The translation is a copy of the line.
  case copy
  /// One side is too long for the other.
  case lengthRatio
  /// An earlier line has the same translation.
  case repeated
  /// A discriminator found it less like a real pair than those that are kept.
  case unlikely

  package var description: String {
    switch self {
    case .empty: "without a token"
    case .tooLong: "longer than the model"
    case .unknown: "with [UNK]"
    case .emptyTranslation: "translated into nothing"
    case .cutOff: "cut off"
    case .copy: "copied"
    case .lengthRatio: "length ratio"
    case .repeated: "repeated source"
    case .unlikely: "told from real pairs"
    }
  }
}

/// Decides which translations of target lines become synthetic pairs.
///
/// A copy is a translation of which at least half of the words, those without a letter not counted, are words of the line
/// (Ott et al. 2018, section 4.2, arXiv:1803.00047); from copies a translator learns to copy (Khayrallah and Koehn 2018,
/// arXiv:1805.12282). A source that comes again would teach several targets for one source.
package struct PairFilter {
  private static let copiedShare = 0.5

  private var encoder: TokenEncoder
  private let unknown: TokenID
  private let positionCount: Int
  private let lengthRatio: Double
  private var sources: Set<Digest> = []

  /// - Parameters:
  ///   - positionCount: of the model that translates.
  ///   - lengthRatio: the most tokens of the longer side for each token of the shorter one.
  package init(_ tokenizer: Tokenizer, positionCount: Int, lengthRatio: Double) {
    encoder = TokenEncoder(tokenizer)
    unknown = tokenizer.vocabulary.specials.unknown
    self.positionCount = positionCount
    self.lengthRatio = lengthRatio
  }

  /// Remembers the source of a pair that an earlier call has kept.
  package mutating func insert(source: String) { sources.insert(Digest(of: source)) }

  /// What is wrong with a line, before it is translated.
  package mutating func fault(line: String) -> PairFault? {
    let tokens = encoder.encode(line)
    if tokens.isEmpty { return .empty }
    if tokens.count > positionCount - 2 { return .tooLong }
    return tokens.contains(unknown) ? .unknown : nil
  }

  /// What is wrong with a pair; nil keeps it.
  /// - Parameter isWhole: whether the search found the end of the source.
  package mutating func fault(_ pair: TranslationPair, isWhole: Bool) -> PairFault? {
    let (source, target) = (encoder.encode(pair.source).count, encoder.encode(pair.target).count)
    if source == 0 { return .emptyTranslation }
    if !isWhole { return .cutOff }
    if PairFilter.isCopy(pair) { return .copy }
    if Double(max(source, target)) > lengthRatio * Double(min(source, target)) { return .lengthRatio }
    return sources.insert(Digest(of: pair.source)).inserted ? nil : .repeated
  }

  private static func isCopy(_ pair: TranslationPair) -> Bool {
    let (source, target) = (words(pair.source), words(pair.target))
    guard !source.isEmpty else { return pair.source == pair.target }
    var counts: [Substring: Int] = [:]
    for word in target { counts[word, default: 0] += 1 }
    let shared = source.count { word in
      guard let count = counts[word], count > 0 else { return false }
      counts[word] = count - 1
      return true
    }
    return Double(shared) >= copiedShare * Double(source.count)
  }

  /// The words with a letter, in lower case.
  private static func words(_ text: String) -> [Substring] {
    text.lowercased().split { !$0.isLetter && !$0.isNumber }.filter { $0.contains(where: \.isLetter) }
  }
}
