import ArgumentParser
import ClozeCLI
import ClozeCore
import ClozeData
import ClozeText
import Foundation

/// The options for the tokenizer of a data folder, and for text that is unknown to it.
struct VocabularyOptions: ParsableArguments {
  @Option(name: .long, help: "How many tokens to train. (default: 8192)")
  var vocabularySize: Int?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Use this folder, tokenizer.json or vocab.txt and train no vocabulary.", valueName: "path"))
  var tokenizer: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "With --tokenizer: add the pieces that this text needs most, up to n tokens; those that there are keep their ids. For pretrain --model.",
      valueName: "n"))
  var extendTo: Int?

  @Flag(
    exclusivity: .exclusive,
    help: "Whether upper and lower case differ; of a tokenizer.json its own setting holds. (default: --cased)"
  )
  var letterCase: LetterCase?

  @Flag(
    exclusivity: .exclusive,
    help:
      "Whether a trained tokenizer drops the nonspacing marks of text, as BERT's uncased one does: accents, and the vowel signs and tones of many scripts. (default: --keep-accents)"
  )
  var accents: Accents?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "In characters: a longer word is unknown (max_input_chars_per_word). (default: 100; more where more than 0.5 % of the text lies in longer words, as where a script has no spaces)",
      valueName: "n"))
  var longestWord: Int?

  @Flag(
    name: .long,
    help:
      "Go on where more than 20 % of the characters are unknown to the tokenizer, which is refused otherwise."
  )
  var allowUnknown = false

  mutating func validate() throws {
    if let extendTo {
      guard tokenizer != nil else {
        throw ValidationError("--extend-to needs --tokenizer, whose vocabulary it extends")
      }
      guard VocabularyTrainer.sizes.contains(extendTo) else {
        throw ValidationError(
          "--extend-to is \(extendTo); choose a number above the tokenizer's, up to 1000000")
      }
    }
    if let vocabularySize {
      guard tokenizer == nil else {
        throw ValidationError(
          "--vocabulary-size is for a vocabulary to train, and --tokenizer gives one; leave out one")
      }
      guard VocabularyTrainer.sizes.contains(vocabularySize) else {
        throw ValidationError("--vocabulary-size is \(vocabularySize); choose 100...1000000, such as 8192")
      }
    }
    if tokenizer != nil {
      let given =
        (accents.map { ["--\($0.rawValue)"] } ?? []) + (longestWord == nil ? [] : ["--longest-word"])
      if let option = given.first {
        throw ValidationError(
          "\(option) is for a vocabulary to train, and --tokenizer gives one with its own setting; leave out one"
        )
      }
    }
    if let longestWord, !Tokenizer.longestWordRange.contains(longestWord) {
      let range = Tokenizer.longestWordRange
      throw ValidationError(
        "--longest-word is \(longestWord); choose \(range.lowerBound)...\(range.upperBound), such as 100")
    }
  }

  /// - Throws: `FileError`, `TokenizerError`, `VocabularyError`
  func source() throws -> TokenizerSource {
    if let tokenizer {
      let lowercases = letterCase.map { $0 == .uncased }
      let given = try Tokenizer(URL(fileURLWithPath: tokenizer), lowercases: lowercases)
      if let letterCase, let lowercases, lowercases != given.normalizer.lowercases {
        Console.warning(
          "--\(letterCase.rawValue): the tokenizer \(tokenizer) has a setting of its own, which holds")
      }
      guard let extendTo else { return .given(given) }
      guard extendTo > given.vocabulary.count else {
        throw ValidationError(
          "--extend-to is \(extendTo), and \(tokenizer) has \(given.vocabulary.count) tokens already; choose more"
        )
      }
      return .extended(given, VocabularyTrainer(size: extendTo, longestWord: given.longestWord))
    }
    // BERT's default would follow the case. It drops all nonspacing marks, which are parts of letters in most scripts.
    let lowercases = letterCase == .uncased
    let normalizer = TextNormalizer(
      lowercases: lowercases, stripsAccents: accents.map { $0 == .stripAccents } ?? (lowercases ? false : nil)
    )
    return .trained(
      VocabularyTrainer(size: vocabularySize ?? VocabularyTrainer.standardSize, longestWord: longestWord),
      normalizer)
  }
}

enum LetterCase: String, EnumerableFlag {
  case cased, uncased
}

enum Accents: String, EnumerableFlag {
  case stripAccents = "strip-accents"
  case keepAccents = "keep-accents"
}
