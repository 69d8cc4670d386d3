internal import ClozeCore
internal import Foundation

/// A summary of the characters of a text that became `[UNK]`, and of the reason. It is computed from a `TextLoss` and
/// stored in `index.json`.
package struct UnknownText: Codable, Equatable, Sendable {
  /// A character and its count in words that became `[UNK]`.
  package struct Character: Codable, Equatable, Sendable {
    package var scalar: UInt32
    package var count: Int

    package init(scalar: UInt32, count: Int) {
      self.scalar = scalar
      self.count = count
    }
  }

  /// Above this share of unknown characters there is a warning.
  package static let warningShare = 0.005
  /// Above this share `tokenize` refuses the text.
  package static let refusalShare = 0.2
  private static let commonestCount = 8

  /// Characters of all words.
  package var characters: Int
  /// Those in words longer than `longestWord`.
  package var tooLong: Int
  /// The characters in words that became `[UNK]`, by script.
  package var scripts: [String: Int]
  /// The most frequent of them that the vocabulary lacks. If it lacks none, or most are in overlong words: the most
  /// frequent of all.
  package var commonest: [Character]
  /// The tokenizer's longest word, in characters.
  package var longestWord: Int
  /// The Unicode normalization form under which the vocabulary has more of `commonest`; nil if none helps.
  package var normalization: String?

  package init(
    characters: Int, tooLong: Int, scripts: [String: Int], commonest: [Character], longestWord: Int,
    normalization: String?
  ) {
    self.characters = characters
    self.tooLong = tooLong
    self.scripts = scripts
    self.commonest = commonest
    self.longestWord = longestWord
    self.normalization = normalization
  }

  package init(_ loss: TextLoss, _ tokenizer: Tokenizer) {
    let vocabulary = tokenizer.vocabulary
    var scripts: [String: Int] = [:]
    var all: [Character] = []
    var missing: [Character] = []
    loss.unknown.visit { value, count in
      guard let scalar = Unicode.Scalar(value) else { return }
      scripts[Script.name(of: scalar), default: 0] += count
      let character = Character(scalar: value, count: count)
      all.append(character)
      if !vocabulary.spells(String(scalar)) { missing.append(character) }
    }
    let isTooLong = 2 * loss.tooLong > loss.unknownCharacters
    let named = isTooLong || missing.isEmpty ? all : missing
    characters = loss.characters
    tooLong = loss.tooLong
    self.scripts = scripts
    commonest = Array(
      named.sorted { ($1.count, $0.scalar) < ($0.count, $1.scalar) }.prefix(UnknownText.commonestCount))
    longestWord = tokenizer.longestWord
    normalization = isTooLong ? nil : UnknownText.normalization(of: commonest, vocabulary)
  }

  /// The form under which the vocabulary can spell the most frequent of `missing` for which there is one; nil if none
  /// helps.
  private static func normalization(of missing: [Character], _ vocabulary: Vocabulary) -> String? {
    for character in missing {
      guard let scalar = Unicode.Scalar(character.scalar) else { continue }
      // A combining mark: the vocabulary may have the composed letters.
      if scalar.properties.canonicalCombiningClass != .notReordered, Script.name(of: scalar) == "Marks" {
        return "NFC"
      }
      let text = String(scalar)
      for (name, form) in [
        ("NFC", text.precomposedStringWithCanonicalMapping),
        ("NFKC", text.precomposedStringWithCompatibilityMapping),
      ] where !form.utf8.elementsEqual(text.utf8) && !form.isEmpty {
        if form.unicodeScalars.allSatisfy({ $0 == " " || vocabulary.spells(String($0)) }) { return name }
      }
    }
    return nil
  }

  /// Whether values that were read from a file are consistent: sums do not overflow, and names look like scripts'
  /// names.
  package var isPlausible: Bool {
    let counts = [characters, tooLong] + scripts.values + commonest.map(\.count)
    return counts.allSatisfy { (0...1 << 52).contains($0) } && scripts.count <= 200 && unknown <= characters
      && commonest.count <= 100 && Tokenizer.longestWordRange.contains(longestWord)
      && scripts.keys.allSatisfy {
        $0.utf8.count < 40 && $0.allSatisfy { $0.isASCII && $0.isLetter || $0 == " " }
      }
      && ["NFC", "NFKC", nil].contains(normalization)
  }

  package var unknown: Int { scripts.values.reduce(0, +) }
  /// In 0...1.
  package var share: Double { characters == 0 ? 0 : Double(unknown) / Double(characters) }
  package var isWorthAWarning: Bool { share > UnknownText.warningShare }

  /// The loss in one line: 9.10 % of the characters (91 of 1,000) become [UNK]: Thai 90, Emoji 1; most often ก U+0E01.
  package var description: String {
    guard unknown > 0 else { return "none of \(Figure.count(characters)) characters" }
    let share = Figure.percent(self.share, self.share < 0.001 ? 4 : 2)
    return "\(share) of the characters (\(Figure.count(unknown)) of \(Figure.count(characters))) "
      + "become [UNK]: \(scriptList); most often \(characterList)"
  }

  private var scriptList: String {
    let ordered = scripts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let named = ordered.prefix(5).map { "\($0.key) \(Figure.count($0.value))" }
    let rest = ordered.dropFirst(5).reduce(0) { $0 + $1.value }
    return (named + (rest > 0 ? ["others \(Figure.count(rest))"] : [])).joined(separator: ", ")
  }

  private var characterList: String {
    commonest.compactMap { character in
      guard let scalar = Unicode.Scalar(character.scalar) else { return nil }
      let code = String(format: "U+%04X", scalar.value)
      // A mark would combine with the space before it, so it gets a circle; a control character is not printed.
      switch scalar.properties.generalCategory {
      case .nonspacingMark, .spacingMark, .enclosingMark: return "\u{25CC}\(scalar) \(code)"
      case .control, .format, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return code
      default: return "\(scalar) \(code)"
      }
    }.joined(separator: ", ")
  }

  /// The advice that `tokenize` prints.
  package var adviceForTokenizing: String {
    if 2 * tooLong > unknown {
      return "words of more than \(Figure.count(longestWord)) characters are unknown; "
        + "raise --longest-word (max_input_chars_per_word), or put spaces or line ends between words"
    }
    return "tokenize with a larger --vocabulary-size or a vocabulary of this text" + normalizationAdvice
  }

  /// The advice that tools with a model print.
  package var adviceForModel: String {
    if 2 * tooLong > unknown {
      return
        "words of more than \(Figure.count(longestWord)) characters are unknown to this model's tokenizer; "
        + "put spaces between words, or use a model tokenized with a larger --longest-word"
    }
    return "the model never sees them; use one whose vocabulary is of such text" + normalizationAdvice
  }

  private var normalizationAdvice: String {
    normalization.map { ", or bring the text into \($0) first" } ?? ""
  }
}

extension Vocabulary {
  /// Whether the character is a token, at the beginning of a word or inside.
  fileprivate func spells(_ character: String) -> Bool {
    id(of: character) != nil || id(of: Vocabulary.continuationPrefix + character) != nil
  }
}
