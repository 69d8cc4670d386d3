package import ClozeCore

/// A list of tokens that cannot be a vocabulary.
package enum VocabularyError: Failure {
  case missingSpecial(source: String, token: String)
  case repeatedToken(source: String, token: String, first: Int, second: Int)
  case emptyToken(source: String, id: Int)
  case tooLarge(source: String, count: Int)

  package var exitStatus: ExitStatus { .data }

  package var description: String {
    switch self {
    case .missingSpecial(let source, let token):
      "\(source): the special token \(token) is missing; give a vocabulary that has "
        + SpecialTokens.texts.joined(separator: " ")
    case .repeatedToken(let source, let token, let first, let second):
      "\(source): '\(token)' is token \(first) and again token \(second); keep one of them"
    case .tooLarge(let source, let count):
      "\(source): has \(count) tokens; use one of at most \(Vocabulary.maximumCount)"
    case .emptyToken(let source, let id): "\(source): token \(id) is empty; remove the blank line"
    }
  }
}

/// The tokens of a tokenizer. Pieces at the beginning of a word are written as they are, pieces inside a word after
/// "##".
package struct Vocabulary: Sendable {
  /// The tokens by id.
  package let tokens: [String]
  package let specials: SpecialTokens
  /// The added tokens, without the five special ones.
  package let added: [AddedToken]
  /// By id: whether the token is a piece inside a word, written after "##".
  package let isContinuation: [Bool]
  /// By id: whether the token consists of marks that end a sentence, such as "." or "。".
  package let isSentenceEnd: [Bool]
  /// By id: whether the token stands for no text: the five special ones, and added tokens that are special.
  package let isSpecial: [Bool]

  private let numbers: WordTable

  /// The most tokens, several times the vocabulary of the largest models.
  package static let maximumCount = 1 << 22

  /// The bytes that mark a continuation.
  package static let continuationPrefix = "##"

  /// - Parameters:
  ///   - tokens: every token once, in the order of the ids.
  ///   - added: the tokens that were added to the pieces; their ids are indices of `tokens`.
  ///   - source: the file, for error messages.
  /// - Throws: `VocabularyError`
  package init(tokens: [String], added: [AddedToken] = [], source: String = "vocabulary") throws {
    guard tokens.count <= Vocabulary.maximumCount else {
      throw VocabularyError.tooLarge(source: source, count: tokens.count)
    }
    var numbers = WordTable(minimumCapacity: tokens.count)
    for (id, token) in tokens.enumerated() {
      guard !token.isEmpty else { throw VocabularyError.emptyToken(source: source, id: id) }
      var text = token
      let number = text.withUTF8 { numbers.insert($0) }
      guard number == id else {
        throw VocabularyError.repeatedToken(source: source, token: token, first: number, second: id)
      }
    }
    let specialIDs = try SpecialTokens.texts.map { text in
      guard let number = numbers.find(text) else {
        throw VocabularyError.missingSpecial(source: source, token: text)
      }
      return TokenID(number)
    }
    var isSpecial = [Bool](repeating: false, count: tokens.count)
    for id in specialIDs { isSpecial[Int(id)] = true }
    for token in added where token.isSpecial { isSpecial[Int(token.id)] = true }
    self.tokens = tokens
    self.numbers = numbers
    self.specials = SpecialTokens(ids: specialIDs)
    self.isSpecial = isSpecial
    var isContinuation = tokens.map { $0.utf8.starts(with: Vocabulary.continuationPrefix.utf8) }
    for token in added where !token.isPiece { isContinuation[Int(token.id)] = false }
    self.isContinuation = isContinuation
    self.added = added.sorted { $0.id < $1.id }
    self.isSentenceEnd = tokens.map { $0.unicodeScalars.allSatisfy(Vocabulary.endsSentence) }
  }

  /// The number of tokens.
  package var count: Int { tokens.count }

  /// The id of `token`, compared byte by byte; nil if the vocabulary lacks it.
  package func id(of token: String) -> TokenID? {
    numbers.find(token).map { TokenID($0) }
  }

  /// The Unicode property Sentence_Terminal, and what it lacks: the ellipses, the shads of Tibetan and the khan and bariyoosan of Khmer.
  private static func endsSentence(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x2025, 0x2026, 0x22EF, 0x0F0D...0x0F12, 0x17D4, 0x17D5: true
    default: scalar.properties.isSentenceTerminal
    }
  }
}

extension Vocabulary: Equatable {
  /// Two vocabularies are equal if their tokens are equal byte by byte, and their added tokens are.
  package static func == (left: Vocabulary, right: Vocabulary) -> Bool {
    left.count == right.count && left.added == right.added
      && zip(left.tokens, right.tokens).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
  }
}
